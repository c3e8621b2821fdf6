package kinesistest_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinesistest"
)

// tb is a test that notes why it failed.
type tb struct {
	testing.TB
	fatal string
}

func (t *tb) Helper() {}

func (t *tb) Fatalf(format string, args ...any) { t.fatal = fmt.Sprintf(format, args...) }

func TestFake(t *testing.T) {
	for shards, mode := range map[int]string{3: "PROVISIONED 3", 0: "ON_DEMAND 4"} {
		c := kinesistest.Fake(t, "orders", shards, kinesistest.WithMaxRequestSize(1))
		d := must(c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("orders")})).StreamDescriptionSummary
		if got := fmt.Sprint(d.StreamModeDetails.StreamMode, " ", *d.OpenShardCount); got != mode || len(c.Server().Shards("orders")) != int(*d.OpenShardCount) {
			t.Errorf("%d shards: %s, want %s", shards, got, mode)
		}
		_, err := c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("orders"), Records: entries(1, 1)})
		if code(err) != "InvalidArgumentException" {
			t.Errorf("the option has no effect: %v", err)
		}
	}
	for name, shards := range map[string]int{"": 1, "no good": 1, "orders": -1} {
		note := &tb{TB: t}
		if kinesistest.Fake(note, name, shards); note.fatal == "" {
			t.Errorf("a stream %q with %d shards did not fail the test", name, shards)
		}
	}
}
