package client

import (
	"context"

	"google.golang.org/grpc"
)

// fenceable is a request to write, and acknowledgement its answer.
type (
	fenceable       interface{ GetFence() bool }
	acknowledgement interface {
		GetConsistencyToken() string
		GetRevision() uint64
	}
)

// writing writes, and remembers it for what is asked after it.
func writing[R fenceable, A acknowledgement](
	ctx context.Context, c *Client, request R, write func(context.Context, R, ...grpc.CallOption) (A, error),
) (none A, err error) {
	if _, has := ctx.Deadline(); request.GetFence() && !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(c.conn.timeout, FenceTimeout))
		defer cancel()
	}
	response, err := write(ctx, request)
	if err != nil {
		return none, err
	}
	if err := c.fresh.written(response.GetConsistencyToken(), response.GetRevision()); err != nil {
		return none, err
	}
	return response, nil
}

// inSession writes, and remembers it for what is asked in the session after it.
func inSession[R any, A acknowledgement](
	ctx context.Context, s *Session, request R, write func(context.Context, R) (A, error),
) (none A, err error) {
	response, err := write(ctx, request)
	if err != nil {
		return none, err
	}
	if err := s.fresh.written(response.GetConsistencyToken(), response.GetRevision()); err != nil {
		return none, err
	}
	return response, nil
}
