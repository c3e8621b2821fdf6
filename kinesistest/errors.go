package kinesistest

// This file owns the errors of the service: their codes and their wording.
// Each is the type that the AWS SDK gives for the code, where it has one.

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// The codes that PutRecords gives to entries (API Reference,
// PutRecordsResultEntry).
const (
	codeThrottled = "ProvisionedThroughputExceededException"
	codeInternal  = "InternalFailure"
)

func invalidArgument(format string, args ...any) error {
	return &types.InvalidArgumentException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func limitExceeded(format string, args ...any) error {
	return &types.LimitExceededException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func invalid(format string, args ...any) error {
	return &types.ValidationException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func serialization(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "SerializationException", Message: fmt.Sprintf(format, args...)}
}

// notAStructure is for a body that is no JSON object or CBOR map.
func notAStructure() error { return serialization("Start of structure expected") }

func unknownOperation(op string) error {
	return &smithy.GenericAPIError{
		Code:    "UnknownOperationException",
		Message: fmt.Sprintf("kinesistest does not know the operation %q", op),
	}
}

func streamNotFound(name string) error {
	return notFound("Stream %s under account %s not found.", name, accountID)
}

func streamInUse(st *stream) error {
	return &types.ResourceInUseException{Message: aws.String(fmt.Sprintf(
		"Stream %s under account %s not ACTIVE, instead in state %s", st.name, accountID, st.status))}
}

func overShardLimit(open, limit, more int) error {
	return limitExceeded("This request would exceed the shard limit for the account %s in %s. "+
		"Current shard count for the account: %d. Limit: %d. "+
		"Number of additional shards that would have resulted from this request: %d.",
		accountID, region, open, limit, more)
}

// dryRun is the answer to a request with DryRun that would have succeeded.
func dryRun() error {
	return &types.DryRunOperationException{Message: aws.String("Request would have succeeded, but DryRun flag is set.")}
}

// apiError returns what the wire tells of err, and its HTTP status.
func apiError(err error) (api smithy.APIError, status int) {
	if told, ok := errors.AsType[*answeredError](err); ok {
		return told.APIError, told.status
	}
	if !errors.As(err, &api) {
		api = &types.InternalFailureException{Message: aws.String(err.Error())}
	}
	if api.ErrorFault() == smithy.FaultServer {
		return api, http.StatusInternalServerError
	}
	return api, http.StatusBadRequest
}
