package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table prints the median of each peer's figures in the order in which peers and loads
// come first, as a table in Markdown, with how many times that is of kinpack's. It fails
// if peers do not agree on the user records, or kinpack's are missing.
func table(in io.Reader, out io.Writer) error {
	t, err := readResults(in)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| ns of CPU a user record | %s |\n|---|%s\n", strings.Join(t.loads, " | "), strings.Repeat("---|", len(t.loads)))
	for _, row := range t.rows {
		fmt.Fprintf(out, "| %s: %s |", row.what, row.peer)
		for _, load := range t.loads {
			fmt.Fprintf(out, " %s |", t.cell(row, load))
		}
		fmt.Fprintln(out)
	}
	return nil
}

type row struct{ what, peer string }

type cell struct {
	row
	load string
}

type results struct {
	rows    []row
	loads   []string
	nanos   map[cell][]float64
	digests map[string]result // by load, the first
}

func readResults(in io.Reader) (*results, error) {
	t := &results{nanos: map[cell][]float64{}, digests: map[string]result{}}
	var errs []error
	for d := json.NewDecoder(in); ; {
		var r result
		if err := d.Decode(&r); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		own := row{r.What, r.Peer}
		if !slices.Contains(t.rows, own) {
			t.rows = append(t.rows, own)
		}
		first, ok := t.digests[r.Load]
		if !ok {
			first, t.digests[r.Load] = r, r
			t.loads = append(t.loads, r.Load)
		}
		if r.Digest != first.Digest || r.Records != first.Records {
			errs = append(errs, fmt.Errorf("%s, %s %s: %d user records, digest %s; %s has %d, %s", r.Load, r.Peer, r.What, r.Records, r.Digest, first.Peer, first.Records, first.Digest))
		}
		c := cell{own, r.Load}
		t.nanos[c] = append(t.nanos[c], r.Nanos)
	}
	slices.SortStableFunc(t.rows, func(a, b row) int { return strings.Compare(a.what, b.what) })
	return t, errors.Join(errs...)
}

func (t *results) median(c cell) float64 {
	all := slices.Sorted(slices.Values(t.nanos[c]))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// cell returns nanoseconds, and how many times kinpack's, aggregate by aggregate.
func (t *results) cell(r row, load string) string {
	own, kinpack := t.median(cell{r, load}), t.median(cell{row{r.what, goPeers[0].name}, load})
	switch {
	case own == 0:
		return ""
	case kinpack == 0:
		return fmt.Sprintf("%.0f", own)
	}
	return fmt.Sprintf("%.0f (%.2f)", own, own/kinpack)
}
