package kinwire

// This file owns the way between the SDK and the wire. The SDK's serializers write
// a request with empty blobs, the skeleton; a body reads skeleton and data in turn.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	smithycbor "github.com/aws/smithy-go/encoding/cbor"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

// contentTypeCBOR is what the AWS SDK for Java 2 sends to Kinesis (aws-cbor-protocol).
const contentTypeCBOR = "application/x-amz-cbor-1.1"

// protocol is the SDK's own for Kinesis, but for PutRecords.
type protocol struct {
	*awsjson.Protocol
	cbor   *rpcv2.Protocol // for its serializer and deserializer; its headers are of another protocol
	asCBOR bool
}

// SerializeRequest implements smithyhttp.ClientProtocol.
func (p *protocol) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	put, ok := in.(*kinesis.PutRecordsInput)
	if !ok {
		return p.Protocol.SerializeRequest(ctx, op, in, req)
	}
	s := &skeleton{in: put}
	// It sets the headers, too.
	if err := p.Protocol.SerializeRequest(ctx, op, s, req); err != nil {
		return err
	}
	if p.asCBOR {
		scratch := smithyhttp.NewStackRequest().(*smithyhttp.Request)
		s = &skeleton{in: put, cbor: true}
		if err := p.cbor.SerializeRequest(ctx, op, s, scratch); err != nil {
			return err
		}
		req.Header.Set("Content-Type", contentTypeCBOR)
	}
	b := s.body()
	if b == nil { // a form of the input that this package does not know
		return p.Protocol.SerializeRequest(ctx, op, in, req)
	}
	whole, err := req.SetStream(b)
	if err != nil {
		return fmt.Errorf("set stream: %w", err)
	}
	*req = *whole
	return nil
}

// DeserializeResponse implements smithyhttp.ClientProtocol. What is not CBOR by its
// Content-Type is the SDK's to read, whatever the request was.
func (p *protocol) DeserializeResponse(ctx context.Context, op *smithy.OperationSchema, types *smithy.TypeRegistry, resp *smithyhttp.Response, out smithy.Deserializable) error {
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || media != contentTypeCBOR {
		return p.Protocol.DeserializeResponse(ctx, op, types, resp, out)
	}
	if resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusMultipleChoices {
		return p.cbor.DeserializeResponse(ctx, op, types, resp, out)
	}
	text, err := errorInJSON(resp.Body)
	if err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	inJSON := *resp.Response
	inJSON.Body = io.NopCloser(bytes.NewReader(text))
	return p.Protocol.DeserializeResponse(ctx, op, types, &smithyhttp.Response{Response: &inJSON}, out)
}

// errorInJSON reads an error in CBOR and returns its text members in JSON: so its type
// is found as the SDK finds it there, by the header or one of several members.
func errorInJSON(body io.Reader) ([]byte, error) {
	in, err := io.ReadAll(body)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	v, err := smithycbor.Decode(in)
	if err != nil {
		return nil, fmt.Errorf("read the error: %w", err)
	}
	members := map[string]string{}
	m, _ := v.(smithycbor.Map)
	for name, member := range m {
		if s, ok := member.(smithycbor.String); ok {
			members[name] = string(s)
		}
	}
	return json.Marshal(members)
}
