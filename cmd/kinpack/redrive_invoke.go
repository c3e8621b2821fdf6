package main

// This file owns --invoke: each event goes to the function, and what that does
// not say is done is left.

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

type invoker struct {
	client              *lambdaapi.Client
	function, qualifier string
	complain            func(error)
}

func newInvoker(ctx context.Context, f *redriveFlags, complain func(error)) (*invoker, error) {
	c, err := f.aws.load(ctx, f.invoke)
	if err != nil {
		return nil, err
	}
	return &invoker{lambdaapi.NewFromConfig(c), f.invoke, f.qualifier, complain}, nil
}

// run invokes the function with the events and returns what is left of them.
// Behind an event that is left, or a part of it, those of its shard are not sent:
// they would overtake it. A call that does not reach the function ends it.
func (v *invoker) run(ctx context.Context, events []redrive.Event) (left []redrive.Event) {
	unsent := 0
	for i, e := range events {
		if len(left) > 0 && sameShard(e, left[len(left)-1]) {
			left = append(left, e)
			unsent++
			continue
		}
		done, fatal, err := v.invoke(ctx, e)
		if err != nil {
			v.complain(fmt.Errorf("event %d of %d, %s from %s on: %w", i+1, len(events), e[0].ShardID, e[0].SequenceNumber, err))
		}
		if done < len(e) {
			left = append(left, e[done:])
		}
		if fatal {
			left = append(left, events[i+1:]...)
			unsent += len(events) - (i + 1)
			break
		}
	}
	if unsent > 0 {
		v.complain(fmt.Errorf("%d more events were not tried, since one before them is left", unsent))
	}
	return left
}

// sameShard says whether two events, which have one record at least, are of one
// shard. Those of a shard follow each other.
func sameShard(a, b redrive.Event) bool {
	return a[0].StreamARN == b[0].StreamARN && a[0].ShardID == b[0].ShardID
}

// functionName returns the name in what --invoke takes: a name, a partial ARN or
// an ARN, each with a version or an alias behind it or not (Lambda API Reference,
// Invoke, FunctionName). It is empty if there is none.
func functionName(function string) string {
	of := regexp.MustCompile(`^(?:arn:aws[a-z-]*:lambda:)?(?:[a-z]+(?:-[a-z]+)+-[0-9]:)?(?:[0-9]{12}:)?(?:function:)?([A-Za-z0-9_.-]+)(?::[$A-Za-z0-9_-]+)?$`)
	if m := of.FindStringSubmatch(function); m != nil {
		return m[1]
	}
	return ""
}

// invoke returns how many of the event's records are done. fatal says that
// another event would fare no better.
func (v *invoker) invoke(ctx context.Context, e redrive.Event) (done int, fatal bool, err error) {
	payload := e.JSON()
	if len(payload) > redrive.MaxEvent {
		return 0, false, fmt.Errorf("%d bytes, over the limit of %d of an invocation", len(payload), redrive.MaxEvent)
	}
	in := &lambdaapi.InvokeInput{FunctionName: &v.function, Payload: payload}
	if v.qualifier != "" {
		in.Qualifier = &v.qualifier
	}
	out, err := v.client.Invoke(ctx, in)
	if err != nil {
		return 0, true, err
	}
	if out.FunctionError != nil {
		return 0, false, fmt.Errorf("the function failed (%s): %.500s", aws.ToString(out.FunctionError), out.Payload)
	}
	if done, err = e.Done(out.Payload); err == nil && done < len(e) {
		err = fmt.Errorf("the function reports record %s: %d of %d records are left", e[done].SequenceNumber, len(e)-done, len(e))
	}
	return done, false, err
}
