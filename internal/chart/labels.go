package chart

// This file owns how labels in a column are kept apart.

import (
	"cmp"
	"slices"
)

// label is something of a height that would like its middle at want. Of two that
// want the same the one with the lower tie is above.
type label struct{ want, tie, height int }

// spread returns the middles of the labels, so that none overlap, all lie between lo
// and hi (if there is room), and the squares of the ways from where they want to be
// add up to the least, for that order: neighbours that would overlap move as one.
func spread(labels []label, lo, hi int) []int {
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(labels[a].want, labels[b].want), cmp.Compare(labels[a].tie, labels[b].tie))
	})
	// A group's top is the mean of what its labels would have it.
	type group struct{ members, sum, height int }
	top := func(g group) int { return g.sum / g.members }
	var groups []group
	total := 0
	for _, i := range order {
		l := labels[i]
		total += l.height
		g := group{1, l.want - l.height/2, l.height}
		for len(groups) > 0 {
			before := groups[len(groups)-1]
			if top(before)+before.height <= top(g) {
				break
			}
			groups = groups[:len(groups)-1]
			g = group{before.members + g.members, before.sum + g.sum - g.members*before.height, before.height + g.height}
		}
		groups = append(groups, g)
	}
	out := make([]int, len(labels))
	next, above := 0, 0 // above: height of the labels so far
	for _, g := range groups {
		// Clamped as if all labels above and below stood close by.
		y := max(lo+above, min(top(g), hi-(total-above)))
		for range g.members {
			i := order[next]
			out[i] = y + labels[i].height/2
			y += labels[i].height
			above += labels[i].height
			next++
		}
	}
	return out
}
