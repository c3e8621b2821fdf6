//go:build !purego

package md5x

// Order returns the messages in the order in which lanes take them.
func Order(messages [][]byte) (order []int) {
	for q := (queue{all: messages}); ; {
		i := q.take()
		if i < 0 {
			return order
		}
		order = append(order, i)
	}
}
