package s3deadletter_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/s3deadletter"
)

func TestKey(t *testing.T) {
	const folder = "us-east-1/123456789012/orders/" + shardID + "/" + sequence + "/"
	for _, c := range []struct {
		name   string
		prefix string
		change func(*lambda.Letter)
		want   string
	}{
		{"usual", "", func(*lambda.Letter) {}, folder + "00000083.json"},
		{"prefix", "dead/intake", func(*lambda.Letter) {}, "dead/intake/" + folder + "00000083.json"},
		{"prefix with its slash", "dead/", func(*lambda.Letter) {}, "dead/" + folder + "00000083.json"},
		{"whole", "", func(l *lambda.Letter) { l.SubSequenceNumber = lambda.WholeRecord }, folder + "whole.json"},
		{"first", "", func(l *lambda.Letter) { l.SubSequenceNumber = 0 }, folder + "00000000.json"},
		{"consumer", "", func(l *lambda.Letter) { l.StreamARN += "/consumer/fan-out:17" },
			"us-east-1/123456789012/orders/consumer/fan-out!3a17/" + shardID + "/" + sequence + "/00000083.json"},
		{"short sequence number", "", func(l *lambda.Letter) { l.SequenceNumber = "4956" },
			"us-east-1/123456789012/orders/" + shardID + "/" + strings.Repeat("0", 52) + "4956/00000083.json"},
		{"odd sequence number", "", func(l *lambda.Letter) { l.SequenceNumber = "49 56" },
			"us-east-1/123456789012/orders/" + shardID + "/49!2056/00000083.json"},
		{"no stream", "", func(l *lambda.Letter) { l.StreamARN = "arn:aws:sqs:us-east-1:1:orders/x" },
			"arn!3aaws!3asqs!3aus-east-1!3a1!3aorders!2fx/" + shardID + "/" + sequence + "/00000083.json"},
		{"odd names", "", func(l *lambda.Letter) { l.StreamARN, l.ShardID = "arn:aws:kinesis:::stream/..", "é!/" },
			"!/!/!2e./!c3!a9!21!2f/" + sequence + "/00000083.json"},
		{"nothing", "", func(l *lambda.Letter) { *l = lambda.Letter{} }, "!/!/!/00000000.json"},
		{"what is not of the ID", "", func(l *lambda.Letter) { l.ID, l.PartitionKey, l.Data, l.Attempts, l.Error = "", "b", nil, 9, "other" }, folder + "00000083.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := letter(sequence, 83)
			c.change(&l)
			if got := newDeadLetter(t, &client{}, s3deadletter.WithPrefix(c.prefix)).Key(l); got != c.want {
				t.Errorf("key is\n%s, want\n%s", got, c.want)
			}
		})
	}
}

// Keys are safe, and those of different letters are different.
func FuzzKey(f *testing.F) {
	f.Add("a/b", "", "7", 0, "a", "b/", "7", 0)
	f.Add("a!2e", "..", "", -1, "a.", "!2e.", "!", 1)
	f.Fuzz(func(t *testing.T, stream, shard, sequence string, sub int, stream2, shard2, sequence2 string, sub2 int) {
		d := newDeadLetter(t, &client{})
		a := lambda.Letter{StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/" + stream, ShardID: shard, SequenceNumber: sequence, SubSequenceNumber: sub}
		b := lambda.Letter{StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/" + stream2, ShardID: shard2, SequenceNumber: sequence2, SubSequenceNumber: sub2}
		key := d.Key(a)
		if !regexp.MustCompile(`^([A-Za-z0-9_!-][A-Za-z0-9_.!-]*/){5,}(-?[0-9]{7,}|whole)\.json$`).MatchString(key) {
			t.Errorf("key %q of %+v", key, a)
		}
		same := stream == stream2 && shard == shard2 && strings.TrimLeft(sequence, "0") == strings.TrimLeft(sequence2, "0") && sub == sub2
		if !same && key == d.Key(b) {
			t.Errorf("%+v and %+v have the key %q", a, b, key)
		}
	})
}
