//go:build !amd64 || purego

package md5x

const lanes = 1

func ways() []way { return []way{generic} }

// sumLanes is not called: there is no kernel.
func (way) sumLanes([][16]byte, [][]byte) { panic("md5x: no kernel") }
