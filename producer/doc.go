// Package producer writes user records to an Amazon Kinesis data stream, packed
// into aggregates of the KPL's format, and loses none of them.
//
//		Put -> gate -> route -> lane -> outbox -> send -> settle -> done
//		                 ^---------- records to retry ------'
//
//	  - The gate bounds the bytes in use; Put waits there, and nowhere else.
//	  - Route looks a record's hash key up in the map of open shards: its explicit
//	    hash key, or the MD5 of its partition key. A record without a key goes
//	    where an aggregate is being filled.
//	  - A lane is a queue of a shard; there is one a shard, or as many as
//	    WithLanes says. Its records pack into one open aggregate.
//	  - The outbox holds the shards that have something to send. A worker takes its
//	    slot first and only then cuts a PutRecords call from it, so that the next
//	    call fills while the network is busy.
//	  - Settle judges the answer entry by entry: stored, to be sent again, or failed.
//	  - done tells the caller, once for every record that Put accepted.
//
// A stage returns what is ready and its caller carries it on; none calls back
// into another.
//
// # What holds at all times
//
// One mutex guards all of it and is never held while the network, a timer or a
// done is waited for, nor while a hook runs. A record accepted by Put is in
// exactly one place: a lane's batch, a call, the parked batches or the finished
// ones. It charges the gate until it is finished, and its epoch until its done has
// run.
//
// # When an aggregate goes
//
// Kinesis bills a record in PUT payload units, so an aggregate should end where
// one does. Each batch keeps the best point to be cut at that it has seen: the
// last where the units begun were filled to 99 %, else where they were filled
// best. It is ready
//
//   - at its deadline, WithMaxBufferedTime after its first record, or
//   - earlier, from half of WithAggregationMaxSize on, at a whole number of units,
//     unless it is expected to fill the next ones better by more than the time is
//     worth: the rate of the lane, the mean record and the deadline say that.
//
// A ready batch goes on filling while its lane has to wait for the one under way,
// for the rate limit or for a slot. When it goes it is cut at its best point, if
// all that is due stands before it; what is behind begins the next one. So a lane
// that waits sends more at a time, in full units, and no throughput is lost.
//
// # Landing
//
// The KCL throws a whole aggregate away, silently, if the hash key of one of its
// user records lies outside the range of the shard that stored it. After a
// split or a merge that the producer has not seen yet, an aggregate may be
// stored by another shard than predicted. It then counts as put only if all its
// keys lie in that shard's range; otherwise all of its records are routed and
// sent again. If that shard is not in the map yet, the map is refreshed first
// and the lane waits. So a merge sends nothing twice, a split no more than the
// aggregates that were under way, one a lane; a reader without a range filter sees
// those records twice, a KCL once. A record that has landed wrong three times goes
// plain, which no reader filters.
//
// # Order
//
// A lane has at most one aggregate unacknowledged, what failed goes before what
// is newer, and the lanes of a shard's children wait for what the parent has
// under way. So records of one partition key and explicit hash key reach the
// stream in the order of their Puts, as far as first copies go: a late copy of a
// call whose answer was lost may follow, and a record handed back does not stop
// the later ones of its key. While nothing is packed (no map, aggregation off) a
// partition key has one record under way at a time. There is no order among
// keyless records, on service-managed streams, and with WithMaxInFlightPerLane
// above 1.
//
// # Goroutines
//
// None while idle. At most WithMaxInFlight workers while there is something to
// send, one that calls the dones, one that refreshes the map, one that asks for
// the stream's distribution strategy. Close joins them.
package producer
