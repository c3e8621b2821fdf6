package lambda_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"crypto/md5"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/lambda"
)

const (
	half   = "170141183460469231731687303715884105728" // 2^127
	before = "170141183460469231731687303715884105727"
	last   = "340282366920938463463374607431768211455" // 2^128-1
)

// lowerHalf gives shardA the lower half of the hash keys and counts the look-ups.
func lowerHalf(lookUps *int) lambda.ShardRanges {
	return lambda.ShardRangesFunc(func(_ context.Context, stream, shard string) (string, string, error) {
		*lookUps++
		if stream != streamARN || shard != shardA {
			return "", "", fmt.Errorf("unknown shard %s", shard)
		}
		return "0", before, nil
	})
}

// key finds a partition key in the upper or lower half.
func key(upper bool) string {
	for i := 0; ; i++ {
		k := fmt.Sprint("k", i)
		if (hashkey.Of(k).Hi>>63 == 1) == upper {
			return k
		}
	}
}

// foreign is an aggregate of one record with any explicit hash key.
func foreign(partitionKey, explicitHashKey string) []byte {
	user := protowire.AppendVarint([]byte{0x08}, 0)
	user = append(user, 0x10, 0x00)
	user = protowire.AppendBytes(append(user, 0x1a), []byte("x"))
	m := protowire.AppendString([]byte{0x0a}, partitionKey)
	m = protowire.AppendString(append(m, 0x12), explicitHashKey)
	m = protowire.AppendBytes(append(m, 0x1a), user)
	digest := md5.Sum(m)
	return append(append([]byte("\xf3\x89\x9a\xc2"), m...), digest[:]...)
}

func TestShardRange(t *testing.T) {
	in, out := key(false), key(true)
	user := func(key, explicit string) aggregate.Record {
		return aggregate.Record{PartitionKey: key, ExplicitHashKey: explicit, Data: []byte("x")}
	}
	for name, test := range map[string]struct {
		data    []byte
		dropped int // user records
	}{
		"all inside":                          {pack(t, user(in, ""), user(in, "")), 0},
		"one outside":                         {pack(t, user(in, ""), user(out, ""), user(in, "")), 3},
		"first outside":                       {pack(t, user(out, ""), user(in, "")), 2},
		"explicit inside, key outside":        {pack(t, user(out, "7")), 0},
		"explicit outside, key inside":        {pack(t, user(in, half)), 1},
		"the range's last":                    {pack(t, user(out, before)), 0},
		"the first of all":                    {pack(t, user(out, "0")), 0},
		"the last of all":                     {pack(t, user(in, last)), 1},
		"leading zeros and plus":              {foreign(out, "+007"), 0},
		"leading zeros, outside":              {foreign(in, "00"+half), 1},
		"explicit is no number, key inside":   {foreign(in, "x"), 0},
		"explicit is no number, key outside":  {foreign(out, "x"), 1},
		"explicit is too large, key inside":   {foreign(in, last+"0"), 0},
		"explicit is empty, key outside":      {foreign(out, ""), 1},
		"plain record outside":                {[]byte("x"), 0},
		"malformed is not dropped but poison": {malformed(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, l, lookUps := &tape{}, &log{}, 0
			c := newConsumer(t, h.handle, l.option(), lambda.WithShardRange(lowerHalf(&lookUps)), lambda.WithDeadLetter(&letters{}))
			check(t, "answer", invoke(t, c, event(record(1, out, test.data), plain(2))), "")
			want := lambda.Stats{OutOfRangeRecords: uint64(test.dropped), OutOfRangeAggregates: uint64(min(1, test.dropped))}
			check(t, "stats", c.Stats(), want)
			check(t, "log lines", l.count("aggregate dropped"), min(1, test.dropped))
			check(t, "its records are handled", strings.HasPrefix(h.take(), "x"), test.dropped == 0 && string(test.data) != string(malformed()))
		})
	}
	t.Run("off by default", func(t *testing.T) {
		h := &tape{}
		invoke(t, newConsumer(t, h.handle), event(record(1, "a", pack(t, user(out, half)))))
		check(t, "calls", h.take(), "x")
	})
}

func TestShardRangeIsLookedUpOnce(t *testing.T) {
	h, lookUps := &tape{}, 0
	c := newConsumer(t, h.handle, lambda.WithShardRange(lowerHalf(&lookUps)))
	invoke(t, c, event(plain(1), plain(2)))
	check(t, "look-ups without an aggregate", lookUps, 0)
	for range 3 {
		invoke(t, c, event(packed(t, 1, "a"), packed(t, 2, "b")))
	}
	check(t, "look-ups", lookUps, 1)
}

func TestShardRangeUnknown(t *testing.T) {
	answer := func(first, last string, err error) lambda.ShardRangesFunc {
		return func(context.Context, string, string) (string, string, error) { return first, last, err }
	}
	hangs := func(ctx context.Context, _, _ string) (string, string, error) {
		<-ctx.Done()
		return "0", "0", ctx.Err()
	}
	for name, test := range map[string]struct {
		ranges lambda.ShardRangesFunc
		took   time.Duration // for both invocations
	}{
		"error":                 {answer("0", "0", errBoom), 0},
		"no number":             {answer("zero", "1", nil), 0},
		"ends before it starts": {answer("2", "1", nil), 0},
		"panics":                {func(context.Context, string, string) (string, string, error) { panic("ranges") }, 0},
		"hangs":                 {hangs, 2 * 9500 * time.Millisecond / 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, l := &tape{}, &log{}
				c := newConsumer(t, h.handle, l.option(), lambda.WithShardRange(test.ranges))
				start := time.Now()
				for range 2 {
					check(t, "answer", invokeFor(t, c, 10*time.Second, event(packed(t, 1, "a", "b"), packed(t, 2, "c"))), "")
					check(t, "calls", h.take(), "a b c")
				}
				check(t, "time", time.Since(start), test.took)
				check(t, "log lines", l.count("range is not known"), 1)
			})
		})
	}
	t.Run("no shard in the eventID", func(t *testing.T) {
		h, lookUps := &tape{}, 0
		c := newConsumer(t, h.handle, lambda.WithShardRange(lowerHalf(&lookUps)))
		r := packed(t, 1, "a", "b")
		r.EventID = ""
		invoke(t, c, event(r))
		check(t, "calls", h.take(), "a b")
		check(t, "look-ups", lookUps, 0)
	})
	t.Run("found later", func(t *testing.T) {
		h, fails := &tape{}, true
		c := newConsumer(t, h.handle, lambda.WithShardRange(lambda.ShardRangesFunc(func(context.Context, string, string) (string, string, error) {
			if fails {
				return "", "", errBoom
			}
			return "0", "0", nil
		})))
		invoke(t, c, event(packed(t, 1, "a")))
		fails = false
		invoke(t, c, event(packed(t, 1, "a")))
		check(t, "calls", h.take(), "a")
	})
}
