package lines_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var chaosSeeds = flag.Uint64("chaos.seeds", 30, "how many seeds TestChaos takes")

// Whatever goes wrong, and whenever it is stopped: every line that was read is put,
// or in the file, in input order and byte for byte; the counts say so.
func TestChaos(t *testing.T) {
	for seed := range *chaosSeeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func chaos(t *testing.T, rnd *rand.Rand) {
	const limit = 2000
	var in []string
	for i := range 200 + rnd.IntN(2000) {
		switch rnd.IntN(50) {
		case 0: // no key
			in = append(in, fmt.Sprintf("%d bad\r", i))
		case 1: // too long
			in = append(in, fmt.Sprintf("{%d%s", i, strings.Repeat("x", limit+rnd.IntN(2*limit))))
		default:
			in = append(in, fmt.Sprintf(`{"k":%d,"n":%d,"x":"%s"}`, rnd.IntN(20), i, strings.Repeat("y", rnd.IntN(200))))
		}
	}
	client := kinesistest.Fake(t, "s", 1+rnd.IntN(4))
	p := newProducer(t, client, producer.WithRecordTTL(time.Duration(1+rnd.IntN(5))*time.Second), producer.WithMaxBufferedBytes(50_000))
	client.Server().SetFaults(kinesistest.Storm(rnd.Uint64(), kinesistest.Weather{
		Unavailable: 0.2, Throttled: 0.1, Lost: 0.1, Entry: 0.3, Truncated: 0.1, NoAnswer: 0.02, Reshard: 0.02, MaxLatency: 300 * time.Millisecond,
	}))
	stop, giveUp, end, endAll := contexts(t)
	if rnd.IntN(2) == 0 { // they are too late at times
		go wait(stop, time.Duration(rnd.IntN(10_000))*time.Millisecond, end)
	}
	if rnd.IntN(2) == 0 {
		go wait(giveUp, time.Duration(5000+rnd.IntN(10_000))*time.Millisecond, endAll)
	}
	f := newFile()
	if rnd.IntN(4) == 0 {
		f.room = rnd.IntN(5000)
	}
	key, err := lines.MemberKey("k")
	if err != nil {
		t.Fatal(err)
	}
	job := lines.Job{In: iotest.HalfReader(strings.NewReader(strings.Join(in, "\n"))), Producer: p, Failed: f, Key: key, MaxLine: limit}
	out := job.Run(stop, giveUp)
	end()
	endAll()
	synctest.Wait()

	st := p.Stats()
	if st.UserRecordsPut+out.Failed != out.Lines || out.Stopped == nil && out.Lines != int64(len(in)) {
		t.Errorf("%d put of %d; %+v", st.UserRecordsPut, len(in), out)
	}
	got := map[string]bool{}
	for _, r := range stored(t, client) {
		got[string(r.Data)] = true
	}
	saved := strings.Split(strings.TrimSuffix(f.String(), "\n"), "\n")
	if f.Len() == 0 {
		saved = nil
	}
	if int64(len(saved)) != out.Failed-out.Missing || (out.FileErr == nil) != (out.Missing == 0) && f.room < 0 {
		t.Errorf("%d lines in the file; %+v", len(saved), out)
	}
	missing, both := int64(0), int64(0)
	for _, line := range in[:out.Lines] {
		inFile := len(saved) > 0 && saved[0] == line
		if inFile {
			saved = saved[1:]
		}
		switch {
		case inFile && got[line]:
			both++
		case !inFile && !got[line]:
			missing++
		}
		delete(got, line)
	}
	if missing > out.Missing || both > out.MaybeStored || len(saved) > 0 || len(got) > 0 {
		t.Errorf("%d are neither put nor in the file, %d are both, %d and %d were not read or are out of order; %+v", missing, both, len(saved), len(got), out)
	}
	if out.FileErr != nil && !errors.Is(out.FileErr, errFull) || out.Missing > 0 && out.FileErr == nil {
		t.Errorf("%+v", out)
	}
}

// wait calls then after d, unless ctx ends before.
func wait(ctx context.Context, d time.Duration, then func()) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
		then()
	}
}
