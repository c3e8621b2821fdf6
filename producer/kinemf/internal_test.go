package kinemf

import (
	"reflect"
	"testing"
	"time"

	"github.com/kinpack/kinpack/producer"
)

// A field that Stats gets has to be made a difference, or be known here as one
// that is as it is.
func TestSinceHasEveryField(t *testing.T) {
	asItIs := map[string]bool{"UserRecordsPending": true, "BufferedBytes": true, "OldestAge": true, "Shards": true, "ServiceManaged": true}
	var last, s producer.Stats
	for i := range reflect.TypeFor[producer.Stats]().NumField() {
		switch f := reflect.ValueOf(&last).Elem().Field(i); f.Kind() {
		case reflect.Int64:
			f.SetInt(10)
			reflect.ValueOf(&s).Elem().Field(i).SetInt(25)
		case reflect.Bool:
			reflect.ValueOf(&s).Elem().Field(i).SetBool(true)
		}
	}
	last.ErrorsByCode = map[string]int64{"a": 10, "b": 5}
	s.ErrorsByCode = map[string]int64{"a": 25, "b": 5, "": 1}
	d := since(last, s)
	for i := range reflect.TypeFor[producer.Stats]().NumField() {
		name := reflect.TypeFor[producer.Stats]().Field(i).Name
		f := reflect.ValueOf(d).Field(i)
		want := int64(15)
		if asItIs[name] {
			want = 25
		}
		switch {
		case f.Kind() == reflect.Int64 && f.Int() != want:
			t.Errorf("%s is %d, want %d", name, f.Int(), want)
		case f.Kind() == reflect.Bool && !f.Bool():
			t.Errorf("%s is false", name)
		}
	}
	if want := map[string]int64{"a": 15, "": 1}; !reflect.DeepEqual(d.ErrorsByCode, want) {
		t.Errorf("errors are %v, want %v", d.ErrorsByCode, want)
	}
	if s.ErrorsByCode["a"] != 25 || last.ErrorsByCode["a"] != 10 {
		t.Error("an argument was changed")
	}
}

// Any count that falls tells of a new Producer.
func TestSinceRestart(t *testing.T) {
	for _, last := range []producer.Stats{
		{UserRecordsReceived: 11},
		{MapRefreshErrors: 1},
		{RequestTime: time.Second},
	} {
		s := producer.Stats{UserRecordsReceived: 10, UserRecordsPut: 7, RequestTime: time.Millisecond, ErrorsByCode: map[string]int64{"a": 3}}
		last.ErrorsByCode = map[string]int64{"a": 2}
		if d := since(last, s); !reflect.DeepEqual(d, s) {
			t.Errorf("after %+v: %+v", last, d)
		}
	}
}

func TestAtMostAHundredMetrics(t *testing.T) {
	if n := len(metrics()); n > 100 {
		t.Errorf("%d metrics a line, CloudWatch takes 100", n)
	}
}
