package speed_test

// This file owns what the other process answers. PutRecords is read as cheaply as it
// can be, so that the client is the one who works; everything else is kinesistest's.

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	smithycbor "github.com/aws/smithy-go/encoding/cbor"
	"github.com/cespare/xxhash/v2"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/cputime"
	"github.com/kinpack/kinpack/kinesistest"
)

const (
	targetPutRecords = "Kinesis_20131202.PutRecords"
	typeJSON         = "application/x-amz-json-1.1"
	typeCBOR         = "application/x-amz-cbor-1.1"
)

type handler struct {
	config         serverConfig
	others         *kinesistest.Server
	shards         shards
	bodies         sync.Pool // of *bytes.Buffer
	received, sent atomic.Int64

	mu       sync.Mutex
	changed  sync.Cond // of what is under mu
	counts   counts
	arrived  int64 // PutRecords calls, as far as their headers,
	read     int64 // and as far as their last byte
	released chan struct{}
}

func newHandler(c serverConfig) (*handler, error) {
	h := &handler{config: c, others: kinesistest.New(), shards: newShards(c.Shards), released: make(chan struct{})}
	h.changed.L = &h.mu
	h.bodies.New = func() any { return new(bytes.Buffer) }
	return h, h.others.AddStream(stream, c.Shards)
}

// command carries out a line of the test's process:
//
//	counts     nothing
//	arrived N  wait until N PutRecords calls have arrived
//	read N     wait until N have been read to their end
//	release    answer those that wait; later ones wait again
func (h *handler) command(line string) *counts {
	name, arg, _ := strings.Cut(line, " ")
	n, _ := strconv.ParseInt(arg, 10, 64)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch name {
	case "arrived":
		for h.arrived < n {
			h.changed.Wait()
		}
	case "read":
		for h.read < n {
			h.changed.Wait()
		}
	case "release":
		close(h.released)
		h.released = make(chan struct{})
	}
	c := h.counts
	c.Received, c.Sent, c.CPU = h.received.Load(), h.sent.Load(), cputime.Used()
	return &c
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != targetPutRecords {
		h.others.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	released := h.released
	h.arrived++
	h.changed.Broadcast()
	h.mu.Unlock()
	if h.config.Stall == readsNothing && !wait(r.Context(), released) {
		return
	}
	body := h.bodies.Get().(*bytes.Buffer)
	defer h.bodies.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(r.Body); err != nil {
		if h.config.Stall == "" {
			h.fail(w, fmt.Errorf("reading a request: %w", err))
		}
		return
	}
	h.mu.Lock()
	h.read++
	h.changed.Broadcast()
	h.mu.Unlock()
	if h.config.Stall == readsAll && !wait(r.Context(), released) {
		return
	}
	if err := h.putRecords(w, r, body.Bytes()); err != nil {
		h.fail(w, err)
	}
}

// wait says whether it was the release that came, and not the client's end.
func wait(ctx context.Context, released <-chan struct{}) bool {
	select {
	case <-released:
		return true
	case <-ctx.Done():
		return false
	}
}

func (h *handler) fail(w http.ResponseWriter, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts.FirstFailure == "" {
		h.counts.FirstFailure = err.Error()
	}
	w.WriteHeader(http.StatusBadRequest)
}

// put is one entry of a call, as far as it matters here.
type put struct {
	partitionKey, hashKey string
	size                  int    // of the data
	data                  []byte // if it is to be checked
}

func (h *handler) putRecords(w http.ResponseWriter, r *http.Request, body []byte) error {
	var puts []put
	var err error
	mediaType := r.Header.Get("Content-Type")
	switch mediaType {
	case typeJSON:
		puts, err = readJSON(body, h.config.Check)
	case typeCBOR:
		puts, err = readCBOR(body)
	default:
		err = fmt.Errorf("content type %q", mediaType)
	}
	if err != nil {
		return err
	}
	ids := make([]string, len(puts))
	data, users, digest := 0, 0, uint64(0)
	for i := range puts {
		id, err := h.shards.of(puts[i].hashKey)
		if err != nil {
			return err
		}
		ids[i] = *id
		data += puts[i].size
		if h.config.Check {
			n, d, err := digestOf(&puts[i])
			if err != nil {
				return err
			}
			users, digest = users+n, digest+d
		}
	}
	h.mu.Lock()
	c := &h.counts
	c.Calls, c.Entries, c.Data, c.Bodies = c.Calls+1, c.Entries+int64(len(puts)), c.Data+int64(data), c.Bodies+int64(len(body))
	c.UserRecords, c.Digest = c.UserRecords+int64(users), c.Digest+digest
	if r.ProtoMajor == 2 {
		c.HTTP2++
	}
	h.mu.Unlock()
	w.Header().Set("Content-Type", mediaType)
	_, err = w.Write(answerOf(ids, mediaType))
	return err
}

func answerOf(ids []string, mediaType string) []byte {
	if mediaType == typeCBOR {
		list := make(smithycbor.List, len(ids))
		for i, id := range ids {
			list[i] = smithycbor.Map{"SequenceNumber": smithycbor.String(sequenceNumber), "ShardId": smithycbor.String(id)}
		}
		return smithycbor.Encode(smithycbor.Map{"FailedRecordCount": smithycbor.Uint(0), "Records": list})
	}
	out := []byte(`{"FailedRecordCount":0,"Records":[`)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"SequenceNumber":%q,"ShardId":%q}`, sequenceNumber, id)
	}
	return append(out, "]}"...)
}

var errNotPutRecords = errors.New("not a PutRecords request as the SDK writes it")

// readJSON finds the entries of a request in JSON whose strings hold no quotes, as
// those here don't: a string before a colon is a name, any other its value.
func readJSON(body []byte, decode bool) (puts []put, err error) {
	var name, value []byte
	var data, keys, hashKeys [][]byte
	for len(body) > 0 {
		if _, body, _ = bytes.Cut(body, quote); len(body) == 0 {
			break // of the last string
		}
		value, body, _ = bytes.Cut(body, quote)
		if len(body) > 0 && body[0] == ':' {
			name = value
			continue
		}
		switch string(name) {
		case "Data":
			data = append(data, value)
		case "PartitionKey":
			keys = append(keys, value)
		case "ExplicitHashKey":
			hashKeys = append(hashKeys, value)
		}
	}
	if len(data) == 0 || len(keys) != len(data) || len(hashKeys) != len(data) {
		return nil, errNotPutRecords
	}
	puts = make([]put, len(data))
	for i, text := range data {
		padding := bytes.Count(text[max(0, len(text)-2):], []byte("="))
		puts[i] = put{partitionKey: string(keys[i]), hashKey: string(hashKeys[i]), size: base64.StdEncoding.DecodedLen(len(text)) - padding}
		if decode {
			if puts[i].data, err = base64.StdEncoding.AppendDecode(nil, text); err != nil {
				return nil, err
			}
		}
	}
	return puts, nil
}

var quote = []byte{'"'}

func readCBOR(body []byte) (puts []put, err error) {
	v, err := smithycbor.Decode(body)
	if err != nil {
		return nil, err
	}
	request, _ := v.(smithycbor.Map)
	records, _ := request["Records"].(smithycbor.List)
	for _, v := range records {
		entry, _ := v.(smithycbor.Map)
		key, okKey := entry["PartitionKey"].(smithycbor.String)
		hashKey, okHashKey := entry["ExplicitHashKey"].(smithycbor.String)
		data, okData := entry["Data"].(smithycbor.Slice)
		if !okKey || !okHashKey || !okData {
			return nil, errNotPutRecords
		}
		puts = append(puts, put{string(key), string(hashKey), len(data), data})
	}
	if len(puts) == 0 {
		return nil, errNotPutRecords
	}
	return puts, nil
}

// digestOf returns how many user records of an entry there are, and a digest of them
// that does not depend on their order.
func digestOf(p *put) (n int, digest uint64, err error) {
	users, err := deaggregate.Append(nil, p.partitionKey, p.data)
	for _, u := range users {
		digest += digestRecord(u.PartitionKey, u.Data)
	}
	return len(users), digest, err
}

func digestRecord(partitionKey string, data []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(partitionKey)
	_, _ = d.Write([]byte{0})
	_, _ = d.Write(data)
	return d.Sum64()
}
