package producer

import (
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// record is a user record under way. Its data lies in the batch that holds it.
// Times are since the Producer was made.
type record struct {
	partitionKey, explicitHashKey string // as Put was given them; both empty if it is keyless
	hashKey                       hashkey.Key
	put                           time.Duration
	epoch                         *epoch
	done                          func(Result)
	lastErr                       error
	size, end                     uint32 // of the data: its length, and where it ends in the batch's body
	attempts                      int32
	wrongLandings                 uint8
	maybeStored                   bool
}

// keyless says that the record goes to any shard: its hash key is given to it with
// its place in a batch.
func (r *record) keyless() bool { return r.partitionKey == "" }

// outerHashKey returns the hash key, in decimal, of the Kinesis record that r is the
// first in.
func (r *record) outerHashKey() string {
	if r.explicitHashKey != "" {
		return r.explicitHashKey
	}
	return r.hashKey.String()
}

// lone says that the record has landed in wrong shards so often that it goes by
// itself and plain, which no reader filters. So the copies that a stream makes of
// it whose shards do not follow the hash keys are bounded.
func (r *record) lone() bool { return r.wrongLandings >= maxWrongLandings }

const maxWrongLandings = 3
