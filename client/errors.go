package client

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Violations lists the fields at fault in a request that was refused with INVALID_ARGUMENT; nil for any other error. It
// looks through wrapped errors.
func Violations(err error) []*consentv1.FieldViolation {
	var violations []*consentv1.FieldViolation
	for _, d := range details[*errdetails.BadRequest](err) {
		for _, v := range d.GetFieldViolations() {
			violations = append(violations, &consentv1.FieldViolation{Field: v.GetField(), Description: v.GetDescription()})
		}
	}
	return violations
}

// maxRetryDelay bounds what a server may ask for: no caller waits that long, and no sum with it overflows.
const maxRetryDelay = 24 * time.Hour

// retryDelay is how long the server asks to wait before the next attempt; 0: it does not say.
func retryDelay(err error) time.Duration {
	for _, d := range details[*errdetails.RetryInfo](err) {
		if d.GetRetryDelay().IsValid() {
			return min(max(0, d.GetRetryDelay().AsDuration()), maxRetryDelay)
		}
	}
	return 0
}

// details lists the status details of type D that err carries.
func details[D any](err error) []D {
	s, ok := status.FromError(err)
	if !ok || err == nil {
		return nil
	}
	var all []D
	for _, d := range s.Details() {
		if d, ok := d.(D); ok {
			all = append(all, d)
		}
	}
	return all
}

// checkError converts the error of one request of a batch or stream into the status that Check would have returned.
func checkError(e *consentv1.CheckError) error {
	code := codes.Code(e.GetCode())
	if code == codes.OK || code > codes.Unauthenticated {
		// An error with the code OK would be nil, and nil beside a zero decision would look like an answer.
		code = codes.Unknown
	}
	s := status.New(code, e.GetMessage())
	var more []protoadapt.MessageV1
	if len(e.GetFieldViolations()) > 0 {
		more = append(more, badRequest(e))
	}
	if e.GetRetryDelay() != nil {
		more = append(more, &errdetails.RetryInfo{RetryDelay: e.GetRetryDelay()})
	}
	if detailed, err := s.WithDetails(more...); err == nil {
		s = detailed
	}
	return s.Err()
}

// internalError is the error for a server that does not keep to the protocol.
func internalError(message string) error { return status.Error(codes.Internal, message) }

// guarded runs a part of this package's work on a goroutine of its own, where a panic would end the caller's process:
// it is an INTERNAL error instead, which denies. Its stack goes to the default logger, for nobody else may hear of it.
func guarded(run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("consentd client: a fault of the client, please report it", "panic", cause, "stack", string(debug.Stack()))
			err = internalError(fmt.Sprintf("a fault of the client: panic: %v", cause))
		}
	}()
	return run()
}

func badRequest(e *consentv1.CheckError) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range e.GetFieldViolations() {
		b.FieldViolations = append(b.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: v.GetField(), Description: v.GetDescription(),
		})
	}
	return b
}
