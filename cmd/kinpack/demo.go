package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/internal/realdata"
	"github.com/kinpack/kinpack/kinesistest"
)

const demoHelp = `kinpack demo sends real records twice through an in-process Kinesis, the ordinary
way and with kinpack, and compares what that costs and what gets lost.

Earthquakes and flights (21,707 records) go over HTTP into a stream of 4 shards,
one of which is split on the way, and are read as Lambda reads a stream. One
record is poison (its JSON is cut off), another one fails twice and then succeeds.
  ordinary: PutRecords, a Kinesis record each; a handler that returns an error
            for the batch
  kinpack:  the producer; the lambda middleware with a dead letter and the KCL's
            shard range rule
The exit code is 0 only if kinpack lost nothing and repeated nothing, and at
least one aggregate fell to the KCL's rule and was recovered.

Flags:
  --json        the figures as JSON
  --records N   that many records, 100 to 10,000,000; the data repeats as often
                as it takes (default 21707)

Example:
  $ kinpack demo --records 100000
`

const (
	demoRecords = 21707
	demoShards  = 4
	minRecords  = 100 // with fewer the split may find no aggregate to hit
	maxRecords  = 10_000_000
)

func demoCommand() command {
	return command{"demo", "send real records the ordinary way and with kinpack, and compare", demoHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			asJSON := flags.Bool("json", false, "")
			records := flags.Int("records", demoRecords, "")
			return func(ctx context.Context, s streams) error {
				if *records < minRecords || *records > maxRecords {
					return usageError{fmt.Errorf("--records %d: want %d to %d", *records, minRecords, maxRecords)}
				}
				ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
				defer stop()
				return demo(ctx, s, *records, *asJSON)
			}
		}}
}

// column is what one way of sending came to.
type column struct {
	KinesisRecords int     `json:"kinesisRecords"`
	Units          int     `json:"units"`       // PUT payload units
	Dollars        float64 `json:"dollars"`     // a month, at 1,000 user records a second
	Duplicates     int     `json:"duplicates"`  // handler calls that repeated a success
	Poison         string  `json:"poison"`      // "blocking" or "set aside"
	Waiting        int     `json:"waiting"`     // records stuck behind the poison
	Lost           int     `json:"lost"`        // records that a KCL never delivers
	DroppedRecords int     `json:"dropped"`     // aggregates that fall to the KCL's rule
	Recovered      int     `json:"recovered"`   // of these, sent again whole
	DeadLetters    int     `json:"deadLetters"` // records set aside
	UserRecords    int     `json:"userRecords"` // records sent
	Succeeded      int     `json:"succeeded"`   // records that the handler has processed
}

// result is what the demo found.
type result struct {
	Ordinary column `json:"ordinary"`
	Kinpack  column `json:"kinpack"`
	drops    []drop
}

func demo(ctx context.Context, s streams, n int, asJSON bool) error {
	start := time.Now()
	data, err := workload(n)
	if err != nil {
		return err
	}
	bar := newBar(s.err, 4*n) // each record is sent and read, twice
	var res result
	if err := onStream(func(k *stage) error { return k.ordinary(ctx, data, bar, &res.Ordinary) }); err != nil {
		return fmt.Errorf("the ordinary way: %w", err)
	}
	if err := onStream(func(k *stage) (err error) { res.drops, err = k.kinpack(ctx, data, bar, &res.Kinpack); return err }); err != nil {
		return fmt.Errorf("with kinpack: %w", err)
	}
	bar.done()
	if asJSON {
		e := newEncoder(s.out)
		e.SetIndent("", "  ")
		if err := e.Encode(res); err != nil {
			return err
		}
	} else {
		res.print(s.out, time.Since(start))
	}
	return res.verdict()
}

// verdict says what kinpack's column must not show.
func (r *result) verdict() error {
	switch k := r.Kinpack; {
	case k.Lost > 0:
		return fmt.Errorf("kinpack lost %d records to a KCL-style reader", k.Lost)
	case k.Duplicates > 0:
		return fmt.Errorf("with kinpack %d handler calls repeated a success", k.Duplicates)
	case k.Succeeded+k.DeadLetters != k.UserRecords:
		return fmt.Errorf("with kinpack %d of %d records were processed and %d set aside", k.Succeeded, k.UserRecords, k.DeadLetters)
	case k.DroppedRecords == 0 || k.Recovered != k.DroppedRecords:
		return fmt.Errorf("of %d aggregates that fell to the KCL's rule %d were recovered; want at least one, and all", k.DroppedRecords, k.Recovered)
	}
	return nil
}

// load is the records to send, and which of them are special. Records are told
// apart by their content; where that repeats, they are counted.
type load struct {
	records []realdata.Record
	copies  map[string]int // of each content
	flaky   string         // content that fails twice, at first sight
	poison  string         // content that never succeeds
}

func workload(n int) (*load, error) {
	quakes, flights, err := realdata.Load()
	if err != nil {
		return nil, err
	}
	all := realdata.Mix(quakes, flights, n)
	bad := &all[2*n/3]
	bad.Data = bad.Data[:len(bad.Data)/2]
	l := &load{records: all, copies: map[string]int{}, flaky: string(all[n/3].Data), poison: string(bad.Data)}
	for _, r := range all {
		l.copies[string(r.Data)]++
	}
	return l, nil
}

// stage is a Kinesis of its own, with one stream, for one way of sending.
type stage struct {
	server *kinesistest.Server
	client *kinesis.Client // over HTTP
	stream string
	arn    string
	log    *slog.Logger
}

// onStream sets a stage up and clears it away.
func onStream(do func(*stage) error) (err error) {
	k := &stage{server: kinesistest.New(), stream: "demo", log: slog.New(slog.DiscardHandler)}
	endpoint, err := k.server.Listen()
	if err != nil {
		return err
	}
	defer k.server.Close()
	k.client = kinesistest.NewSDKClient(endpoint)
	if err := k.server.AddStream(k.stream, demoShards); err != nil {
		return err
	}
	summary, err := k.client.DescribeStreamSummary(context.Background(), &kinesis.DescribeStreamSummaryInput{StreamName: &k.stream})
	if err != nil {
		return err
	}
	k.arn = *summary.StreamDescriptionSummary.StreamARN
	return do(k)
}

// calls counts a handler's calls.
type calls struct {
	load      *load
	bar       *bar
	succeeded map[string]int
	failures  int // of the flaky record
	repeats   int
}

// handle is the user's function for one record: what it does with data.
func (c *calls) handle(data []byte) error {
	if !json.Valid(data) {
		return fmt.Errorf("the JSON breaks off after %d bytes", len(data))
	}
	content := string(data)
	if content == c.load.flaky && c.failures < 2 {
		c.failures++
		return fmt.Errorf("out of luck, for the %d. time", c.failures)
	}
	c.bar.add(1)
	c.succeeded[content]++
	if c.succeeded[content] > c.load.copies[content] {
		c.repeats++
	}
	return nil
}

// processed is how many of the records have succeeded.
func (c *calls) processed() (n int) {
	for content, times := range c.succeeded {
		n += min(times, c.load.copies[content])
	}
	return n
}
