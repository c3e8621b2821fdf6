package deaggregate_test

import (
	"crypto/md5"
	"fmt"
	"testing"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/cputime"
)

// benchAggregate is an aggregate that the default size of 51,200 bytes just
// holds, of user records with distinct 16-byte partition keys.
func benchAggregate(size int) (in []byte, n int) {
	for in, n = distinctKeys(1, size), 1; ; n++ {
		next := distinctKeys(n+1, size)
		if len(next) > 51200 {
			return in, n
		}
		in = next
	}
}

// BenchmarkUnpack unpacks one aggregate of the default size, with kinpack and
// the plain way: MD5 check, proto.Unmarshal, and the same slice of records.
// To compare: go test -bench Unpack -count 10 ./deaggregate | benchstat -col /by -ignore /turn -
func BenchmarkUnpack(b *testing.B) {
	for _, size := range []int{100, 512, 2048} {
		in, n := benchAggregate(size)
		// In turns, so that a change of the machine's speed hits both.
		for i, by := range []string{"proto", "kinpack", "kinpack", "proto"} {
			b.Run(fmt.Sprintf("size=%dB/turn=%d/by=%s", size, i/2+1, by), func(b *testing.B) {
				var out []deaggregate.Record
				b.ReportAllocs()
				b.SetBytes(int64(len(in)))
				start := cputime.Used()
				for b.Loop() {
					if by == "proto" {
						message, ok := in[4:len(in)-16], false
						if string(in[:4]) != "\xf3\x89\x9a\xc2" || md5.Sum(message) != [16]byte(in[len(in)-16:]) {
							b.Fatal("not an aggregate")
						}
						if out, ok = unpackProto(out[:0], message); !ok {
							b.Fatal("malformed")
						}
						continue
					}
					var err error
					if out, err = deaggregate.Append(out[:0], "outer", in); err != nil {
						b.Fatal(err)
					}
				}
				used := cputime.Used() - start
				if len(out) != n {
					b.Fatalf("%d user records, want %d", len(out), n)
				}
				for i, r := range out {
					if r.PartitionKey != fmt.Sprintf("sensor-%09d", i) || len(r.Data) != size || r.SubSequence != i || !r.Aggregated {
						b.Fatalf("wrong user record %d: %+v", i, r)
					}
				}
				total := float64(b.N * n)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/record")
				// The garbage is collected on other cores: it is part of the cost.
				b.ReportMetric(float64(used.Nanoseconds())/total, "cpu-ns/record")
			})
		}
	}
}
