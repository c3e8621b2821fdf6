package lambda_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/lambda"
)

func TestLetterJSON(t *testing.T) {
	full := lambda.Letter{
		ID: "id", StreamARN: streamARN, ShardID: shardA, SequenceNumber: sequence(7), SubSequenceNumber: 3,
		OuterPartitionKey: "a\xff", ApproximateArrivalTimestamp: arrival,
		PartitionKey: "p\xff\x00q", ExplicitHashKey: "\xfe42", HasExplicitHashKey: true, Data: []byte("\x00\xff<>"), Aggregated: true,
		Attempts: 2, Error: "boom",
	}
	emptyKey := full
	emptyKey.PartitionKey, emptyKey.ExplicitHashKey, emptyKey.Data = "", "", []byte{}
	none := full
	none.ExplicitHashKey, none.HasExplicitHashKey, none.SubSequenceNumber, none.Aggregated = "", false, lambda.WholeRecord, false
	for name, l := range map[string]lambda.Letter{"full": full, "empty keys and data": emptyKey, "without": none} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			var got lambda.Letter
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			check(t, "letter", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", l))
			if !strings.Contains(string(b), `"version":"1.0"`) || strings.Contains(string(b), "null") {
				t.Errorf("document: %s", b)
			}
		})
	}
	b, err := json.Marshal(lambda.Letter{})
	if err != nil || !strings.Contains(string(b), `"data":""`) {
		t.Errorf("a zero letter gave %s, %v", b, err)
	}
}

func TestLetterJSONRefusesOthers(t *testing.T) {
	for _, doc := range []string{`{"version":"2.0"}`, `{}`, `{"version":1}`, `[]`, `{"version":"1.0","data":"%"}`, `{"version":"1.0","timestamp":"x","requestContext":{},"data":1}`} {
		l := lambda.Letter{ID: "as it was"}
		if err := json.Unmarshal([]byte(doc), &l); err == nil {
			t.Errorf("%s was taken", doc)
		}
		check(t, "letter after an error", l.ID, "as it was")
	}
	var l lambda.Letter
	if err := json.Unmarshal([]byte(`{"version":"1.7","id":"x","new":true}`), &l); err != nil || l.ID != "x" {
		t.Errorf("a later minor version: %v", err)
	}
}
