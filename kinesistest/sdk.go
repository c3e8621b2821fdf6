package kinesistest

// This file owns the ready-made clients of the AWS SDK.

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	return kinesis.New(sdkOptions(endpoint), optFns...)
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
