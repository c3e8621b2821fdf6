package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/chart"
)

// This file owns how an estimate is written.

// sentence is the workload in words.
func (e *estimate) sentence() string {
	w := e.Workload
	keys := fmt.Sprintf("each with its own key of %s bytes", decimal(w.KeyBytes))
	switch {
	case w.Keyless:
		keys = "without keys"
	case len(e.of.Records) > 0:
		keys = fmt.Sprintf("with keys of %s bytes", decimal(w.KeyBytes))
	case w.DistinctKeys > 0:
		keys = fmt.Sprintf("with %s of %s bytes", plural(w.DistinctKeys, "key"), decimal(w.KeyBytes))
	}
	records := "user records"
	if w.RatePerSecond == 1 {
		records = "user record"
	}
	s := fmt.Sprintf("%s %s a second of %s bytes, %s", decimal(w.RatePerSecond), records, decimal(w.RecordBytes), keys)
	if e.Packed != nil {
		s += fmt.Sprintf(", from %s, buffered for up to %v", plural(w.Producers, "producer"), e.of.Buffer)
	}
	return s
}

// conditions are the stream and the prices in a line.
func (e *estimate) conditions() string {
	w, hours := e.Workload, retention(e.Workload.RetentionHours)
	s := fmt.Sprintf("%s (prices of %s), %s, %s retention, %s", w.Region, w.PricesOf, w.Mode, hours.String(), plural(w.Consumers, "consumer"))
	if w.FanOut > 0 {
		s += fmt.Sprintf(" and %d with fan-out", w.FanOut)
	}
	if e.Packed != nil && e.terms.Stream.Mode != cost.Provisioned {
		s += ", aggregates cut by 1,024 bytes (producer.WithPutUnit)"
	}
	if w.LambdaMB > 0 {
		s += fmt.Sprintf(", a Lambda function of %d MB that takes %s ms a user record in batches of %d", w.LambdaMB, decimal(w.LambdaMillis), w.BatchSize)
	}
	if w.Network != "" {
		s += fmt.Sprintf(", %s in %s, %s", w.Network, plural(w.Zones, "zone"), w.Encoding)
	}
	if w.PutUnitBytes != cost.PutUnit {
		s += fmt.Sprintf(", PUT payload units of %s bytes", thousands(w.PutUnitBytes))
	}
	if w.KeyCounts {
		s += ", partition keys billed"
	}
	return s + fmt.Sprintf(", a month of %s hours", decimal(w.HoursPerMonth))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// decimal writes a number with at most two decimals.
func decimal(v float64) string {
	s := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".")
	whole, rest, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return s
	}
	if rest != "" {
		rest = "." + rest
	}
	if v > 0 && n == 0 && rest == "" {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return thousands(n) + rest
}

// rows are the table, the bill's lines at its end.
func (e *estimate) rows() [][3]string {
	columns := []*way{&e.Unpacked}
	if e.Packed != nil {
		columns = append(columns, e.Packed)
	}
	var rows [][3]string
	row := func(name string, value func(c *way) string) {
		r := [3]string{name}
		for i, c := range columns {
			r[i+1] = value(c)
		}
		rows = append(rows, r)
	}
	if e.Packed != nil {
		row("user records a Kinesis record", func(c *way) string { return decimal(c.PerRecord) })
	}
	row("Kinesis records a second", func(c *way) string { return decimal(c.KinesisRecords) })
	if e.terms.Stream.Mode == cost.Provisioned {
		row("PUT payload units a second", func(c *way) string { return decimal(c.Units) })
		row("fill of the PUT payload units", func(c *way) string { return fmt.Sprintf("%.1f %%", 100*c.Fill) })
		row("shards", func(c *way) string { return thousands(c.Shards) })
	}
	if e.Packed != nil {
		row("median wait", func(c *way) string { return chart.Millis(c.MedianMillis) })
		row("99 % wait at most", func(c *way) string { return chart.Millis(c.P99Millis) })
	}
	for _, item := range e.items() {
		row(item, func(c *way) string {
			for _, l := range c.Lines {
				if l.Item == item {
					return l.USD.String()
				}
			}
			return usd(0).String()
		})
	}
	row("total a month", func(c *way) string { return c.TotalUSD.String() })
	return rows
}

// items are the items of both bills.
func (e *estimate) items() (items []string) {
	lines := slices.Clone(e.Unpacked.Lines)
	if e.Packed != nil {
		lines = append(lines, e.Packed.Lines...)
	}
	for _, l := range lines {
		if !slices.Contains(items, l.Item) {
			items = append(items, l.Item)
		}
	}
	return items
}

// print writes the text.
func (e *estimate) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", e.sentence(), e.conditions())
	rows := append([][3]string{{"", "one by one", "packed"}}, e.rows()...)
	var width [3]int
	for _, r := range rows {
		for i := range r {
			width[i] = max(width[i], len(r[i]))
		}
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s   %*s", width[0], r[0], width[1], r[1])
		if e.Packed != nil {
			fmt.Fprintf(&b, "   %*s", width[2], r[2])
		}
		b.WriteString("\n")
	}
	for _, s := range e.conclusions() {
		fmt.Fprintf(&b, "\n%s\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *estimate) conclusions() []string {
	var all []string
	if e.SavedUSD != nil && *e.SavedUSD > 0 {
		all = append(all, fmt.Sprintf("Packing saves %v a month, %.1f %%.", *e.SavedUSD, float64(*e.SavedPercent)))
	} else if e.SavedUSD != nil && *e.SavedUSD < 0 {
		all = append(all, fmt.Sprintf("Packing costs %v a month more, %.1f %%.", -*e.SavedUSD, -float64(*e.SavedPercent)))
	}
	return append(all, e.Hints...)
}

func (e *estimate) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(e)
}

// csv writes a line a way, the items of the bill in columns.
func (e *estimate) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"packing", "kinesis_records_per_second", "user_records_per_kinesis_record", "put_units_per_second", "bytes_per_second", "fill", "median_wait_ms", "p99_wait_ms", "shards", "shard_usd", "put_usd", "other_usd", "total_usd"}
	_ = out.Write(head)
	line := func(name string, c *way) {
		number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
		_ = out.Write([]string{name, number(c.KinesisRecords), number(c.PerRecord), number(c.Units), number(c.Bytes), number(c.Fill), number(c.MedianMillis), number(c.P99Millis),
			strconv.Itoa(c.Shards), c.ShardUSD.number(), c.PutUSD.number(), c.OtherUSD.number(), c.TotalUSD.number()})
	}
	line("none", &e.Unpacked)
	if e.Packed != nil {
		line("kinpack", e.Packed)
	}
	out.Flush()
	return out.Error()
}
