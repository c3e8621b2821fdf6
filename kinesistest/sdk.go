package kinesistest

// This file owns the ready-made clients of the AWS SDK.

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// transportEndpoint is an address that nothing listens on; Transport does not
// look at it.
const transportEndpoint = "http://kinesistest.invalid"

// SDKClient returns a client of the AWS SDK that talks to s over
// [Server.Transport], with made-up credentials in us-east-1. It works inside
// testing/synctest. The SDK's retries are on, and a LimitExceededException is
// among what it retries, for seconds; optFns change this and all its options.
func (s *Server) SDKClient(optFns ...func(*kinesis.Options)) *kinesis.Client {
	o := sdkOptions(transportEndpoint)
	o.HTTPClient = &http.Client{Transport: s.Transport()}
	return kinesis.New(o, optFns...)
}

// NewSDKClient returns a client of the AWS SDK that talks to an endpoint, such
// as that of [Server.Listen], with made-up credentials in us-east-1. optFns
// change its options.
func NewSDKClient(endpoint string, optFns ...func(*kinesis.Options)) *kinesis.Client {
	o := sdkOptions(endpoint)
	o.HTTPClient = earlyAnswers{awshttp.NewBuildableClient()}
	return kinesis.New(o, optFns...)
}

// earlyAnswers makes the SDK's HTTP client bear answers that come before it has
// noticed that its request is out, as they do on loopback. The SDK closes the
// request's body when the answer begins; the WriteTo of a closed one returns
// io.EOF (smithy-go v1.28.9, transport/http/internal/io), which net/http takes
// for a failed write, and ends the connection in the middle of the answer. Read
// is right, so only that is shown.
type earlyAnswers struct{ client *awshttp.BuildableClient }

// Do implements kinesis.HTTPClient.
func (e earlyAnswers) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return e.client.Do(r)
	}
	shown := *r
	shown.Body = struct{ io.ReadCloser }{r.Body}
	return e.client.Do(&shown)
}

func sdkOptions(endpoint string) kinesis.Options {
	return kinesis.Options{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "kinesistest", SecretAccessKey: "kinesistest", Source: "kinesistest"}, nil
		}),
	}
}
