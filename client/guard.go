package client

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// DeniedError is the error of a Guard that did not run its function because the server denied.
type DeniedError struct{ Decision Decision }

// Error gives the reasons.
func (e *DeniedError) Error() string { return e.Decision.String() }

// GRPCStatus makes it PERMISSION_DENIED where a gRPC handler returns it.
func (e *DeniedError) GRPCStatus() *status.Status {
	return status.New(codes.PermissionDenied, e.Error())
}

// Guard runs a function only where the use is allowed, and hands it the obligations that come with the permission: what
// the function must also do. It returns the function's error, a *DeniedError if the use is denied, or why there is no
// decision; in the latter two cases the function did not run.
func (c *Client) Guard(
	ctx context.Context, request *consentv1.CheckRequest, run func(context.Context, []*consentv1.Obligation) error,
) error {
	return guard(ctx, c, request, run)
}

func guard(
	ctx context.Context, c Checker, request *consentv1.CheckRequest, run func(context.Context, []*consentv1.Obligation) error,
) error {
	decision, err := c.Check(ctx, request)
	switch {
	case err != nil:
		return err
	case !decision.Allowed:
		return &DeniedError{decision}
	}
	return run(ctx, decision.Obligations)
}
