package cost

// This file owns Network: what PutRecords puts on the wire, both ways, and what the
// road bills for it.

import "errors"

// Path is the road from the producers to Kinesis.
type Path int

// The paths.
const (
	Direct      Path = iota // nothing on the way bills the bytes
	PrivateLink             // an interface endpoint of the VPC
	NAT                     // a NAT gateway
)

// Encoding is how a PutRecords request and its answer are written.
type Encoding int

// The encodings.
const (
	JSON Encoding = iota // AWS JSON 1.1, what SDKs do by default: data in base64
	CBOR                 // Smithy's RPC v2 with CBOR: data as it is
)

// What there is in a call besides the data and the keys, in bytes, for a stream
// name of 20 characters in us-east-1. The token of temporary credentials, as long
// as it is, comes to each call.
const (
	requestHead = 725 // what aws-sdk-go-v2/service/kinesis v1.56.11 sends with JSON; CBOR's is taken to be alike
	answerHead  = 283 // counted: status, request id, id 2, date, type, length

	jsonCall   = 49  // {"Records":[],"StreamName":"..."} less the comma that the last record has not
	jsonRecord = 30  // {"Data":"","PartitionKey":""},
	jsonHash   = 60  // ,"ExplicitHashKey":"" and 39 digits
	jsonAnswer = 35  // {"FailedRecordCount":0,"Records":[]} less the comma
	jsonStored = 111 // {"SequenceNumber":"...","ShardId":"..."}, with 56 and 20 characters

	cborCall   = 44  // map, 2 texts, head of an array, text
	cborRecord = 19  // map, 2 texts; the heads of data and key come to it
	cborHash   = 57  // text, and text of 39 digits
	cborAnswer = 31  // map, 2 texts, a number, head of an array
	cborStored = 103 // map, 4 texts
)

// Network is the road from the producers to Kinesis. The zero value costs nothing.
type Network struct {
	Path     Path
	Encoding Encoding
	// ExplicitHashKeys says that each record has one, as aggregates do.
	ExplicitHashKeys bool
	// AvailabilityZones with an endpoint or a gateway each, 0 to 100; 0: 1.
	AvailabilityZones int
	// HoursPerMonth is over 0 to 744; 0: 730.
	HoursPerMonth float64
}

// Traffic returns the bytes a second that PutRecords sends and receives for f:
// HTTP/1.1 with its heads. TLS and TCP come to it, by 1 to 4 %; a partition key is
// taken to need no escapes in JSON. Failed records and retries are not in it.
func (n Network) Traffic(f Flow) (sent, received float64) {
	calls, records := f.calls(), f.KinesisRecordsPerSecond
	sent = calls * requestHead
	received = calls * answerHead
	if records == 0 {
		return sent, received
	}
	hash := 0.0
	if n.Encoding == CBOR {
		if n.ExplicitHashKeys {
			hash = cborHash
		}
		heads := cborHead(f.DataBytesPerSecond/records) + cborHead(f.KeyBytesPerSecond/records)
		sent += calls*cborCall + records*(cborRecord+heads+hash) + f.bytes()
		return sent, received + calls*cborAnswer + records*cborStored
	}
	if n.ExplicitHashKeys {
		hash = jsonHash
	}
	// Base64 makes 4 of 3, rounded up: by 4/3 in the mean.
	sent += calls*jsonCall + records*(jsonRecord+hash) + (f.DataBytesPerSecond+records)*4/3 + f.KeyBytesPerSecond
	return sent, received + calls*jsonAnswer + records*jsonStored
}

// cborHead is the length of what stands before n bytes of data or text.
func cborHead(n float64) float64 {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	}
	return 5
}

// Bill returns what the road costs a month if f goes on all the time, before tax:
// hours of endpoints or gateways, and GB both ways. The error joins all that is
// wrong: what is out of range, and a price that p does not have.
func (n Network) Bill(f Flow, p Prices) (Bill, error) {
	err := errors.Join(
		f.validate(),
		between("as Path", float64(n.Path), 0, float64(NAT)),
		between("as Encoding", float64(n.Encoding), 0, float64(CBOR)),
		between("availability zones", float64(n.AvailabilityZones), 0, 100),
		between("hours a month", n.HoursPerMonth, 0, maxHours),
	)
	if err != nil {
		return Bill{}, err
	}
	sent, received := n.Traffic(f)
	hours := hours(n.HoursPerMonth)
	gb := gigabytes(sent+received, hours)
	zoneHours := hours * float64(orElse(n.AvailabilityZones, 1))
	b := newBiller(p)
	switch n.Path {
	case PrivateLink:
		b.add(PrivateLinkHours, zoneHours, "endpoint-hour", p.Network.PrivateLinkHourUSD)
		b.add(PrivateLinkData, gb, "GB", p.Network.PrivateLinkUSDPerGB)
	case NAT:
		b.add(NATHours, zoneHours, "gateway-hour", p.Network.NATHourUSD)
		b.add(NATData, gb, "GB", p.Network.NATUSDPerGB)
	}
	return b.done()
}
