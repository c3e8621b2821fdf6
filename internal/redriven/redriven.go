// Package redriven is how kinpack redrive and package lambda keep user records the
// same when an outer record is put together anew with some of them: its eventName,
// which says nothing else, tells their sub-sequence numbers, and that it is not the
// outer record itself.
package redriven

import (
	"strconv"
	"strings"
)

const (
	prefix = "kinpack:redriven:"
	// highest is more than any record holds: they are of at most 10 MiB.
	highest = 1 << 24
)

// Name returns the eventName of an outer record with the user records of these
// sub-sequence numbers, which ascend: such as kinpack:redriven:2,5-9.
func Name(subSequences []int) string {
	name := []byte(prefix)
	for i := 0; i < len(subSequences); {
		j := i
		for j+1 < len(subSequences) && subSequences[j+1] == subSequences[j]+1 {
			j++
		}
		if i > 0 {
			name = append(name, ',')
		}
		name = strconv.AppendInt(name, int64(subSequences[i]), 10)
		if j > i {
			name = append(name, '-')
			name = strconv.AppendInt(name, int64(subSequences[j]), 10)
		}
		i = j + 1
	}
	return string(name)
}

// Is says whether it is such an eventName.
func Is(name string) bool { return strings.HasPrefix(name, prefix) }

// Parse returns the sub-sequence numbers of an outer record with that eventName
// and n user records; nil if the name says none, or not n that ascend from 0 or
// above.
func Parse(name string, n int) []int {
	list, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return nil
	}
	all := make([]int, 0, n)
	next := 0 // the lowest that may come
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < next || last < first || last > highest || last-first >= n-len(all) {
			return nil
		}
		for s := first; s <= last; s++ {
			all = append(all, s)
		}
		next = last + 1
	}
	if len(all) != n {
		return nil
	}
	return all
}
