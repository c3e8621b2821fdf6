package main

// This file owns the loads and their two files, which all peers read:
//
//	LOAD.aggregates  for each aggregate its length and bytes
//	LOAD.records     for each aggregate how many user records it has, and for each of
//	                 these its key and data, with their lengths
//
// Lengths and counts are 4 bytes, big-endian.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/realdata"
)

// atATime is how many aggregates of 51 kB a load has.
const atATime = 64

// load is aggregates, and the user records in them.
type load struct {
	name    string
	packed  [][]byte
	records [][]aggregate.Record
}

// count returns the number of user records.
func (l *load) count() (n int) {
	for _, own := range l.records {
		n += len(own)
	}
	return n
}

func loads() (all []load, err error) {
	for _, size := range []int{100, 512, 2048} {
		random, data := rand.NewChaCha8([32]byte{byte(size)}), make([]byte, size)
		name := fmt.Sprintf("%dB", size)
		if size == 2048 {
			name = "2KB"
		}
		all = append(all, pack(name, func(i int) aggregate.Record {
			_, _ = random.Read(data) // never fails
			return aggregate.Record{PartitionKey: fmt.Sprintf("sensor-%09d", i), Data: bytes.Clone(data)}
		}))
	}
	quakes, flights, err := realdata.Load()
	for _, real := range []struct {
		name    string
		records []realdata.Record
	}{{"earthquakes", quakes}, {"flights", flights}} {
		all = append(all, pack(real.name, func(i int) aggregate.Record {
			r := real.records[i%len(real.records)]
			return aggregate.Record{PartitionKey: r.PartitionKey, Data: r.Data}
		}))
	}
	return all, err
}

// pack fills aggregates of the default size with the records of at, all of which are
// valid.
func pack(name string, at func(i int) aggregate.Record) load {
	l := load{name: name}
	var b aggregate.Builder
	var own []aggregate.Record
	for i := 0; len(l.packed) < atATime; i++ {
		r := at(i)
		if b.Add(r) == aggregate.ErrFull {
			l.packed, l.records = append(l.packed, b.AppendTo(nil)), append(l.records, own)
			b.Reset()
			own = nil
			_ = b.Add(r) // an empty Builder takes any
		}
		own = append(own, r)
	}
	return l
}

func writeLoads(dir string) error {
	all, err := loads()
	for _, l := range all {
		var packed, records []byte
		for i, data := range l.packed {
			packed = appendBytes(packed, data)
			records = binary.BigEndian.AppendUint32(records, uint32(len(l.records[i])))
			for _, r := range l.records[i] {
				records = appendBytes(appendBytes(records, []byte(r.PartitionKey)), r.Data)
			}
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, l.name+".aggregates"), packed, 0o644),
			os.WriteFile(filepath.Join(dir, l.name+".records"), records, 0o644))
	}
	return err
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

var errCut = errors.New("the file is cut off")

// readLoad reads both files of a load.
func readLoad(dir, name string) (l load, err error) {
	l.name = name
	packed, err := os.ReadFile(filepath.Join(dir, name+".aggregates"))
	if err != nil {
		return l, err
	}
	records, err := os.ReadFile(filepath.Join(dir, name+".records"))
	if err != nil {
		return l, err
	}
	p, r := reader{rest: packed}, reader{rest: records}
	for len(p.rest) > 0 && !p.cut {
		l.packed = append(l.packed, p.next(p.number()))
	}
	for len(r.rest) > 0 && !r.cut {
		var own []aggregate.Record
		for n := r.number(); n > 0 && !r.cut; n-- {
			key := string(r.next(r.number()))
			own = append(own, aggregate.Record{PartitionKey: key, Data: r.next(r.number())})
		}
		l.records = append(l.records, own)
	}
	if p.cut || r.cut || len(l.packed) != len(l.records) {
		return l, fmt.Errorf("%s: %w", name, errCut)
	}
	return l, nil
}

// reader reads a file's content. After its end everything is empty.
type reader struct {
	rest []byte
	cut  bool
}

func (r *reader) next(n int) []byte {
	if n > len(r.rest) {
		r.cut, n = true, 0
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) number() int {
	b := r.next(4)
	if r.cut {
		return 0
	}
	return int(binary.BigEndian.Uint32(b))
}

// digest is what all peers tell of the user records that they read: the first 16
// digits of the SHA-256 of all keys and data, with their lengths as in the files.
type digest struct{ text []byte }

func (d *digest) add(partitionKey string, data []byte) {
	d.text = appendBytes(appendBytes(d.text, []byte(partitionKey)), data)
}

func (d *digest) String() string {
	sum := sha256.Sum256(d.text)
	return fmt.Sprintf("%x", sum[:8])
}
