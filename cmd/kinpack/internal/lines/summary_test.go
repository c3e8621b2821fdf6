package lines_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/producer"
)

func TestSummary(t *testing.T) {
	out := lines.Outcome{Lines: 1234567, Failed: 7, MaybeStored: 2, Stopped: errors.New("cut"), Reasons: []lines.Reason{{Code: "C", Text: "text", Line: 3, Lines: 7}}}
	st := producer.Stats{UserRecordsPut: 1234560, UserRecordsRetried: 5, KinesisRecordsPut: 100, PutUnits: 200, PutUnitsUnpacked: 1000200, UserRecordsDataPut: 98765}
	s := lines.NewSummary(out, st, 25600, 10*time.Second)
	var text strings.Builder
	if err := s.Print(&text); err != nil {
		t.Fatal(err)
	}
	want := `lines read          1,234,567
user records put    1,234,560
failed              7, of them maybe stored 2
retried             5
Kinesis records     100
PUT units           200 of 25,600 bytes
PUT units unpacked  1,000,200
saving              100.0 %, $0.014000 at the PUT price of us-east-1
bytes               98,765
seconds             10.0
records/s           123,456
`
	if text.String() != want {
		t.Errorf("%s\nwant\n%s", text.String(), want)
	}
	asJSON, err := json.Marshal(s)
	wantJSON := `{"lines":1234567,"wholeInput":false,"userRecordsPut":1234560,"failed":7,"maybeStored":2,"retried":5,` +
		`"kinesisRecords":100,"putUnits":200,"putUnitsUnpacked":1000200,"putUnitBytes":25600,"savingPercent":99.98000399920016,"savingUSD":0.014,` +
		`"bytes":98765,"seconds":10,"recordsPerSecond":123456,"failures":[{"code":"C","text":"text","firstLine":3,"lines":7}]}`
	if err != nil || string(asJSON) != wantJSON {
		t.Errorf("%s, %v; want\n%s", asJSON, err, wantJSON)
	}
	_, w := io.Pipe()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Print(w); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("not written: %v", err)
	}
}

// Nothing was put, in no time.
func TestSummaryOfNothing(t *testing.T) {
	s, err := json.Marshal(lines.NewSummary(lines.Outcome{}, producer.Stats{}, 1024, 0))
	if err != nil || !strings.Contains(string(s), `"wholeInput":true,`) || !strings.Contains(string(s), `"savingPercent":0,"bytes"`) || !strings.HasSuffix(string(s), `"failures":[]}`) {
		t.Errorf("%s, %v", s, err)
	}
}
