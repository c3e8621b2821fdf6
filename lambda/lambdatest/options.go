package lambdatest

// This file owns what a Mapping can be configured with. Options take any value;
// config.validate alone judges them, and tells everything that is wrong at once.

import (
	"errors"
	"fmt"
	"time"
)

const (
	// The ranges of CreateEventSourceMapping (Lambda API Reference).
	maxBatchSize       = 10_000
	maxBatchingWindow  = 300 * time.Second
	maxParallelization = 10
	maxRetryAttempts   = 10_000
	minRecordAge       = 60 * time.Second
	maxRecordAge       = 604_800 * time.Second
	maxTumblingWindow  = 900 * time.Second
	maxTimeout         = 900 * time.Second

	// payloadLimit is that of a synchronous invocation, 6 MB (Lambda quotas).
	payloadLimit = 6 << 20
	// stateLimit is that of a tumbling window's state, 1 MB a shard (Lambda
	// developer guide, Kinesis tumbling windows).
	stateLimit = 1 << 20

	// defaultTimeout is Lambda's default for a function.
	defaultTimeout = 3 * time.Second
	// pollInterval is how often Lambda asks a shard that has nothing new.
	pollInterval = time.Second
)

// Option configures a [Mapping]. Those that are named after a setting of Lambda's
// event source mapping have its range and its default.
type Option func(*config)

type config struct {
	batchSize       int
	batchingWindow  time.Duration
	parallelization int
	position        StartingPosition
	positionTime    time.Time
	report          bool
	bisect          bool
	retries         int
	recordAge       time.Duration
	tumbling        time.Duration
	onFailure       func(OnFailure)
	pipes           bool

	functionARN    string
	timeout        time.Duration
	sandboxes      int
	placement      Placement
	perSandbox     int
	backoff        func(failures int) time.Duration
	splitRestarts  bool
	lowIDReported  bool
	stateOfPartial bool

	seed    uint64
	kill    func(Point) bool
	trouble Trouble

	nilGiven, nilOnFailure, nilKill bool // what was given is nil
}

func newConfig(opts []Option) config {
	c := config{
		batchSize: 100, parallelization: 1, position: TrimHorizon, retries: -1, recordAge: -1,
		functionARN: "arn:aws:lambda:us-east-1:123456789012:function:example",
		timeout:     defaultTimeout, perSandbox: 1, backoff: Backoff, stateOfPartial: true, seed: 1,
	}
	for _, o := range opts {
		if o == nil {
			c.nilGiven = true
			continue
		}
		o(&c)
	}
	return c
}

// StartingPosition is where a mapping starts to read its stream.
type StartingPosition string

// The starting positions, with the names of the API.
const (
	TrimHorizon StartingPosition = "TRIM_HORIZON"
	Latest      StartingPosition = "LATEST"
	AtTimestamp StartingPosition = "AT_TIMESTAMP"
)

// WithBatchSize sets the most records in a batch, outer records: 1 to 10,000. The
// default is 100.
func WithBatchSize(records int) Option { return func(c *config) { c.batchSize = records } }

// WithMaximumBatchingWindow makes the mapping wait for a batch to fill, for 0 to
// 300 s after its first record was read. The default is 0: what is there goes.
func WithMaximumBatchingWindow(d time.Duration) Option {
	return func(c *config) { c.batchingWindow = d }
}

// WithParallelizationFactor sets how many batches of a shard may be out at once: 1
// to 10. Records of one outer partition key are always in the same lane, in order.
// The default is 1.
func WithParallelizationFactor(n int) Option { return func(c *config) { c.parallelization = n } }

// WithStartingPosition sets where to start: [TrimHorizon], the default, or
// [Latest]. Lambda has no default. Shards that are found later, the children of
// those that were there, are read from their start.
func WithStartingPosition(p StartingPosition) Option {
	return func(c *config) { c.position, c.positionTime = p, time.Time{} }
}

// WithStartingPositionTimestamp starts with the first record that arrived at t or
// later: AT_TIMESTAMP.
func WithStartingPositionTimestamp(t time.Time) Option {
	return func(c *config) { c.position, c.positionTime = AtTimestamp, t }
}

// WithReportBatchItemFailures makes the mapping look at the answer for
// batchItemFailures: the function response type of that name. The default is off:
// any answer is success.
func WithReportBatchItemFailures() Option { return func(c *config) { c.report = true } }

// WithBisectBatchOnFunctionError cuts a batch that failed as a whole in two. That
// does not use up a retry. The default is off.
func WithBisectBatchOnFunctionError() Option { return func(c *config) { c.bisect = true } }

// WithMaximumRetryAttempts sets how often a batch is sent again before it is given
// up: 0 to 10,000, or -1, the default, for ever.
func WithMaximumRetryAttempts(n int) Option { return func(c *config) { c.retries = n } }

// WithMaximumRecordAge sets the age above which records are given up: 60 s to 7
// days, or -1, the default, for never. It is looked at before each invocation.
func WithMaximumRecordAge(d time.Duration) Option { return func(c *config) { c.recordAge = d } }

// WithTumblingWindow sets the length of tumbling windows: 0 to 900 s. The default,
// 0, is none. It can't be combined with a parallelization factor above 1: how
// Lambda shares out the state then is not known here.
func WithTumblingWindow(d time.Duration) Option { return func(c *config) { c.tumbling = d } }

// WithOnFailure sets the on-failure destination: f is called with every batch, or
// part of one, that is given up. It is called by the goroutine of the lane, which
// waits for it, and by several lanes at once. The default is none.
func WithOnFailure(f func(OnFailure)) Option {
	return func(c *config) { c.onFailure, c.nilOnFailure = f, f == nil }
}

// WithPipes sends events in the shape of EventBridge Pipes: a bare array of
// records without a kinesis object. The default is Lambda's own.
func WithPipes() Option { return func(c *config) { c.pipes = true } }

// WithFunctionARN sets the function's ARN: in the context, in on-failure
// documents. The default is a made-up one.
func WithFunctionARN(arn string) Option { return func(c *config) { c.functionARN = arn } }

// WithTimeout sets the function's timeout: above 0, up to 900 s. The default is
// Lambda's, 3 s.
func WithTimeout(d time.Duration) Option { return func(c *config) { c.timeout = d } }

// WithSandboxes sets how many sandboxes there may be, and which one gets the next
// invocation. An invocation waits until one is free. 0, the default, is as many as
// there are invocations at once; the default placement is [Sticky].
func WithSandboxes(n int, p Placement) Option {
	return func(c *config) { c.sandboxes, c.placement = n, p }
}

// WithConcurrencyPerSandbox sets how many invocations a sandbox takes at once, as
// AWS_LAMBDA_MAX_CONCURRENCY says: 1 or more. The default is 1.
func WithConcurrencyPerSandbox(n int) Option { return func(c *config) { c.perSandbox = n } }

// WithBackoff sets the wait before a batch is sent again, or sent at all after it
// was refused. failures counts the invocations, or refusals, in a row that did not
// get the batch any further, from 1. What Lambda does is not documented; the
// default is [Backoff].
func WithBackoff(f func(failures int) time.Duration) Option {
	return func(c *config) { c.backoff = f }
}

// Backoff is the default of [WithBackoff]: 100 ms, doubling up to 6.4 s.
func Backoff(failures int) time.Duration {
	return 100 * time.Millisecond << min(max(failures-1, 0), 6)
}

// WithRetriesRestartedByBisect makes the halves of a bisected batch start their
// counts of retries and of invocations anew. Which way Lambda does it is not
// documented; the default is that they go on.
func WithRetriesRestartedByBisect() Option { return func(c *config) { c.splitRestarts = true } }

// WithLowIDsAsFirst makes an id below the batch's first sequence number count as
// that of the first record. What Lambda does is not documented; the default is
// that it fails the batch as a whole, as any id does that is not in the batch.
func WithLowIDsAsFirst() Option { return func(c *config) { c.lowIDReported = true } }

// WithStateOfPartialAnswersDropped makes the state of a tumbling window go on as
// it was before an invocation that reported failures. What Lambda does is not
// documented; the default is that the answer's state counts.
func WithStateOfPartialAnswersDropped() Option { return func(c *config) { c.stateOfPartial = false } }

// WithSeed sets what everything that is random comes from. The default is 1.
func WithSeed(seed uint64) Option { return func(c *config) { c.seed = seed } }

// WithKill gives a function that is asked at every [Point] whether the sandbox is
// killed there. It may be called by several goroutines at once. The default is
// none; see [Trouble] for a random one. With both, either kills.
func WithKill(f func(Point) bool) Option {
	return func(c *config) { c.kill, c.nilKill = f, f == nil }
}

// WithTrouble makes things go wrong by chance. The default is no trouble.
func WithTrouble(t Trouble) Option { return func(c *config) { c.trouble = t } }

// Trouble is how likely it is that something goes wrong, from 0, never, to 1,
// always.
type Trouble struct {
	// Throttle is the chance that an invocation is refused before it starts. It is
	// tried again after the backoff and counts for nothing.
	Throttle float64
	// ColdStart is the chance that an invocation gets a new sandbox in the place of
	// one that is free.
	ColdStart float64
	// Kill is the chance that the sandbox dies during an invocation, at a moment
	// within KillWithin of its start, if it still runs then.
	Kill float64
	// KillWithin bounds the moment of Kill. The default, 0, is the function's timeout;
	// anything else goes with a Kill above 0 only.
	KillWithin time.Duration
	// KillAtPoint is the chance that the sandbox dies at a [Point], at each.
	KillAtPoint float64
}

func (c *config) validate(factory Factory, s Source) error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("lambdatest: "+format, args...))
		}
	}
	if s.err != nil {
		errs = append(errs, s.err)
	}
	wrong(s.err == nil && s.client == nil, "the source is empty: want Stream or Records")
	wrong(factory == nil, "the factory is nil")
	wrong(c.nilGiven, "an option is nil")
	wrong(c.batchSize < 1 || c.batchSize > maxBatchSize, "WithBatchSize(%d): want 1 to %d", c.batchSize, maxBatchSize)
	wrong(c.batchingWindow < 0 || c.batchingWindow > maxBatchingWindow, "WithMaximumBatchingWindow(%v): want 0 to %v", c.batchingWindow, maxBatchingWindow)
	wrong(c.parallelization < 1 || c.parallelization > maxParallelization, "WithParallelizationFactor(%d): want 1 to %d", c.parallelization, maxParallelization)
	switch c.position {
	case TrimHorizon, Latest:
	case AtTimestamp:
		wrong(c.positionTime.IsZero(), "AT_TIMESTAMP without a time: use WithStartingPositionTimestamp")
	default:
		wrong(true, "WithStartingPosition(%q): want TRIM_HORIZON, LATEST or AT_TIMESTAMP", string(c.position))
	}
	wrong(c.retries < -1 || c.retries > maxRetryAttempts, "WithMaximumRetryAttempts(%d): want 0 to %d, or -1 for ever", c.retries, maxRetryAttempts)
	wrong(c.recordAge != -1 && (c.recordAge < minRecordAge || c.recordAge > maxRecordAge), "WithMaximumRecordAge(%v): want %v to %v, or -1 for never", c.recordAge, minRecordAge, maxRecordAge)
	wrong(c.tumbling < 0 || c.tumbling > maxTumblingWindow || c.tumbling%time.Second != 0, "WithTumblingWindow(%v): want 0 to %v in whole seconds", c.tumbling, maxTumblingWindow)
	wrong(c.tumbling > 0 && c.parallelization > 1, "WithTumblingWindow with WithParallelizationFactor(%d): only a factor of 1 is supported", c.parallelization)
	wrong(c.tumbling > 0 && c.pipes, "WithTumblingWindow with WithPipes: pipes have no windows")
	wrong(c.timeout <= 0 || c.timeout > maxTimeout, "WithTimeout(%v): want above 0, up to %v", c.timeout, maxTimeout)
	wrong(c.sandboxes < 0, "WithSandboxes(%d): want 0 for any number, or more", c.sandboxes)
	wrong(c.placement > AlwaysCold, "WithSandboxes: placement %d is not known", c.placement)
	wrong(c.perSandbox < 1, "WithConcurrencyPerSandbox(%d): want 1 or more", c.perSandbox)
	wrong(c.backoff == nil, "WithBackoff: the function is nil")
	wrong(c.nilOnFailure, "WithOnFailure: the function is nil")
	wrong(c.nilKill, "WithKill: the function is nil")
	t := c.trouble
	for _, p := range []struct {
		name   string
		chance float64
	}{{"Throttle", t.Throttle}, {"ColdStart", t.ColdStart}, {"Kill", t.Kill}, {"KillAtPoint", t.KillAtPoint}} {
		wrong(!(p.chance >= 0 && p.chance <= 1), "WithTrouble: %s is %v, want 0 to 1", p.name, p.chance)
	}
	wrong(t.Throttle == 1, "WithTrouble: Throttle is 1, so that nothing is ever invoked")
	wrong(t.KillWithin < 0, "WithTrouble: KillWithin is %v, want 0 or more", t.KillWithin)
	wrong(t.KillWithin > 0 && t.Kill == 0, "WithTrouble: KillWithin is %v, but Kill is 0, so that it does nothing", t.KillWithin)
	return errors.Join(errs...)
}
