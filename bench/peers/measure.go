package main

// This file owns the peers in Go: kinpack one by one and side by side, and the
// generated message with crypto/md5.

import (
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/cputime"
	kplpb "github.com/kinpack/kinpack/proto"
)

// result is what a peer says about a load.
type result struct {
	Peer    string  `json:"peer"`
	What    string  `json:"what"` // read or write
	Load    string  `json:"load"`
	Records int     `json:"records"`
	Digest  string  `json:"digest"`
	Nanos   float64 `json:"nanos"` // of processor time, a user record
}

type (
	// unpack hands over the user records of aggregates, those of one at a time, which
	// may be gone after that.
	unpack func(packed [][]byte, use func([]deaggregate.Record)) error
	// repack sets dst[i] to the aggregate of records[i].
	repack func(dst [][]byte, records [][]aggregate.Record) error
)

// goPeer is a reader and a writer. Their buffers are made anew for each load.
type goPeer struct {
	name   string
	reader func() unpack
	writer func() repack
}

var goPeers = []goPeer{
	{"kinpack", kinpackReader, kinpackWriter},
	{"kinpack, side by side", togetherReader, togetherWriter},
	{"generated protobuf, Go", protoReader, protoWriter},
}

// measure runs each peer on each load for that long, after half of it to warm up.
func measure(dir string, d time.Duration, loads []string, w io.Writer) error {
	out := json.NewEncoder(w)
	for _, name := range loads {
		l, err := readLoad(dir, name)
		if err != nil {
			return err
		}
		for _, p := range goPeers {
			read, err := p.reads(&l, d)
			if err == nil {
				err = out.Encode(read)
			}
			wrote, errWrite := p.writes(&l, d)
			if errWrite == nil {
				errWrite = out.Encode(wrote)
			}
			if err := errors.Join(err, errWrite); err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, name, err)
			}
		}
	}
	return nil
}

func (p *goPeer) reads(l *load, d time.Duration) (result, error) {
	read, n := p.reader(), 0
	nanos, err := perRecord(l.count(), d, func() error {
		return read(l.packed, func(users []deaggregate.Record) { n += len(users) })
	})
	if err != nil {
		return result{}, err
	}
	return p.result("read", l, read, l.packed, nanos)
}

func (p *goPeer) writes(l *load, d time.Duration) (result, error) {
	write, packed := p.writer(), make([][]byte, len(l.records))
	nanos, err := perRecord(l.count(), d, func() error { return write(packed, l.records) })
	if err != nil {
		return result{}, err
	}
	return p.result("write", l, p.reader(), packed, nanos)
}

func (p *goPeer) result(what string, l *load, read unpack, packed [][]byte, nanos float64) (result, error) {
	var sum digest
	n := 0
	err := read(packed, func(users []deaggregate.Record) {
		n += len(users)
		for _, u := range users {
			sum.add(u.PartitionKey, u.Data)
		}
	})
	return result{p.name, what, l.name, n, sum.String(), nanos}, err
}

// perRecord runs round for half of d and then for d, and returns the processor time
// that it took in the latter, a user record.
func perRecord(n int, d time.Duration, round func() error) (float64, error) {
	var nanos float64
	for _, d := range []time.Duration{d / 2, d} {
		start, used, rounds := time.Now(), cputime.Used(), 0
		for rounds == 0 || time.Since(start) < d {
			if err := round(); err != nil {
				return 0, err
			}
			rounds++
		}
		nanos = float64((cputime.Used() - used).Nanoseconds()) / float64(rounds*n)
	}
	return nanos, nil
}

func kinpackReader() unpack {
	var users []deaggregate.Record
	return func(packed [][]byte, use func([]deaggregate.Record)) (err error) {
		for _, data := range packed {
			if users, err = deaggregate.Append(users[:0], aggregate.PartitionKey, data); err != nil {
				return err
			}
			use(users)
		}
		return nil
	}
}

func togetherReader() unpack {
	var b deaggregate.Batch
	var users []deaggregate.Record
	return func(packed [][]byte, use func([]deaggregate.Record)) (err error) {
		b.Load(packed)
		for i := range packed {
			if users, err = b.Append(users[:0], aggregate.PartitionKey, i); err != nil {
				return err
			}
			use(users)
		}
		return nil
	}
}

func kinpackWriter() repack {
	var b aggregate.Builder
	return func(dst [][]byte, records [][]aggregate.Record) error {
		for i := range records {
			b.Reset()
			if err := addAll(&b, records[i]); err != nil {
				return err
			}
			dst[i] = b.AppendTo(dst[i][:0])
		}
		return nil
	}
}

func togetherWriter() repack {
	var builders []*aggregate.Builder
	return func(dst [][]byte, records [][]aggregate.Record) error {
		for len(builders) < len(records) {
			builders = append(builders, new(aggregate.Builder))
		}
		for i := range records {
			builders[i].Reset()
			if err := addAll(builders[i], records[i]); err != nil {
				return err
			}
			dst[i] = dst[i][:0]
		}
		aggregate.AppendAll(dst, builders[:len(records)])
		return nil
	}
}

func addAll(b *aggregate.Builder, records []aggregate.Record) error {
	for _, r := range records {
		if err := b.Add(r); err != nil {
			return err
		}
	}
	return nil
}

const magic = "\xf3\x89\x9a\xc2"

var errNotRead = errors.New("not an aggregate, or malformed")

func protoReader() unpack {
	var users []deaggregate.Record
	return func(packed [][]byte, use func([]deaggregate.Record)) (err error) {
		for _, data := range packed {
			if users, err = readProto(users[:0], data); err != nil {
				return err
			}
			use(users)
		}
		return nil
	}
}

func readProto(dst []deaggregate.Record, data []byte) ([]deaggregate.Record, error) {
	body := data[len(magic) : len(data)-md5.Size]
	if string(data[:len(magic)]) != magic || md5.Sum(body) != [md5.Size]byte(data[len(data)-md5.Size:]) {
		return dst, errNotRead
	}
	var m kplpb.AggregatedRecord
	if err := proto.Unmarshal(body, &m); err != nil {
		return dst, err
	}
	for i, r := range m.Records {
		if r.GetPartitionKeyIndex() >= uint64(len(m.PartitionKeyTable)) {
			return dst, errNotRead
		}
		dst = append(dst, deaggregate.Record{PartitionKey: m.PartitionKeyTable[r.GetPartitionKeyIndex()], Data: r.Data, SubSequence: i, Aggregated: true})
	}
	return dst, nil
}

func protoWriter() repack {
	return func(dst [][]byte, records [][]aggregate.Record) error {
		for i, own := range records {
			var m kplpb.AggregatedRecord
			keys := map[string]uint64{}
			for _, r := range own {
				n, ok := keys[r.PartitionKey]
				if !ok {
					n = uint64(len(keys))
					keys[r.PartitionKey] = n
					m.PartitionKeyTable = append(m.PartitionKeyTable, r.PartitionKey)
				}
				m.Records = append(m.Records, &kplpb.Record{PartitionKeyIndex: &n, Data: append([]byte{}, r.Data...)})
			}
			message, err := proto.Marshal(&m)
			if err != nil {
				return err
			}
			sum := md5.Sum(message)
			dst[i] = append(append(append(dst[i][:0], magic...), message...), sum[:]...)
		}
		return nil
	}
}
