package deaggregate_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"weak"

	"github.com/kinpack/kinpack/deaggregate"
)

// mixed returns Kinesis records of every kind: golden vectors, messages that follow
// the schema or not, plain ones, and aggregates with a wrong digest.
func mixed(t testing.TB, r *rand.Rand) (keys []string, data [][]byte) {
	for _, g := range goldens(t) {
		keys, data = append(keys, g.PartitionKey), append(data, g.Data)
	}
	for range 200 {
		d := seal(messages{r}.message())
		switch r.IntN(8) {
		case 0:
			d[len(d)-1]++
		case 1:
			d = d[1:]
		}
		keys, data = append(keys, fmt.Sprint("outer ", len(keys))), append(data, d)
	}
	for n := range 30 {
		data = append(data, distinctKeys(n, 10*n), bytes.Repeat([]byte("x"), n), nil)
		keys = append(keys, "a", "b", "c")
	}
	r.Shuffle(len(keys), func(i, j int) {
		keys[i], keys[j] = keys[j], keys[i]
		data[i], data[j] = data[j], data[i]
	})
	return keys, data
}

// A Batch gives what Append gives, for any number of records, in any order, again
// and again.
func TestBatchIsAppend(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	var b deaggregate.Batch
	for n := range 100 {
		keys, data := mixed(t, r)
		if n < 50 {
			keys, data = keys[:n], data[:n]
		}
		loaded := append([][]byte{}, data...)
		b.Load(loaded)
		clear(loaded) // it is copied
		for _, i := range r.Perm(len(data)) {
			before := []deaggregate.Record{{PartitionKey: "was here"}}
			want, wantErr := deaggregate.Append(before, keys[i], data[i])
			got, err := b.Append(before, keys[i], i)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || errors.Is(err, deaggregate.ErrMalformed) != (wantErr != nil) || len(got) != len(want) {
				t.Fatalf("record %d of %d: %d user records, %v, want %d, %v", i, len(data), len(got), err, len(want), wantErr)
			}
			for j := range want[1:] {
				check(t, got[j+1], want[j+1])
			}
			if err == nil {
				invariants(t, got[1:], keys[i], data[i])
			}
		}
	}
}

func TestBatchAllocates(t *testing.T) {
	data := make([][]byte, 40)
	for i := range data {
		data[i] = distinctKeys(400, 100)
	}
	dst := make([]deaggregate.Record, 0, 400)
	var b deaggregate.Batch
	got := testing.AllocsPerRun(20, func() {
		b.Load(data)
		for i := range data {
			if out, err := b.Append(dst, "outer", i); err != nil || len(out) != 400 {
				t.Fatal(len(out), err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations for 40 aggregates, want 0", got)
	}
}

// A Batch lets go of the data that was loaded before.
func TestBatchLetsGo(t *testing.T) {
	var b deaggregate.Batch
	load := func() weak.Pointer[byte] {
		data := distinctKeys(100, 100)
		b.Load([][]byte{data, data})
		return weak.Make(&data[0])
	}
	w := load()
	b.Load(nil)
	runtime.GC()
	if w.Value() != nil {
		t.Error("the data is kept")
	}
	runtime.KeepAlive(&b)
}
