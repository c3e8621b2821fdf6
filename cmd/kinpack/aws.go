package main

// This file owns how commands reach AWS: the flags that all of them share, and
// the clients made from them. Everything else is as with every AWS tool:
// environment, shared config and credentials files, the roles that they name.

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinwire"
)

// awsHelp is the part on these flags in a command's help.
const awsHelp = `  --profile NAME  the profile of the shared AWS config
  --region NAME   the region; default: that of an ARN, else that of the
                  environment or the profile
  --endpoint URL  another endpoint for all services, such as an emulator's;
                  AWS_ENDPOINT_URL does the same
`

// awsAttempts is how often a call is tried. The SDK's three are few for a shard
// that others read, too.
const awsAttempts = 10

type awsFlags struct{ profile, region, endpoint string }

func newAWSFlags(flags *flag.FlagSet) *awsFlags {
	f := new(awsFlags)
	flags.StringVar(&f.profile, "profile", "", "")
	flags.StringVar(&f.region, "region", "", "")
	flags.StringVar(&f.endpoint, "endpoint", "", "")
	return f
}

func (f *awsFlags) validate() error {
	if u, err := url.Parse(f.endpoint); f.endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return usageError{fmt.Errorf("--endpoint %q: want a URL with http or https", f.endpoint)}
	}
	return nil
}

// load returns the configuration for what name names: an ARN has a region of its
// own, which counts unless --region is given.
func (f *awsFlags) load(ctx context.Context, name string) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), awsAttempts) }),
		config.WithSharedConfigProfile(f.profile), config.WithBaseEndpoint(f.endpoint),
	}
	region := f.region
	if a, err := arn.Parse(name); region == "" && err == nil {
		region = a.Region
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if client, ok := c.HTTPClient.(*awshttp.BuildableClient); ok {
		c.HTTPClient = earlyAnswers{client}
	}
	return c, err
}

// earlyAnswers makes the SDK's HTTP client bear answers that come before it has
// noticed that its request is out, as those of an emulator on loopback do: WriteTo of
// a request body that the SDK has closed by then returns io.EOF (smithy-go v1.28.9),
// which net/http takes for a failed write, and the answer is lost.
type earlyAnswers struct{ client *awshttp.BuildableClient }

// Do implements aws.HTTPClient.
func (e earlyAnswers) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return e.client.Do(r)
	}
	shown := *r
	shown.Body = struct{ io.ReadCloser }{r.Body} // without WriteTo
	return e.client.Do(&shown)
}

// kinesis returns a client for a stream, by name or ARN. It puts without copying.
func (f *awsFlags) kinesis(ctx context.Context, stream string, options ...func(*kinesis.Options)) (*kinesis.Client, error) {
	c, err := f.load(ctx, stream)
	if err != nil {
		return nil, err
	}
	return kinesis.NewFromConfig(c, append([]func(*kinesis.Options){kinwire.JSON}, options...)...), nil
}

// byNameOrARN returns the two members of a request of which one names the stream.
// The ARN of a consumer stands for its stream.
func byNameOrARN(stream string) (name, streamARN *string) {
	if !arn.IsARN(stream) {
		return &stream, nil
	}
	stream, _, _ = strings.Cut(stream, "/consumer/")
	return nil, &stream
}

// wait returns after d, or with ctx's error if that ends first.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
