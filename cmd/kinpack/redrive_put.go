package main

// This file owns --stream: user records go back into a stream, one Kinesis
// record each. What the stream does not take is left.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"golang.org/x/term"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

const (
	putBytes = 5 << 20 // of one call, with keys: what every Kinesis and emulator takes
	// putRounds is how many calls in a row may store nothing.
	putRounds   = 10
	firstPutGap = 100 * time.Millisecond
	lastPutGap  = 5 * time.Second
)

// entry is one user record on its way.
type entry struct {
	event, outer, user int // where it is from
	put                types.PutRecordsRequestEntry
	size               int
}

type putter struct {
	client   *kinesis.Client
	stream   string
	complain func(error)
}

// run puts the user records of all events and returns what is left of them.
func (p *putter) run(ctx context.Context, events []redrive.Event) ([]redrive.Event, error) {
	var queue []entry
	for i, e := range events {
		for j := range e {
			for k, u := range e[j].Users {
				x := redrive.EntryOf(u)
				n := entry{event: i, outer: j, user: k, size: len(x.PartitionKey) + len(x.Data)}
				n.put = types.PutRecordsRequestEntry{PartitionKey: &x.PartitionKey, Data: x.Data}
				if x.Data == nil {
					n.put.Data = []byte{} // nil counts as missing
				}
				if x.ExplicitHashKey != "" {
					n.put.ExplicitHashKey = &x.ExplicitHashKey
				}
				queue = append(queue, n)
			}
		}
	}
	failed, err := p.put(ctx, queue)
	if err != nil {
		p.complain(err)
	}
	return only(events, failed)
}

// put returns the entries that were not stored. One bad entry fails a whole call:
// then the calls get smaller until it stands alone.
func (p *putter) put(ctx context.Context, queue []entry) (failed []entry, err error) {
	limit := putRecordsLimit
	for idle := 0; len(queue) > 0; {
		n := chunk(queue, limit)
		again, reason, err := p.call(ctx, queue[:n])
		switch {
		case err == nil && len(again) == 0:
			queue, idle, limit = queue[n:], 0, min(2*limit, putRecordsLimit)
		case err == nil:
			if idle++; len(again) < n {
				idle = 0
			}
			queue = append(again, queue[n:]...)
			if idle == putRounds {
				return append(failed, queue...), fmt.Errorf("%d calls in a row stored nothing: %d user records are refused, the last of a call with %s", putRounds, len(again), reason)
			}
			if err := wait(ctx, gap(idle)); err != nil {
				return append(failed, queue...), err
			}
		case !invalid(err):
			return append(failed, queue...), err
		case n > 1:
			limit = n / 2
		default:
			p.complain(fmt.Errorf("the user record with partition key %.40q: %w", aws.ToString(queue[0].put.PartitionKey), err))
			failed, queue, limit = append(failed, queue[0]), queue[1:], putRecordsLimit
		}
	}
	return failed, nil
}

// invalid says whether the service refused what a call holds.
func invalid(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "ValidationException" || api.ErrorCode() == "InvalidArgumentException")
}

// call makes one call and returns the entries that the service refused for now,
// and what it says of the last of them.
func (p *putter) call(ctx context.Context, entries []entry) (again []entry, reason string, err error) {
	in := &kinesis.PutRecordsInput{}
	in.StreamName, in.StreamARN = byNameOrARN(p.stream)
	for _, e := range entries {
		in.Records = append(in.Records, e.put)
	}
	out, err := p.client.PutRecords(ctx, in)
	if err != nil {
		return nil, "", err
	}
	reason = "no answer"
	for i, e := range entries {
		if i >= len(out.Records) {
			again = append(again, e)
		} else if r := out.Records[i]; r.SequenceNumber == nil {
			again = append(again, e)
			reason = aws.ToString(r.ErrorCode) + ": " + aws.ToString(r.ErrorMessage)
		}
	}
	return again, reason, nil
}

// gap is the wait after a call that did not store all: longer each time that it
// stored nothing.
func gap(idle int) time.Duration {
	d := min(firstPutGap<<idle, lastPutGap)
	return d/2 + rand.N(d/2)
}

// chunk returns how many entries go into one call, at most limit.
func chunk(queue []entry, limit int) int {
	size := 0
	for i, e := range queue {
		size += e.size
		if i == limit || i > 0 && size > putBytes {
			return i
		}
	}
	return len(queue)
}

// only returns the events with just those entries in them.
func only(events []redrive.Event, entries []entry) ([]redrive.Event, error) {
	keep := make(map[[3]int]bool, len(entries))
	for _, e := range entries {
		keep[[3]int{e.event, e.outer, e.user}] = true
	}
	var left []redrive.Event
	for i, e := range events {
		var rest redrive.Event
		for j := range e {
			kept := func(k int) bool { return keep[[3]int{i, j, k}] }
			o, err := e[j].Only(kept)
			if err != nil {
				return nil, err
			}
			if len(o.Users) > 0 {
				rest = append(rest, o)
			}
		}
		if len(rest) > 0 {
			left = append(left, rest)
		}
	}
	return left, nil
}

// terminal says whether someone can be asked.
func terminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

var errNo = errors.New("the answer is no")

// ask asks whether to go on: nil if so. An interrupt ends it.
func ask(ctx context.Context, s streams) error {
	fmt.Fprint(s.err, "Go on? [y/N] ")
	line, err := await(ctx, func() (string, error) {
		line, _ := bufio.NewReader(s.in).ReadString('\n') // the end of the input ends the answer
		return line, nil
	})
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errNo
}
