package follow

// This file owns which shards may be read: those whose parents have all been read to
// their end. It is pure. A parent that nobody has heard of is one of two things. If
// its child was listed, the parent is past the retention period, since a listing
// shows all shards as of one moment. If the child was named by its other parent,
// which had just been read, then both were closed at one moment, and the unknown one
// is still to come, when the end of one of its own ancestors names it.

// state is where a shard stands. Each may become any later one.
type state int

const (
	heardOf state = iota // as a parent, to come
	waiting              // for its parents
	reading
	atTip // left with records still to come, which nobody wants
	ended
)

type node struct {
	shard    *Shard // nil if only heard of
	state    state
	first    bool // of the first listing
	children []string
}

// lineage is all shards that were seen, by id.
type lineage map[string]*node

func (l lineage) node(id string) *node {
	n := l[id]
	if n == nil {
		n = new(node)
		l[id] = n
	}
	return n
}

// add makes a shard known, and says whether it was not before.
func (l lineage) add(s *Shard) bool {
	n := l.node(s.ID)
	if n.shard != nil {
		return false
	}
	n.shard, n.state = s, waiting // even if it was taken for gone
	for _, p := range s.Parents {
		parent := l.node(p)
		parent.children = append(parent.children, s.ID)
	}
	return true
}

// listed takes in a listing, which is of all shards. skip says of which nothing is
// wanted. It returns the shards that may be read by now.
func (l lineage) listed(shards []*Shard, first bool, skip func(*Shard) bool) (ready []*node) {
	for _, s := range shards {
		if l.add(s) {
			n := l[s.ID]
			n.first = first
			if skip(s) {
				n.state = ended
			}
		}
	}
	for _, s := range shards {
		for _, p := range s.Parents {
			if n := l.node(p); n.shard == nil {
				n.state = ended
			}
		}
	}
	for _, s := range shards {
		ready = l.release(ready, s.ID)
	}
	return ready
}

// end says that a shard has been read to its end, which named its children.
func (l lineage) end(id string, children []*Shard) (ready []*node) {
	l[id].state = ended
	for _, c := range children {
		l.add(c)
	}
	for _, c := range l[id].children {
		ready = l.release(ready, c)
	}
	return ready
}

// leave says that a shard is read no further, nor are those that come after it.
func (l lineage) leave(id string) {
	l[id].state = atTip
	for _, c := range l[id].children {
		l.release(nil, c)
	}
}

// release appends a shard if nothing keeps it waiting any more.
func (l lineage) release(ready []*node, id string) []*node {
	n := l[id]
	if n.state != waiting {
		return ready
	}
	after := ended
	for _, p := range n.shard.Parents {
		switch l[p].state {
		case ended:
		case atTip:
			l.leave(id)
			return ready
		default:
			after = waiting
		}
	}
	if after == ended {
		n.state = reading
		ready = append(ready, n)
	}
	return ready
}

// waits returns a shard that waits for its parents, nil for none.
func (l lineage) waits() *Shard {
	for _, n := range l {
		if n.state == waiting {
			return n.shard
		}
	}
	return nil
}
