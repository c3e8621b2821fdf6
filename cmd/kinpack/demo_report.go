package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
)

// drop is an aggregate that the KCL's rule throws away.
type drop struct {
	sequenceNumber, shard string
	users                 int
	recovered             bool // all of its user records are delivered by other records
}

// count fills in what the stream and the handler's calls say.
func (k *stage) count(c *calls, col *column) {
	for _, r := range k.server.Records(k.stream) {
		col.KinesisRecords++
		col.Units += units(len(r.Data))
	}
	col.UserRecords = len(c.load.records)
	col.Dollars = float64(int(dollarsAMonth(col.Units, col.UserRecords)*100+0.5)) / 100
	col.Duplicates, col.Succeeded = c.repeats, c.processed()
	col.Poison = "set aside"
	if col.Waiting > 0 {
		col.Poison = "blocking"
	}
	delivered := k.deliveredToKCL()
	for content, n := range c.load.copies {
		col.Lost += max(0, n-delivered[content])
	}
}

// deliveredToKCL counts what a KCL delivers, by content.
func (k *stage) deliveredToKCL() map[string]int {
	delivered := map[string]int{}
	k.eachRecord(func(_ kinesistest.Record, users []deaggregate.Record, dropped bool) {
		for _, u := range users {
			if !dropped {
				delivered[string(u.Data)]++
			}
		}
	})
	return delivered
}

// eachRecord takes the stream apart; dropped is the KCL's rule: a key of an
// aggregate lies outside the shard.
func (k *stage) eachRecord(do func(r kinesistest.Record, users []deaggregate.Record, dropped bool)) {
	shards := map[string]kinesistest.Shard{}
	for _, s := range k.server.Shards(k.stream) {
		shards[s.ID] = s
	}
	for _, r := range k.server.Records(k.stream) {
		users, err := deaggregate.Append(nil, r.PartitionKey, r.Data)
		if err != nil {
			continue // it delivers nothing, and so counts as lost
		}
		dropped := false
		for _, u := range users {
			dropped = dropped || u.Aggregated && !shards[r.ShardID].Contains(hashkey.Of(u.PartitionKey).String())
		}
		do(r, users, dropped)
	}
}

// drops returns the aggregates that a KCL throws away.
func (k *stage) drops(l *load, col *column) []drop {
	var all []drop
	delivered := k.deliveredToKCL()
	k.eachRecord(func(r kinesistest.Record, users []deaggregate.Record, dropped bool) {
		if !dropped {
			return
		}
		d := drop{r.SequenceNumber, r.ShardID, len(users), true}
		for _, u := range users {
			d.recovered = d.recovered && delivered[string(u.Data)] >= l.copies[string(u.Data)]
		}
		all = append(all, d)
		col.DroppedRecords++
		if d.recovered {
			col.Recovered++
		}
	})
	return all
}

// print writes the table.
func (r *result) print(w io.Writer, took time.Duration) {
	o, k := &r.Ordinary, &r.Kinpack
	fmt.Fprintf(w, "%s real records (earthquakes and flights), sent and read twice in %.1f s\n\n", thousands(o.UserRecords), took.Seconds())
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name, ordinary, kinpack string) { fmt.Fprintf(t, "%s\t%s\t%s\n", name, ordinary, kinpack) }
	row("", "ordinary", "kinpack")
	row("Kinesis records", thousands(o.KinesisRecords), thousands(k.KinesisRecords))
	row("PUT units", thousands(o.Units), thousands(k.Units))
	row("dollars a month at 1,000 records/s", fmt.Sprintf("%.2f", o.Dollars), fmt.Sprintf("%.2f", k.Dollars))
	row("handler calls that repeated a success", thousands(o.Duplicates), thousands(k.Duplicates))
	row("poison", o.poison(), k.poison())
	row("records lost to a KCL-style reader", thousands(o.Lost), thousands(k.Lost))
	t.Flush()
	fmt.Fprintln(w)
	for _, d := range r.drops {
		fate := "and its records were not all sent again"
		if d.recovered {
			fate = "kinpack sent all of them again"
		}
		fmt.Fprintf(w, "Dropped by the range rule: an aggregate of %s user records, stored by %s right after the split; %s.\n", thousands(d.users), d.shard, fate)
	}
	fmt.Fprintln(w, "Dollars: us-east-1, provisioned, one shard. Ordinary poison: Lambda's default tries until the record expires.")
}

func (c *column) poison() string {
	if c.Waiting > 0 {
		return fmt.Sprintf("blocking, %s records wait", thousands(c.Waiting))
	}
	return fmt.Sprintf("set aside (%s)", thousands(c.DeadLetters))
}

// thousands writes n with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bar is a progress bar on a terminal, once it is worth one. Safe for
// concurrent use.
type bar struct {
	w     io.Writer // nil: no terminal
	total int
	start time.Time

	mu    sync.Mutex
	n     int
	shown time.Time
}

// newBar returns a bar that total steps fill.
func newBar(w io.Writer, total int) *bar {
	b := &bar{total: total, start: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.w = w
	}
	return b
}

func (b *bar) add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += n
	now := time.Now()
	if b.w == nil || now.Sub(b.start) < time.Second || now.Sub(b.shown) < 100*time.Millisecond {
		return
	}
	b.shown = now
	part := min(1, float64(b.n)/float64(b.total))
	full := int(part * 40)
	fmt.Fprintf(b.w, "\r[%s%s] %3.0f %%", strings.Repeat("#", full), strings.Repeat(".", 40-full), part*100)
}

// done clears the bar away.
func (b *bar) done() {
	if b.w != nil && !b.shown.IsZero() {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", 50))
	}
}
