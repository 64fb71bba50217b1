package client

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// DiffPolicy compares the active policies with a candidate, which takes seconds to minutes: give ctx a deadline of that
// length. Progress is called, from this goroutine, as the comparison goes on; nil: nobody wants to know. One comparison
// is made at a time: RESOURCE_EXHAUSTED while there is another.
func (c *Client) DiffPolicy(
	ctx context.Context, request *consentv1.DiffPolicyRequest, progress func(*consentv1.DiffProgress),
) (*consentv1.DiffResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.policies.DiffPolicy(ctx, request)
	if err != nil {
		return nil, err
	}
	var result *consentv1.DiffResult
	for {
		response, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && result != nil:
			return result, nil
		case errors.Is(err, io.EOF):
			return nil, status.Error(codes.Internal, "the server ended the comparison without a result")
		case err != nil:
			return nil, err
		}
		if at := response.GetProgress(); at != nil && progress != nil {
			progress(at)
		}
		if response.GetResult() != nil {
			result = response.GetResult()
		}
	}
}
