package sqsdeadletter_test

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/sqsdeadletter"
)

func TestMessage(t *testing.T) {
	var c client
	l := letter()
	send(t, newDeadLetter(t, &c, queueURL), l)
	in := c.only(t)
	checkBody(t, aws.ToString(in.MessageBody), l)
	if aws.ToString(in.QueueUrl) != queueURL || in.MessageGroupId != nil || in.MessageDeduplicationId != nil || len(in.MessageAttributes) > 0 {
		t.Errorf("message is %+v", in)
	}
	c.err = errDown
	if err := newDeadLetter(t, &c, queueURL).Send(t.Context(), l); !errors.Is(err, errDown) || !strings.Contains(err.Error(), l.ID) {
		t.Errorf("error %v, want the client's, with the letter's ID", err)
	}
	c.err = nil
	l.ApproximateArrivalTimestamp = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // RFC 3339 ends before
	if err := newDeadLetter(t, &c, queueURL).Send(t.Context(), l); err == nil || len(c.sent) > 0 {
		t.Errorf("error %v for a letter without JSON, and %d messages sent", err, len(c.sent))
	}
}

// Whatever the keys and the error hold, the message is one that SQS takes.
func TestCharacters(t *testing.T) {
	for name, s := range map[string]string{
		"noncharacters":     "a\uFFFEb\uFFFFc",
		"after a backslash": "\\\uFFFE\\\\\uFFFF",
		"spelt out":         `\ufffe \uFFFF`,
		"beyond the plane":  "\U0001FFFE\U0001FFFF\U0010FFFF😀",
		"control":           "\x00\x01\x08\t\n\v\f\r\x1f\x7f\u0080\u009f",
		"of JSON and HTML":  "\"<>&'\u2028\u2029",
		"at the edges":      "\uD7FF\uE000\uFFFD",
	} {
		t.Run(name, func(t *testing.T) {
			var c client
			l := letter()
			l.PartitionKey, l.OuterPartitionKey, l.ExplicitHashKey, l.Error, l.ID = s, s, s, s, s
			send(t, newDeadLetter(t, &c, queueURL), l)
			checkBody(t, aws.ToString(c.only(t).MessageBody), l)
		})
	}
}

func FuzzCharacters(f *testing.F) {
	f.Add("a\uFFFE", "\xff\uFFFF\xef\xbf", []byte("\xef\xbf\xbe"))
	f.Fuzz(func(t *testing.T, key, outer string, data []byte) {
		var c client
		l := letter()
		l.PartitionKey, l.ExplicitHashKey, l.OuterPartitionKey, l.Data = key, key, outer, data
		send(t, newDeadLetter(t, &c, queueURL), l)
		checkBody(t, aws.ToString(c.only(t).MessageBody), l)
	})
}

func TestTooLarge(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  int
		limits string
		opts   []sqsdeadletter.Option
	}{
		{"default", limit, "1048577 bytes of at most 1048576", nil},
		{"256 KiB", 262_144, "262145 bytes of at most 262144", []sqsdeadletter.Option{sqsdeadletter.WithMaxBytes(262_144)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var to client
			d := newDeadLetter(t, &to, queueURL, c.opts...)
			l := sized(t, c.limit)
			send(t, d, l)
			checkBody(t, aws.ToString(to.only(t).MessageBody), l)
			l.Error += "e"
			err := d.Send(t.Context(), l)
			if !errors.Is(err, sqsdeadletter.ErrTooLarge) || !strings.Contains(err.Error(), c.limits) || !strings.Contains(err.Error(), l.ID) {
				t.Errorf("error %v, want ErrTooLarge with the letter's ID and %q", err, c.limits)
			}
			if len(to.sent) > 0 {
				t.Error("it was sent")
			}
		})
	}
}

// What is escaped counts as it stands in the message.
func TestEscapesCount(t *testing.T) {
	var to client
	l := sized(t, limit)
	l.Error = l.Error[3:] + "\uFFFE" // 3 bytes as such, 6 as \ufffe
	if err := newDeadLetter(t, &to, queueURL).Send(t.Context(), l); !errors.Is(err, sqsdeadletter.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

// The documentation's figure for the data that fit, with the longest error.
func TestDataThatFits(t *testing.T) {
	var to client
	l := letter()
	l.Error, l.Data = strings.Repeat("e", 8<<10), make([]byte, 770_000)
	l.PartitionKey = strings.Repeat("k", 256)
	l.OuterPartitionKey = l.PartitionKey
	send(t, newDeadLetter(t, &to, queueURL), l)
	if n := len(document(t, letter())); n < 600 || n > 800 {
		t.Errorf("a letter without much takes %d bytes, documented are some 700", n)
	}
}

func TestOverflow(t *testing.T) {
	const location = "s3://bucket/letter.json"
	small := letter()
	fits, large := sized(t, limit), sized(t, limit+1)
	noData := large
	noData.Data, noData.DataLocation = nil, location
	longKeys := letter()
	longKeys.PartitionKey = strings.Repeat("k", limit)
	bare := longKeys
	bare.PartitionKey, bare.OuterPartitionKey, bare.ExplicitHashKey, bare.HasExplicitHashKey, bare.Error = "", "", "", false, ""
	bare.Data, bare.DataLocation = nil, location
	for _, c := range []struct {
		name         string
		letter, want lambda.Letter
		stored       bool
	}{
		{"small", small, small, false},
		{"as large as goes", fits, fits, false},
		{"a byte larger", large, noData, true},
		{"large without its data", longKeys, bare, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var to client
			o := overflow{location: location}
			send(t, newDeadLetter(t, &to, queueURL, sqsdeadletter.WithOverflow(&o)), c.letter)
			checkBody(t, aws.ToString(to.only(t).MessageBody), c.want)
			if c.stored != (len(o.stored) == 1) {
				t.Fatalf("%d letters stored", len(o.stored))
			}
			if c.stored && document(t, o.stored[0]) != document(t, c.letter) {
				t.Error("the letter was not stored whole")
			}
		})
	}
}

// A letter whose overflow failed is not sent.
func TestOverflowFails(t *testing.T) {
	for _, c := range []struct {
		name     string
		overflow overflow
		maxBytes int
		is       error
		says     string
	}{
		{"error", overflow{err: errDown}, limit, errDown, "overflow: the service is down"},
		{"no location", overflow{}, limit, nil, "no location"},
		{"too large with everything left out", overflow{location: "s3://" + strings.Repeat("b", 1024)}, 1024, sqsdeadletter.ErrTooLarge, "of at most 1024"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var to client
			d := newDeadLetter(t, &to, queueURL, sqsdeadletter.WithOverflow(&c.overflow), sqsdeadletter.WithMaxBytes(c.maxBytes))
			err := d.Send(t.Context(), sized(t, limit+1))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if len(to.sent) > 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestFIFO(t *testing.T) {
	var to client
	names := func(l lambda.Letter, opts ...sqsdeadletter.Option) (group, id string) {
		send(t, newDeadLetter(t, &to, fifoURL, opts...), l)
		in := to.only(t)
		group, id = aws.ToString(in.MessageGroupId), aws.ToString(in.MessageDeduplicationId)
		for _, name := range []string{group, id} {
			if !regexp.MustCompile(`^[0-9A-Za-z]{1,128}$`).MatchString(name) {
				t.Errorf("SQS may refuse the name %q", name)
			}
		}
		return group, id
	}
	base := letter()
	group, id := names(base)
	byKey, otherID := names(base, sqsdeadletter.WithGroupByKey())
	if id == otherID || group == byKey {
		t.Errorf("group %s, by key %s, id %s, by key %s: want others", group, byKey, id, otherID)
	}
	for _, c := range []struct {
		name               string
		change             func(*lambda.Letter)
		sameGroup, sameKey bool
	}{
		{"sent again", func(l *lambda.Letter) { l.Attempts, l.Error = 9, "other" }, true, true},
		{"next record", func(l *lambda.Letter) { l.ID, l.SubSequenceNumber = l.ID+"4", 834 }, true, true},
		{"other key", func(l *lambda.Letter) { l.ID, l.PartitionKey = l.ID+"4", "\x00\xff" }, true, false},
		{"other shard", func(l *lambda.Letter) { l.ID, l.ShardID = l.ID+"4", "shardId-000000000001" }, false, true},
		{"other stream", func(l *lambda.Letter) { l.ID, l.StreamARN = l.ID+"4", l.StreamARN+"2" }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := base
			c.change(&l)
			g, i := names(l)
			k, _ := names(l, sqsdeadletter.WithGroupByKey())
			if (g == group) != c.sameGroup || (k == byKey) != c.sameKey || i == id {
				t.Errorf("same group %v, same group by key %v, same id %v; want %v, %v, never", g == group, k == byKey, i == id, c.sameGroup, c.sameKey)
			}
		})
	}
}

func TestBadArguments(t *testing.T) {
	for _, c := range []struct {
		name      string
		client    sqsdeadletter.Client
		url       string
		opts      []sqsdeadletter.Option
		complains int
		says      string
	}{
		{"nil client", nil, queueURL, nil, 1, "client is nil"},
		{"no URL", &client{}, "", nil, 1, "URL is empty"},
		{"nil option", &client{}, queueURL, []sqsdeadletter.Option{nil}, 1, "option is nil"},
		{"too few bytes", &client{}, queueURL, []sqsdeadletter.Option{sqsdeadletter.WithMaxBytes(1023)}, 1, "WithMaxBytes(1023): want 1024 to 1048576"},
		{"too many bytes", &client{}, queueURL, []sqsdeadletter.Option{sqsdeadletter.WithMaxBytes(limit + 1)}, 1, "WithMaxBytes(1048577)"},
		{"nil overflow", &client{}, queueURL, []sqsdeadletter.Option{sqsdeadletter.WithOverflow(nil)}, 1, "WithOverflow(nil)"},
		{"group in a standard queue", &client{}, queueURL, []sqsdeadletter.Option{sqsdeadletter.WithGroupByKey()}, 1, queueURL},
		{"all", nil, "", []sqsdeadletter.Option{nil, sqsdeadletter.WithMaxBytes(-1), sqsdeadletter.WithOverflow(nil), sqsdeadletter.WithGroupByKey()}, 6, "sqsdeadletter: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := sqsdeadletter.New(c.client, c.url, c.opts...)
			if d != nil || err == nil || !strings.Contains(err.Error(), c.says) || strings.Count(err.Error(), "\n") != c.complains-1 {
				t.Errorf("error %v, want %d complaints with %q", err, c.complains, c.says)
			}
		})
	}
}

func TestConcurrency(t *testing.T) {
	var to client
	d := newDeadLetter(t, &to, fifoURL)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if err := d.Send(t.Context(), letter()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(to.sent) != 100 {
		t.Errorf("%d messages, want 100", len(to.sent))
	}
}
