package follow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

// An iterator is good for five minutes, and the caller may take longer over a record:
// nothing is lost, and nothing comes twice. Of a shard that nothing was read of yet
// there is only the time of the start.
func TestExpiredIterator(t *testing.T) {
	for _, c := range []struct {
		name string
		from follow.Position
		want string
	}{
		{"trim horizon", follow.TrimHorizon(), "old 0 1 2 3 4 5 6 7 8 9"},
		{"latest", follow.Latest(), "0 1 2 3 4 5 6 7 8 9"},
		{"a time", follow.AtTime(time.Date(2000, 1, 1, 0, 30, 0, 0, time.UTC)), "0 1 2 3 4 5 6 7 8 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client := kinesistest.Fake(t, stream, 8)
				put(t, client, "old")
				time.Sleep(time.Hour)
				var expired, types []string
				watched := &altered{Client: client}
				watched.iterator = func(in *kinesis.GetShardIteratorInput) { types = append(types, string(in.ShardIteratorType)) }
				watched.getRecords = func(ctx context.Context, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
					out, err := client.GetRecords(ctx, in)
					if err != nil {
						expired = append(expired, err.Error())
					}
					return out, err
				}
				var got []string
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Minute, func() { put(t, client, "0", "1", "2", "3", "4") })
				time.AfterFunc(2*time.Minute, func() { put(t, client, "5", "6", "7", "8", "9") })
				time.AfterFunc(3*time.Hour, cancel)
				for r, err := range of(watched).Read(ctx, c.from, follow.WithWorkers(1)) {
					if err != nil {
						break
					}
					got = append(got, string(r.Data))
					time.Sleep(10 * time.Minute)
				}
				same(t, got, strings.Fields(c.want))
				if len(expired) == 0 || !slices.ContainsFunc(expired, func(s string) bool { return strings.Contains(s, "ExpiredIterator") }) {
					t.Errorf("no iterator expired: %q", expired)
				}
				if !slices.Contains(types, "AFTER_SEQUENCE_NUMBER") || c.name == "latest" && !slices.Contains(types, "AT_TIMESTAMP") {
					t.Errorf("iterators: %q", types)
				}
			})
		})
	}
}

// Throttling lasts as long as it wants to. Pauses grow, and are not the same. Nothing
// is lost, though iterators expire that nothing was read by.
func TestThrottled(t *testing.T) {
	for _, from := range []follow.Position{follow.TrimHorizon(), follow.Latest()} {
		bubble(t, func(t *testing.T) {
			client := kinesistest.Fake(t, stream, 1)
			var calls []time.Time
			start := time.Now()
			let := start
			client.Server().SetFaults(on("GetRecords", func() *kinesistest.Fault {
				calls = append(calls, time.Now())
				if time.Since(start) > time.Hour {
					return nil
				}
				if time.Since(let) > 7*time.Minute { // to be told that the iterator has expired
					let = time.Now()
					return nil
				}
				return &kinesistest.Fault{Failure: kinesistest.APIError(400, "ProvisionedThroughputExceededException")}
			}))
			r := read(t, client, from)
			wait(time.Minute)
			put(t, client, "a")
			wait(time.Hour)
			if r.stop(t); len(r.records) != 1 {
				t.Errorf("%d records", len(r.records))
			}
			pauses := map[time.Duration]bool{}
			throttled := 0
			for i := range calls[1:] {
				if calls[i].Sub(start) < time.Hour {
					throttled++
					pauses[calls[i+1].Sub(calls[i])] = true
				}
			}
			if throttled < 3600/10 || throttled > 3600/2 || len(pauses) < throttled*9/10 {
				t.Errorf("%d calls, %d different pauses", throttled, len(pauses))
			}
		})
	}
}

// What else fails may do so for five minutes a shard.
func TestFailing(t *testing.T) {
	for _, f := range []kinesistest.Fault{
		{Failure: kinesistest.APIError(500, "InternalFailure")},
		{Failure: kinesistest.APIError(503, "ServiceUnavailable")},
		{Failure: kinesistest.APIError(400, "ExpiredTokenException")},
		{Failure: kinesistest.APIError(400, "ResourceInUseException")},
		{Failure: kinesistest.ConnectionReset()},
		{Failure: kinesistest.NoAnswer()},
	} {
		for _, op := range []string{"GetRecords", "GetShardIterator"} {
			bubble(t, func(t *testing.T) {
				client := kinesistest.Fake(t, stream, 2)
				want := spread(t, client, "k", 20)
				start := time.Now()
				end := 3 * time.Minute
				client.Server().SetFaults(on(op, func() *kinesistest.Fault {
					if time.Since(start) >= end {
						return nil
					}
					return &f
				}))
				got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
				if err != nil {
					t.Errorf("%+v: %v", f, err)
				}
				same(t, data(got), want)

				start, end = time.Now(), time.Hour
				_, err = readAll(t, client, follow.TrimHorizon())
				if d := time.Since(start); err == nil || !strings.HasPrefix(err.Error(), "read shardId-00000000000") || d < 5*time.Minute || d > 7*time.Minute {
					t.Errorf("%+v: after %v: %v", f, d, err)
				}
			})
		}
	}
}

// What will not pass ends reading at once.
func TestFatal(t *testing.T) {
	for _, c := range []struct {
		op   string
		code string
	}{
		{"ListShards", "AccessDeniedException"}, {"GetShardIterator", "AccessDeniedException"}, {"GetRecords", "AccessDeniedException"},
		{"GetRecords", "KMSDisabledException"}, {"GetRecords", "InvalidArgumentException"}, {"ListShards", "ResourceNotFoundException"},
	} {
		bubble(t, func(t *testing.T) {
			client := kinesistest.Fake(t, stream, 2)
			client.Server().SetFaults(on(c.op, func() *kinesistest.Fault {
				return &kinesistest.Fault{Failure: kinesistest.APIError(400, c.code)}
			}))
			start := time.Now()
			if _, err := readAll(t, client, follow.TrimHorizon()); err == nil || !strings.Contains(err.Error(), c.code) || time.Since(start) > time.Second {
				t.Errorf("%v: after %v: %v", c, time.Since(start), err)
			}
		})
	}
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "another", 1)
		var gone *types.ResourceNotFoundException
		if _, err := readAll(t, client, follow.TrimHorizon()); !errors.As(err, &gone) {
			t.Error(err)
		}
	})
}

// A stream that is deleted ends with an error, not like one that has been read.
func TestStreamDeleted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 3)
		r := read(t, client, follow.TrimHorizon())
		wait(10 * time.Second)
		if _, err := client.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String(stream)}); err != nil {
			t.Fatal(err)
		}
		r.done.Wait()
		var gone *types.ResourceNotFoundException
		if !errors.As(r.err, &gone) || !strings.Contains(r.err.Error(), "Stream s") {
			t.Error(r.err)
		}
	})
}

// A shard that the caller is too slow for vanishes; what comes after it is read.
func TestRetention(t *testing.T) {
	for _, one := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			client := kinesistest.Fake(t, stream, 2)
			spread(t, client, "old", 20)
			split(t, client, shardID(0)) // 2, 3
			spread(t, client, "middle", 20)
			split(t, client, shardID(2)) // 4, 5
			opts := []follow.Option{follow.WithPageSize(1), follow.WithWorkers(1)}
			if one {
				opts = append(opts, follow.WithShard(shardID(0)))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var got []string
			want := []string{}
			for r, err := range of(client).Read(ctx, follow.TrimHorizon(), opts...) {
				if err != nil {
					break
				}
				if got = append(got, string(r.Data)); len(got) == 1 {
					time.Sleep(25 * time.Hour)
					want = append([]string{string(r.Data)}, spread(t, client, "new", 20)...)
					time.AfterFunc(time.Hour, cancel)
				}
			}
			if one {
				want = want[:1]
			}
			if same(t, got, want); ctx.Err() != nil == one {
				t.Errorf("ended by itself: %v", ctx.Err() == nil)
			}
		})
	}
}

// So may one that was named, and had no turn until then.
func TestRetentionOfNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2, kinesistest.WithListShardsLag(time.Minute))
		spread(t, client, "old", 20)
		split(t, client, shardID(0)) // 2, 3
		split(t, client, shardID(2)) // 4, 5
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got, want []string
		slept := false
		for r, err := range of(client).Read(ctx, follow.TrimHorizon(), follow.WithWorkers(1)) {
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				break
			}
			if r.Shard.ID == shardID(1) && !slept {
				slept = true
				time.Sleep(25 * time.Hour)
				want = spread(t, client, "new", 20)
				time.AfterFunc(time.Hour, cancel)
			}
			if strings.HasPrefix(string(r.Data), "new") {
				got = append(got, string(r.Data))
			}
		}
		same(t, got, want)
	})
}

// A shard that its parent has named may not be there yet.
func TestNotThereYet(t *testing.T) {
	for _, lag := range []time.Duration{0, 2 * time.Minute} {
		bubble(t, func(t *testing.T) {
			client := kinesistest.Fake(t, stream, 1, kinesistest.WithListShardsLag(lag))
			r := read(t, client, follow.TrimHorizon())
			wait(time.Second)
			start := time.Now()
			client.Server().SetFaults(on("GetShardIterator", func() *kinesistest.Fault {
				if time.Since(start) > time.Minute {
					return nil
				}
				return &kinesistest.Fault{Failure: kinesistest.APIError(400, "ResourceNotFoundException")}
			}))
			split(t, client, shardID(0))
			putNumbered(t, client, 20, 0)
			wait(3 * time.Minute)
			r.stop(t)
			ordered(t, r.records, 20, 1)

			client.Server().SetFaults(on("GetShardIterator", func() *kinesistest.Fault {
				return &kinesistest.Fault{Failure: kinesistest.APIError(400, "ResourceNotFoundException")}
			}))
			start = time.Now()
			_, err := readAll(t, client, follow.TrimHorizon())
			if d := time.Since(start); err == nil || d < 5*time.Minute || d > 7*time.Minute {
				t.Errorf("after %v: %v", d, err)
			}
		})
	}
}

// A stream that was deleted and made anew is another one: what was read of the old
// one says nothing of where to go on.
func TestStreamMadeAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 1)
		put(t, client, "old")
		r := read(t, client, follow.TrimHorizon())
		wait(10 * time.Second)
		if _, err := client.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String(stream)}); err != nil {
			t.Fatal(err)
		}
		if err := client.Server().AddStream(stream, 1); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r.done.Wait()
		if r.err == nil || !strings.Contains(r.err.Error(), "did not come from this stream") || time.Since(start) > time.Minute {
			t.Errorf("after %v: %v", time.Since(start), r.err)
		}
	})
}

// Listing may fail, too, for as long as the rest.
func TestListingFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			failure kinesistest.Failure
			lasts   time.Duration
			ends    bool // with an error
		}{
			{kinesistest.APIError(500, "InternalFailure"), time.Minute, false},
			{kinesistest.NoAnswer(), 3 * time.Minute, false},
			{kinesistest.APIError(400, "LimitExceededException"), 15 * time.Minute, false},
			{kinesistest.ConnectionReset(), 15 * time.Minute, true},
			{kinesistest.APIError(400, "AccessDeniedException"), time.Second, true},
		} {
			client := &altered{Client: kinesistest.New().Client(), answer: func(out *kinesis.GetRecordsOutput) { out.ChildShards = nil }}
			if err := client.Server().AddStream(stream, 1); err != nil {
				t.Fatal(err)
			}
			r := read(t, client, follow.TrimHorizon())
			wait(time.Second)
			start := time.Now()
			client.Server().SetFaults(on("ListShards", func() *kinesistest.Fault {
				if time.Since(start) > c.lasts {
					return nil
				}
				return &kinesistest.Fault{Failure: c.failure}
			}))
			split(t, client.Client, shardID(0))
			putNumbered(t, client.Client, 20, 0)
			wait(20 * time.Minute)
			if c.ends {
				if r.done.Wait(); r.err == nil {
					t.Errorf("%+v: no error", c)
				}
				continue
			}
			r.stop(t)
			ordered(t, r.records, 20, 1)
		}
	})
}
