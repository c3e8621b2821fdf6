package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/producer"
)

const costHelp = `kinpack cost says what user records cost a month, one by one and packed.

What is put:
  --rate N        user records a second, of all producers together: 1e-6 to 1e8
  --size BYTES    of a user record's data; also 35KB or 1MB (of 1,024); with its key
                  at most 10MB
  --stream NAME   instead of both: a stream, by name or ARN, of which records are
                  sampled; its shards, mode, retention and fan-out consumers are
                  taken, too. With --rate the rate is not the sample's
  --from P        from where on it is sampled: trim (default), a time, or a duration
                  such as 15m, which is so long ago
  --sample N      how many Kinesis records at most, default 5000
How it is put:
  --keyless       without partition keys: to whatever shard fills its units best
  --keys N        how many partition keys there are; default 0: each record its own
  --key-size N    bytes of a partition key, default 36
  --producers N   processes that share the rate, each of which packs its own; default 1
  --buffer TIME   how long a record may wait for others, default 100ms
How it is kept and read:
  --mode MODE     provisioned (default), on-demand or advantage; in the latter two
                  aggregates are cut by 1,024 bytes (producer.WithPutUnit)
  --shards N      default: as many as needed, one by one and packed each; of an
                  on-demand stream twice that and at least 4
  --retention T   such as 24h (default), 7d, 365d
  --consumers N   that read with GetRecords, default 1
  --lambda MB     one of them is a Lambda function of that memory, with
  --lambda-ms MS  for each user record (default 1) and
  --batch-size N  Kinesis records an invocation (default 100)
  --fan-out N     consumers with enhanced fan-out
  --network PATH  nat or privatelink bill the bytes on the wire; default direct
  --zones N       with a gateway or an endpoint each, default 1
  --encoding E    json (default) or cbor
Prices:
  --region NAME   default: the stream's, or else that of AWS_REGION, or us-east-1
  --prices FILE   JSON with other prices, such as {"Provisioned": {"ShardHourUSD":
                  0.017}}; the names are those of package bench/cost, what is not
                  there is the region's
  --hours N       of a month, default 730; 720 and 744 are those of 30 and 31 days
  --put-unit N    bytes of a PUT payload unit, default 25600
  --key-counts    the partition key is billed, too (AWS does not say)
Output:
  --no-pack       only one by one
  --json, --csv   instead of the text; amounts to the cent, in US dollars
  --html [FILE]   a page with charts, in one file, to standard output or FILE
To read a stream, as with every AWS tool:
  --profile NAME  the profile of the shared AWS config
  --endpoint URL  another endpoint for all services, such as an emulator's;
                  AWS_ENDPOINT_URL does the same

What packing does is forecast by the producer's own code, with a Kinesis that
answers at once.

Example:
  $ kinpack cost --rate 1000 --size 512 --no-pack
  1,000 user records a second of 512 bytes, each with its own key of 36 bytes
  us-east-1 (prices of 2026-11), provisioned, 24h retention, 1 consumer, a month of 730 hours

                                  one by one
  Kinesis records a second             1,000
  PUT payload units a second           1,000
  fill of the PUT payload units        2.0 %
  shards                                   1
  shard hours                         $10.95
  PUT payload units                   $36.79
  total a month                       $47.74
`

func costCommand() command {
	return command{"cost", "say what records cost a month, one by one and packed", costHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			c := newCostFlags(flags)
			return func(ctx context.Context, s streams) error {
				flags.Visit(func(f *flag.Flag) { c.given[f.Name] = true })
				return c.run(ctx, s)
			}
		}}
}

// costFlags are the command line of cost.
type costFlags struct {
	aws               *awsFlags
	rate              float64
	size              byteSize
	stream, from      string
	prices            string
	sample            int
	keyless           bool
	keys, keySize     int
	shards, producers int
	buffer            time.Duration
	mode              cost.Mode
	retention         retention
	consumers, fanOut int
	lambda, batch     int
	lambdaMs          float64
	network, encoding string
	zones             int
	hours             float64
	putUnit           int
	keyCounts, noPack bool
	json, csv         bool
	html              fileFlag
	given             map[string]bool // the flags that are on the command line
	notes             []string        // what the stream has to say
}

func newCostFlags(flags *flag.FlagSet) *costFlags {
	c := &costFlags{aws: newAWSFlags(flags), retention: 24, given: map[string]bool{}}
	flags.Float64Var(&c.rate, "rate", 0, "")
	flags.Var(&c.size, "size", "")
	flags.StringVar(&c.stream, "stream", "", "")
	flags.StringVar(&c.from, "from", "trim", "")
	flags.IntVar(&c.sample, "sample", 5000, "")
	flags.BoolVar(&c.keyless, "keyless", false, "")
	flags.IntVar(&c.keys, "keys", 0, "")
	flags.IntVar(&c.keySize, "key-size", plan.UniqueBytes, "")
	flags.IntVar(&c.shards, "shards", 0, "")
	flags.IntVar(&c.producers, "producers", 1, "")
	flags.DurationVar(&c.buffer, "buffer", 100*time.Millisecond, "")
	flags.TextVar(&c.mode, "mode", cost.Provisioned, "")
	flags.Var(&c.retention, "retention", "")
	flags.IntVar(&c.consumers, "consumers", 1, "")
	flags.IntVar(&c.fanOut, "fan-out", 0, "")
	flags.IntVar(&c.lambda, "lambda", 0, "")
	flags.Float64Var(&c.lambdaMs, "lambda-ms", 1, "")
	flags.IntVar(&c.batch, "batch-size", 100, "")
	flags.StringVar(&c.network, "network", "direct", "")
	flags.IntVar(&c.zones, "zones", 1, "")
	flags.StringVar(&c.encoding, "encoding", "json", "")
	flags.StringVar(&c.prices, "prices", "", "")
	flags.Float64Var(&c.hours, "hours", cost.HoursPerMonth, "")
	flags.IntVar(&c.putUnit, "put-unit", cost.PutUnit, "")
	flags.BoolVar(&c.keyCounts, "key-counts", false, "")
	flags.BoolVar(&c.noPack, "no-pack", false, "")
	flags.BoolVar(&c.json, "json", false, "")
	flags.BoolVar(&c.csv, "csv", false, "")
	flags.Var(&c.html, "html", "")
	return c
}

// validate says what is wrong with the command line as far as the model does not.
func (c *costFlags) validate() error {
	var wrong []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	if c.stream == "" || c.given["rate"] {
		check(c.rate >= 1e-6 && c.rate <= 1e8, "--rate %v: want 1e-6 to 1e8 user records a second", c.rate)
	}
	if c.stream == "" {
		check(c.given["size"], "--size is missing: bytes of a user record")
	} else if err := c.validateStream(); err != nil {
		check(false, "%v", err)
	}
	check(!c.keyless || c.keys == 0, "--keys and --keyless: want one of them")
	check(c.keys >= 0, "--keys %d: want 0 or more", c.keys)
	check(c.keySize >= 1 && c.keySize <= 256, "--key-size %d: want 1 to 256", c.keySize)
	check(c.shards >= 0 && c.shards <= 100_000, "--shards %d: want 1 to 100000", c.shards)
	check(c.producers >= 1 && c.producers <= 1_000_000, "--producers %d: want 1 to 1000000", c.producers)
	check(c.buffer > 0 && c.buffer <= 7*24*time.Hour, "--buffer %v: want more than 0 and at most 168h", c.buffer)
	check(c.consumers >= 0 && c.consumers <= 1000, "--consumers %d: want 0 to 1000", c.consumers)
	check(c.fanOut >= 0 && c.fanOut <= 1000, "--fan-out %d: want 0 to 1000", c.fanOut)
	check(c.retention >= 24 && c.retention <= 8760, "--retention %s: want 24h to 365d", c.retention.String())
	check(c.hours > 0 && c.hours <= 744, "--hours %v: want more than 0 and at most 744", c.hours)
	check(c.putUnit >= 1, "--put-unit %d: want 1 or more", c.putUnit)
	_, ok := pathOf(c.network)
	check(ok, "--network %q: want direct, nat or privatelink", c.network)
	_, ok = encodingOf(c.encoding)
	check(ok, "--encoding %q: want json or cbor", c.encoding)
	check(c.lambda == 0 || c.lambda >= 128 && c.lambda <= 10_240, "--lambda %d: want 128 to 10240 MB", c.lambda)
	check(c.lambda == 0 || c.consumers > 0, "--lambda and --consumers 0: the function is one of them")
	for _, name := range []string{"lambda-ms", "batch-size"} {
		check(!c.given[name] || c.lambda > 0, "--%s without --lambda", name)
	}
	for _, name := range []string{"zones", "encoding"} {
		check(!c.given[name] || c.network != "direct", "--%s without --network", name)
	}
	check(!c.given["key-size"] || !c.keyless, "--key-size and --keyless: want one of them")
	formats := 0
	for _, on := range []bool{c.json, c.csv, c.html.on} {
		if on {
			formats++
		}
	}
	check(formats <= 1, "--json, --csv, --html: want one of them")
	check(!c.html.on || !c.noPack, "--html and --no-pack: the charts are about packing")
	if len(wrong) > 0 {
		return usageError{errors.New(strings.Join(wrong, "; "))}
	}
	return c.aws.validate()
}

func (c *costFlags) run(ctx context.Context, s streams) error {
	if err := c.validate(); err != nil {
		return err
	}
	w := plan.Workload{
		Rate: c.rate, Size: int(c.size), Keys: plan.Keys{None: c.keyless, Distinct: c.keys, Bytes: c.keySize},
		Shards: c.shards, Producers: c.producers, Buffer: c.buffer,
		Billing: cost.Billing{PutUnitBytes: c.putUnit, KeyCounts: c.keyCounts},
	}
	if c.stream != "" {
		if err := c.fromStream(ctx, &w); err != nil {
			return err
		}
	}
	w.Unit = c.putUnit
	if c.mode != cost.Provisioned {
		w.Unit = producer.PutUnitOnDemand
	}
	prices, note, err := c.pricesOf()
	if err != nil {
		return err
	}
	e, err := c.estimate(w, prices)
	if err != nil {
		return err
	}
	e.Hints = append(e.Hints, append(c.notes, note...)...)
	switch {
	case c.json:
		return e.json(s.out)
	case c.csv:
		return e.csv(s.out)
	case c.html.on:
		return c.page(e, s)
	}
	return e.print(s.out)
}

// pricesOf returns the prices, and what there is to say of them.
func (c *costFlags) pricesOf() (p cost.Prices, note []string, err error) {
	region := cmp.Or(c.aws.region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	p, err = cost.PricesIn(region)
	switch {
	case err == nil:
	case c.prices != "":
		p = cost.Prices{Region: region}
	case c.given["region"]:
		return p, nil, oneLine(fmt.Errorf("--region: %w", err))
	default:
		if p, err = cost.PricesIn("us-east-1"); err != nil {
			return p, nil, err
		}
		note = []string{fmt.Sprintf("The prices of %s are not known here, these are those of us-east-1; see --prices.", region)}
	}
	if c.prices == "" {
		return p, note, nil
	}
	text, err := os.ReadFile(c.prices)
	if err != nil {
		return p, nil, fmt.Errorf("--prices: %w", err)
	}
	p.AsOf = c.prices
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, nil, usageError{fmt.Errorf("--prices %s: %w", c.prices, err)}
	}
	return p, note, nil
}
