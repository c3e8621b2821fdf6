// Package lines puts the lines of an input into a stream, a user record each.
//
//	input -> Key -> Put -> pending -> settled
//	                          `-> failed -> Job.Failed, in input order
//
// [Job.Run] reads line by line in the caller's goroutine. What the producer says of
// a record settles its line, in the producer's goroutine, which never waits here;
// one goroutine writes failed lines and tells their reasons. Every line that was
// taken is put or counted as failed. What a line holds is never told to anybody but
// the producer and Job.Failed.
//
// Memory is bounded whatever the input: a line is held once, by the producer while
// it is under way, and then only if it failed and is to be written; while too much
// of that waits nothing is read. A line longer than a record may be is passed on in
// pieces.
package lines
