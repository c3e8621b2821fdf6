package lambdatest_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

func TestRecordedSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := make([]lambdatest.Record, 6)
		for i := range records {
			records[i].Data = []byte{byte('0' + i)}
		}
		h := func(_ context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
			for _, x := range e.Records {
				if string(x.Kinesis.Data) == "5" {
					r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: x.Kinesis.SequenceNumber})
				}
			}
			return r, nil
		}
		m, err := lambdatest.New(lambdatest.Records(records), lambdatest.Handler(h),
			lambdatest.WithBatchSize(3), lambdatest.WithMaximumRetryAttempts(3), lambdatest.WithReportBatchItemFailures())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, inv := range m.Invocations() {
			t.Log(inv.Number, inv.Sandbox, inv.ColdStart, inv.RequestID, inv.Attempt, len(inv.Records), inv.Outcome, inv.Done, inv.Start)
		}
		t.Log(fmt.Sprint(m.Seen()), m.OnFailures())
	})
}
