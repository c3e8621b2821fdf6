package lines

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/producer"
)

// Summary is what was done, for people and as JSON.
type Summary struct {
	Lines            int64     `json:"lines"`      // read
	WholeInput       bool      `json:"wholeInput"` // or it was cut after so many lines
	UserRecordsPut   int64     `json:"userRecordsPut"`
	Failed           int64     `json:"failed"`
	MaybeStored      int64     `json:"maybeStored"` // of the failed
	Retried          int64     `json:"retried"`     // each time counted
	KinesisRecords   int64     `json:"kinesisRecords"`
	PutUnits         int64     `json:"putUnits"`
	PutUnitsUnpacked int64     `json:"putUnitsUnpacked"` // of the user records put, one by one
	PutUnitBytes     int       `json:"putUnitBytes"`
	SavingPercent    float64   `json:"savingPercent"`
	SavingUSD        *float64  `json:"savingUSD,omitempty"` // at the PUT price of us-east-1; nil for another unit
	Bytes            int64     `json:"bytes"`               // of the user records put
	Seconds          float64   `json:"seconds"`
	RecordsPerSecond float64   `json:"recordsPerSecond"`
	Failures         []Failure `json:"failures"` // by reason, the first MaxReasons
}

// Failure is a Reason in a Summary.
type Failure struct {
	Code      string `json:"code"`
	Text      string `json:"text"`
	FirstLine int64  `json:"firstLine"` // the first to fail
	Lines     int64  `json:"lines"`
}

// NewSummary sums a run up: what Run returned, what the producer has counted, the
// PUT unit in bytes, and how long it took.
func NewSummary(out Outcome, st producer.Stats, unit int, took time.Duration) *Summary {
	s := &Summary{
		Lines: out.Lines, WholeInput: out.Stopped == nil,
		UserRecordsPut: st.UserRecordsPut, Failed: out.Failed, MaybeStored: out.MaybeStored, Retried: st.UserRecordsRetried,
		KinesisRecords: st.KinesisRecordsPut, PutUnits: st.PutUnits, PutUnitsUnpacked: st.PutUnitsUnpacked, PutUnitBytes: unit,
		Bytes: st.UserRecordsDataPut, Seconds: took.Seconds(),
		Failures: []Failure{},
	}
	if st.PutUnitsUnpacked > 0 {
		s.SavingPercent = 100 * (1 - float64(st.PutUnits)/float64(st.PutUnitsUnpacked))
	}
	if unit == producer.PutUnit {
		s.SavingUSD = usd(st.PutUnitsUnpacked - st.PutUnits)
	}
	if took > 0 {
		s.RecordsPerSecond = float64(st.UserRecordsPut) / took.Seconds()
	}
	for _, why := range out.Reasons {
		s.Failures = append(s.Failures, Failure{why.Code, why.Text, why.Line, why.Lines})
	}
	return s
}

const priceRegion = "us-east-1"

// usd returns what PUT payload units cost; nil if there is no price.
func usd(units int64) *float64 {
	prices, err := cost.PricesIn(priceRegion)
	if err != nil {
		return nil
	}
	amount := float64(units) * prices.Provisioned.PutUnitsUSDPerMillion / 1e6
	return &amount
}

// Print writes the summary as text. The error is w's.
func (s *Summary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(t, "%s\t%s\n", name, value) }
	row("lines read", thousands(s.Lines))
	row("user records put", thousands(s.UserRecordsPut))
	row("failed", fmt.Sprintf("%s, of them maybe stored %s", thousands(s.Failed), thousands(s.MaybeStored)))
	row("retried", thousands(s.Retried))
	row("Kinesis records", thousands(s.KinesisRecords))
	row("PUT units", fmt.Sprintf("%s of %s bytes", thousands(s.PutUnits), thousands(int64(s.PutUnitBytes))))
	row("PUT units unpacked", thousands(s.PutUnitsUnpacked))
	saving := fmt.Sprintf("%.1f %%", s.SavingPercent)
	if s.SavingUSD != nil {
		saving += fmt.Sprintf(", $%.6f at the PUT price of %s", *s.SavingUSD, priceRegion)
	}
	row("saving", saving)
	row("bytes", thousands(s.Bytes))
	row("seconds", fmt.Sprintf("%.1f", s.Seconds))
	row("records/s", thousands(int64(s.RecordsPerSecond)))
	return t.Flush()
}

// thousands writes n, which is not negative, with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
