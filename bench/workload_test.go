package bench_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/internal/realdata"
	"github.com/kinpack/kinpack/producer"
)

// workload is a workload with a name.
type workload struct {
	plan.Workload
	keys  string
	data  string // the real data set that the records are of, or empty
	flood bool   // as fast as they are taken, whatever the rate
}

// The partition keys that the user records have.
var keyings = map[string]plan.Keys{
	"one":    {Distinct: 1, Bytes: 16},
	"unique": {}, // one each, of 36 bytes, such as a UUID
	"none":   {None: true},
}

func of(rate float64, size, shards int, keys string) workload {
	return workload{Workload: plan.Of(rate, size, shards, keyings[keys]), keys: keys}
}

// ofData returns the workload of a real data set, with its own keys.
func ofData(rate float64, name string, shards int) workload {
	w := of(rate, 0, shards, "own")
	w.data = name
	for _, r := range realData(name) {
		w.Records = append(w.Records, producer.Record{PartitionKey: r.PartitionKey, Data: r.Data})
	}
	return w
}

func floodOf(size, shards int, keys string) workload {
	w := of(1e6, size, shards, keys)
	w.flood = true
	return w
}

func (w workload) from(producers int) workload          { w.Producers = producers; return w }
func (w workload) within(buffer time.Duration) workload { w.Buffer = buffer; return w }
func (w workload) cutBy(unit int) workload              { w.Unit = unit; return w }

// name is what the workload's benchmark is called, in the form that benchstat takes
// apart.
func (w workload) name() string {
	var parts []string
	add := func(key, value string) { parts = append(parts, key+"="+value) }
	if w.data != "" {
		add("data", w.data)
	} else {
		add("size", strconv.Itoa(w.Size)+"B")
		add("keys", w.keys)
	}
	if !w.flood {
		add("rate", strconv.FormatFloat(w.Rate, 'f', -1, 64))
	}
	add("shards", strconv.Itoa(w.Shards))
	if !w.flood {
		add("producers", strconv.Itoa(w.Producers))
		add("buffer", w.Buffer.String())
	}
	if w.Unit != producer.PutUnit {
		add("unit", strconv.Itoa(w.Unit)+"B")
	}
	return strings.Join(parts, "/")
}

// count is how many user records are put.
func (w workload) count() int {
	if w.flood {
		return 48 << 20 / (w.Size + 100)
	}
	return w.UserRecords()
}

// counted says whether what is sent when the i-th user record has come counts.
func (w workload) counted(i int) bool { return i >= w.count()/4 }

// arrivals yields when the user records of one of the producers are put, the same
// as producer.Forecast takes.
func (w workload) arrivals(yield func(int, time.Duration) bool) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range w.count() {
		at := time.Duration(0)
		if !w.flood {
			at = time.Duration((float64(i) + rnd.Float64()) / (w.Rate / float64(w.Producers)) * float64(time.Second))
		}
		if !yield(i, at) {
			return
		}
	}
}

var quakes, flights, errData = realdata.Load()

func realData(name string) []realdata.Record {
	if errData != nil {
		panic(errData)
	}
	return map[string][]realdata.Record{"earthquakes": quakes, "flights": flights}[name]
}
