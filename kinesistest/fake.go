package kinesistest

// This file owns the Kinesis of one line.

import "testing"

// Fake returns a direct client of a new [Server] that has one ACTIVE stream:
// with that many shards, or ON_DEMAND with 0. It fails t where the stream
// cannot be made, as [Server.AddStream] says. There is nothing to close;
// [Client.Server] is for looking at what arrived and for faults.
func Fake(t testing.TB, stream string, shards int, opts ...Option) *Client {
	t.Helper()
	s := New(opts...)
	if err := s.AddStream(stream, shards); err != nil {
		t.Fatalf("kinesistest.Fake: %v", err)
	}
	return s.Client()
}
