package lambdatest

// This file owns the JSON that a function gets: byte for byte the shape of
// Lambda's events, so that 6 MB are measured on what is sent.

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// item is a record on its way through a lane.
type item struct {
	Record
	json []byte    // its part of an event
	read time.Time // when it came from the stream
}

// Window is a tumbling window: from Start on, before End.
type Window struct{ Start, End time.Time }

// windowOf returns the window that an arrival time belongs to. Windows are counted
// from the start of Unix time.
func windowOf(t time.Time, length time.Duration) Window {
	unix, seconds := t.Unix(), int64(length/time.Second)
	into := (unix%seconds + seconds) % seconds // not below 0 before 1970 either
	start := time.Unix(unix-into, 0).UTC()
	return Window{start, start.Add(length)}
}

const invokeIdentityARN = "arn:aws:iam::123456789012:role/lambda-role"

// text appends a JSON string.
func text(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil { // no string fails
		return append(dst, `""`...)
	}
	return append(dst, b...)
}

// encode makes the record's part of an event.
func (m *Mapping) encode(shard string, r *Record) []byte {
	dst := make([]byte, 0, base64.StdEncoding.EncodedLen(len(r.Data))+len(r.PartitionKey)+640)
	dst = append(dst, '{')
	if !m.config.pipes {
		dst = append(dst, `"kinesis":{`...)
	}
	dst = append(dst, `"kinesisSchemaVersion":"1.0","partitionKey":`...)
	dst = text(dst, r.PartitionKey)
	dst = append(dst, `,"sequenceNumber":"`...)
	dst = append(dst, r.SequenceNumber...)
	dst = append(dst, `","data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, r.Data)
	ms := r.ApproximateArrivalTimestamp.UnixMilli()
	dst = append(dst, `","approximateArrivalTimestamp":`...)
	if ms < 0 { // before 1970: a sign for the whole number
		dst, ms = append(dst, '-'), -ms
	}
	dst = fmt.Appendf(dst, "%d.%03d", ms/1000, ms%1000)
	if !m.config.pipes {
		dst = append(dst, '}')
	}
	dst = append(dst, `,"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":`...)
	dst = text(dst, shard+":"+r.SequenceNumber)
	dst = append(dst, `,"eventName":"aws:kinesis:record","invokeIdentityArn":"`+invokeIdentityARN+`","awsRegion":`...)
	dst = text(dst, m.source.region())
	dst = append(dst, `,"eventSourceARN":`...)
	dst = text(dst, m.source.arn)
	return append(dst, '}')
}

// event makes the event of a batch.
func (l *lane) event(b *batch) []byte {
	c := &l.shard.mapping.config
	var dst []byte
	if c.pipes {
		return append(appendItems(append(dst, '['), b.items), ']')
	}
	dst = append(appendItems(append(dst, `{"Records":[`...), b.items), ']')
	if b.window != nil {
		dst = append(dst, l.windowProperties(b)...)
	}
	return append(dst, '}')
}

func appendItems(dst []byte, items []item) []byte {
	for i := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, items[i].json...)
	}
	return dst
}

// windowProperties is what an event has besides its records with tumbling windows.
func (l *lane) windowProperties(b *batch) []byte {
	dst := append([]byte(nil), `,"window":{"start":`...)
	dst = text(dst, b.window.Start.Format(time.RFC3339))
	dst = append(dst, `,"end":`...)
	dst = text(dst, b.window.End.Format(time.RFC3339))
	dst = append(dst, `},"state":`...)
	dst = append(dst, l.state...)
	dst = append(dst, `,"shardId":`...)
	dst = text(dst, l.shard.id)
	dst = append(dst, `,"eventSourceARN":`...)
	dst = text(dst, l.shard.mapping.source.arn)
	return fmt.Appendf(dst, `,"isFinalInvokeForWindow":%v,"isWindowTerminatedEarly":%v`, b.final, b.early)
}

// fit returns how many of the items make the next batch, and whether it can't take
// more. It is at least one, even if that alone is larger than an event may be.
func (l *lane) fit(items []item) (n int, full bool) {
	m := l.shard.mapping
	size := len(`{"Records":[]}`) - 1 // the first record has no comma
	if m.config.pipes {
		size = len(`[]`) - 1
	}
	var window Window
	if m.config.tumbling > 0 && len(items) > 0 {
		window = l.windowFor(&items[0])
		size += len(l.windowProperties(&batch{window: &window}))
	}
	for i := range items {
		it := &items[i]
		if it.json == nil {
			it.json = m.encode(l.shard.id, &it.Record)
		}
		size += len(it.json) + 1
		if i == m.config.batchSize || i > 0 && size > payloadLimit || m.config.tumbling > 0 && l.windowFor(it) != window {
			return i, true
		}
	}
	return len(items), len(items) == m.config.batchSize
}

// windowFor returns the window of a record: the one of its arrival time, or the
// open one if that is later.
func (l *lane) windowFor(it *item) Window {
	w := windowOf(it.ApproximateArrivalTimestamp, l.shard.mapping.config.tumbling)
	if l.window != nil && w.Start.Before(l.window.Start) {
		return *l.window
	}
	return w
}
