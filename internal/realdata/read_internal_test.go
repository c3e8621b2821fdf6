package realdata

import "testing"

func TestReadBroken(t *testing.T) {
	if all, err := read([]byte("not packed")); err == nil {
		t.Errorf("%d records and no error", len(all))
	}
	if all, err := read(flights[:len(flights)/2]); err == nil {
		t.Errorf("cut off: %d records and no error", len(all))
	}
}
