package follow

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// A script of what becomes known of shards, and which may be read then.
func TestLineage(t *testing.T) {
	type step struct {
		what  string // list SHARD:PARENT+PARENT ..., end SHARD CHILD:..., leave SHARD
		ready string
	}
	for _, c := range []struct {
		name  string
		steps []step
		waits string
	}{
		{"parents first", []step{{"list a b:a c:a d:b+c", "a"}, {"end a", "b c"}, {"end c", ""}, {"end b", "d"}}, ""},
		{"parents that are past the retention period", []step{{"list c:a+b d:c", "c"}, {"end c", "d"}}, ""},
		{"named by their parent", []step{{"list a", "a"}, {"end a b:a c:a", "b c"}, {"end b d:b+c", ""}, {"end c d:b+c", "d"}}, ""},
		{"the other parent is not known", []step{{"list a x", "a x"}, {"end x e:d+x", ""}, {"end a c:a d:a", "c d"}, {"end d e:d+x", "e"}}, ""},
		{"nor is it ever", []step{{"list x", "x"}, {"end x e:d+x", ""}}, "e"},
		{"until the child is listed without it", []step{{"list x", "x"}, {"end x e:d+x", ""}, {"list x e:d+x", "e"}}, ""},
		{"taken for gone, and listed late", []step{{"list e:d", "e"}, {"list d e:d", "d"}, {"end e", ""}}, ""},
		{"listed again", []step{{"list a b:a", "a"}, {"list a b:a", ""}, {"end a", "b"}, {"list a b:a", ""}}, ""},
		{"left", []step{{"list a b c:a d:c", "a b"}, {"end b e:b+c", ""}, {"leave a", ""}}, ""},
		{"left before", []step{{"list a b", "a b"}, {"leave a", ""}, {"end b e:a+b f:b", "f"}, {"list a b e:a+b f:b g:e", ""}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := lineage{}
			for _, s := range c.steps {
				words := strings.Fields(s.what)
				var shards []*Shard
				for _, w := range words[1:] {
					id, parents, _ := strings.Cut(w, ":")
					shards = append(shards, &Shard{ID: id, Parents: strings.FieldsFunc(parents, func(r rune) bool { return r == '+' })})
				}
				var ready []*node
				switch words[0] {
				case "list":
					ready = l.listed(shards, false, func(*Shard) bool { return false })
				case "end":
					ready = l.end(words[1], shards[1:])
				case "leave":
					l.leave(words[1])
				}
				var got []string
				for _, n := range ready {
					got = append(got, n.shard.ID)
				}
				slices.Sort(got)
				if strings.Join(got, " ") != s.ready {
					t.Errorf("%s: %q may be read, want %q", s.what, got, s.ready)
				}
			}
			waits := ""
			if s := l.waits(); s != nil {
				waits = s.ID
			}
			if waits != c.waits {
				t.Errorf("%q waits, want %q, of %q", waits, c.waits, slices.Sorted(maps.Keys(l)))
			}
		})
	}
}
