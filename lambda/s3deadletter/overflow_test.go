package s3deadletter_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/s3deadletter"
	"github.com/kinpack/kinpack/lambda/sqsdeadletter"
)

type queue struct{ bodies []string }

func (q *queue) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	q.bodies = append(q.bodies, aws.ToString(in.MessageBody))
	return &sqs.SendMessageOutput{}, nil
}

// Of a letter that is too large for a queue the message says where it is, and
// there it is whole.
func TestOverflowOfAQueue(t *testing.T) {
	c := fakeS3(t)
	var q queue
	letters, err := sqsdeadletter.New(&q, "https://sqs.us-east-1.amazonaws.com/123456789012/letters",
		sqsdeadletter.WithOverflow(newDeadLetter(t, c, s3deadletter.WithPrefix("overflow"))))
	if err != nil {
		t.Fatal(err)
	}
	small, large := letter(sequence, 0), letter(sequence, 1)
	large.Data = make([]byte, 1<<20)
	for _, l := range []lambda.Letter{small, large} {
		if err := letters.Send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if len(q.bodies) != 2 || len(keys(t, c)) != 1 {
		t.Fatalf("%d messages and %v, want 2 and one object", len(q.bodies), keys(t, c))
	}
	checkDocument(t, strings.NewReader(q.bodies[0]), small)
	var message lambda.Letter
	if err := json.Unmarshal([]byte(q.bodies[1]), &message); err != nil {
		t.Fatal(err)
	}
	key, ok := strings.CutPrefix(message.DataLocation, "s3://"+bucket+"/")
	if !ok || len(message.Data) > 0 || message.PartitionKey != large.PartitionKey {
		t.Fatalf("message is %+v", message)
	}
	checkObject(t, c, key, large)
}
