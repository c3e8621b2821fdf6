package producer

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// This file owns what the service's errors mean.

// invalid says whether the service refused the request itself.
func invalid(err error) bool {
	switch code(err) {
	case "ValidationException", "InvalidArgumentException", "SerializationException":
		return true
	}
	return false
}

// denied says whether the credentials are good but not for this.
func denied(err error) bool {
	switch code(err) {
	case "AccessDeniedException", "AccessDenied":
		return true
	}
	return false
}

// noStream says whether there is no such stream.
func noStream(err error) bool { return code(err) == "ResourceNotFoundException" }

// throttled says whether an entry was over its shard's limits.
func throttled(err error) bool { return code(err) == "ProvisionedThroughputExceededException" }

// refused says whether the service has answered that it did not do what it was
// asked. A timeout, a broken connection or a fault of the service's own leaves
// that open.
func refused(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorFault() == smithy.FaultServer {
		return false
	}
	if http, ok := errors.AsType[*awshttp.ResponseError](err); ok && http.HTTPStatusCode() >= 500 {
		return false
	}
	switch api.ErrorCode() {
	case "InternalFailure", "InternalError", "InternalServerError", "InternalFailureException",
		"ServiceUnavailable", "ServiceUnavailableException":
		return false
	}
	return true
}

// fatal says whether trying again is pointless: the service has refused for a
// reason that is not known to pass.
func fatal(err error) bool {
	if !refused(err) {
		return false
	}
	switch code(err) {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture",
		"KMSThrottlingException", "ResourceInUseException":
		return false
	case "InvalidSignatureException": // of a call that took too long to get there, or of wrong credentials
		return !strings.Contains(err.Error(), "ignature expired") && !strings.Contains(err.Error(), "ignature not yet current")
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) != aws.TrueTernary
}

// code returns the service's error code, or nothing if it gave none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// putError says why a record with err as its last failure was not put.
func putError(kind, err error, attempts int) *PutError {
	e := &PutError{Code: code(err), Attempts: attempts, kind: kind}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e.Message = api.ErrorMessage()
	} else if err != nil {
		e.Message = err.Error()
	}
	return e
}
