package inspect

// This file owns the report as text. Partition keys come quoted and cut.

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// encode gives a key that JSON cannot hold a second form.
func (k *Key) encode() {
	if !utf8.ValidString(k.PartitionKey) {
		k.Base64 = []byte(k.PartitionKey)
	}
}

// maxShown is how many shards are shown, those that take most.
const maxShown = 20

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name, format string, a ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", a...) }
	row("Kinesis records", "%d, %d bytes", r.KinesisRecords, r.DataBytes)
	row("user records", "%d%s", r.UserRecords, inStream(r.UserRecordsPerSecond))
	row("packed", "%s of the Kinesis records, %s of the user records", percent(r.Aggregates, r.KinesisRecords), percent(r.AggregatedUserRecords, r.UserRecords))
	if r.Aggregates > 0 {
		row("user records an aggregate", "%s", r.UserRecordsInAggregate)
	}
	row("keyless", "%s of the user records", percent(r.KeylessUserRecords, r.UserRecords))
	row("bytes of a user record", "%s", r.UserRecordBytes)
	for _, u := range []struct {
		name string
		Units
	}{{"PUT units of 25,600 bytes", r.PutUnits}, {"on-demand steps of 1,024 bytes", r.Steps}} {
		row(u.name, "%d, fill %.3f; one by one %d", u.Units.Units, u.Fill, u.Unpacked)
	}
	row("dropped by a KCL", "%s, %s", count(r.Dropped.Aggregates, "aggregate"), count(r.Dropped.UserRecords, "user record"))
	row("malformed", "%d", r.MalformedRecords)
	r.writeWriters(t)
	r.writeShards(t)
	r.writeKeys(t)
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, h := range r.Hints {
		b.WriteString("\n* " + h)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Spread) String() string {
	return fmt.Sprintf("mean %.1f, p50 %d, p99 %d, max %d", s.Mean, s.P50, s.P99, s.Max)
}

func inStream(perSecond float64) string {
	if perSecond == 0 {
		return ""
	}
	return ", about " + rate(&perSecond) + " a second in the whole stream"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func percent(n, of int) string {
	if of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

func (r *Report) writeWriters(w io.Writer) {
	if r.KinesisRecords == 0 {
		return
	}
	fmt.Fprintf(w, "\nwritten by\tKinesis records\tuser records\tPUT units\tfill\n")
	names := map[string]string{
		"kpl":   "the KPL, or kinpack with one lane (outer key a)",
		"lanes": fmt.Sprintf("kinpack with lanes, %d seen", r.Lanes),
		"other": "others that pack", "plain": "not packed",
	}
	for _, x := range r.Writers {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.3f\n", names[x.Who], x.KinesisRecords, x.UserRecords, x.PutUnits, x.Fill)
	}
}

func (r *Report) writeShards(w io.Writer) {
	shards := slices.Clone(r.Shards)
	slices.SortStableFunc(shards, func(a, b Shard) int { return cmp.Compare(b.RecordShare+b.ByteShare, a.RecordShare+a.ByteShare) })
	fmt.Fprintf(w, "\nshard (%d are open)\tKinesis records\ta second\tpeak\tbytes a second\tpeak\tof the records\tof the bytes\tof the PUT units\n", r.OpenShards)
	for _, s := range shards[:min(len(shards), maxShown)] {
		id := s.ID
		if !s.Open {
			id += " (closed)"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%d\t%.1f %%\t%.1f %%\t%.1f %%%s\n", id, s.KinesisRecords, rate(s.KinesisRecordsPerSecond), s.PeakKinesisRecords,
			rate(s.BytesPerSecond), s.PeakBytes, 100*s.RecordShare, 100*s.ByteShare, 100*s.UnitShare, s.heat())
	}
	if n := len(shards) - maxShown; n > 0 {
		fmt.Fprintf(w, "and %d more\n", n)
	}
}

func (s Shard) heat() string {
	switch {
	case s.NearLimit:
		return "\tnear its limit"
	case s.OverMean:
		return "\thot"
	}
	return ""
}

func rate(r *float64) string {
	switch {
	case r == nil:
		return "?"
	case *r < 100:
		return fmt.Sprintf("%.3g", *r)
	}
	return fmt.Sprintf("%.0f", *r)
}

func (r *Report) writeKeys(w io.Writer) {
	if len(r.Keys) == 0 || r.Keys[0].UserRecords < 2 {
		return
	}
	distinct, least := fmt.Sprint(r.DistinctKeys), ""
	if r.KeysEstimated {
		distinct, least = "more than "+distinct, "at least "
	}
	fmt.Fprintf(w, "\npartition key (%s distinct)\tuser records\tof all\n", distinct)
	for _, k := range r.Keys {
		if k.UserRecords > 1 {
			fmt.Fprintf(w, "%.40q\t%s%d\t%.1f %%\n", k.PartitionKey, least, k.UserRecords, 100*k.Share)
		}
	}
}
