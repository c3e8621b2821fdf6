// Package kinwire sends PutRecords requests of the AWS SDK's Kinesis client
// without copying their data.
//
// The SDK's own protocol writes a request into a buffer that grows as it goes: one with
// 5 MB of data allocates 42 MB (TestMemory), with this package 0.1 MB. With [JSON] the
// data is encoded on its way out; the bytes on the wire are the same. [CBOR] sends it as
// it is: a quarter fewer bytes for the network, the signature and TLS.
//
//	client := kinesis.NewFromConfig(cfg, kinwire.JSON)
//
// Both are plain options of the client, for any code that calls PutRecords; the
// producer package needs no other setting. The SDK's own protocol goes on to do all
// other operations, and to read answers and errors in JSON.
//
// # Who owns the memory
//
// As with the SDK's own protocol the data of a request is the caller's again when
// PutRecords returns, and must not be changed before: the request reads it
// until then. An answer that comes before the request is sent, or a context that
// ends, does not change that: the transport is cut off from the data before PutRecords
// returns.
package kinwire

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

// JSON makes a client send PutRecords in the form of the SDK's own protocol,
// awsJson1.1, byte for byte, and with little more memory than the data takes.
//
// It is an option of kinesis.New, of kinesis.NewFromConfig, and of a single call. Of
// JSON and CBOR the later one counts; a Protocol that was set before is replaced.
func JSON(o *kinesis.Options) { use(o, false) }

// CBOR makes a client send PutRecords as application/x-amz-cbor-1.1, the form that
// the AWS SDK for Java uses by default: data goes as it is, without base64. An answer in
// JSON is understood, too. It is an option wherever JSON is one.
//
// It has been run against kinesalite, kinesis-local and ferrokinesis, and not yet
// against AWS.
func CBOR(o *kinesis.Options) { use(o, true) }

func use(o *kinesis.Options, cbor bool) {
	o.Protocol = &protocol{
		Protocol: awsjson.New11(schemas.Kinesis_20131202),
		cbor:     rpcv2.NewCBOR(schemas.Kinesis_20131202),
		asCBOR:   cbor,
	}
	// The array may be shared with other clients.
	o.APIOptions = append(slices.Clip(o.APIOptions), addSteps)
}

// addSteps puts cutOff behind the SDK's retries, and payloadHash in the place of the
// step that hashes what is to be signed.
func addSteps(stack *middleware.Stack) error {
	if _, ok := stack.Finalize.Get(cutOff{}.ID()); ok {
		return nil // the option was given twice
	}
	if err := stack.Finalize.Insert(cutOff{}, (*retry.Attempt)(nil).ID(), middleware.After); err != nil {
		return fmt.Errorf("kinwire: %w", err)
	}
	own, ok := stack.Finalize.Get(payloadHashID)
	if _, stock := own.(*v4.ComputePayloadSHA256); !ok || !stock {
		return nil // the payload is signed in another way, or not at all
	}
	if _, err := stack.Finalize.Swap(payloadHashID, &payloadHash{own}); err != nil {
		return fmt.Errorf("kinwire: %w", err)
	}
	return nil
}
