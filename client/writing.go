package client

import (
	"context"
	"time"

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
		ctx, cancel = context.WithTimeout(ctx, c.fenceTimeout())
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

// fenceTimeout is how long a fenced write may take that has no deadline.
func (c *Client) fenceTimeout() time.Duration {
	timeout := max(c.conn.timeout, FenceTimeout)
	if c.near != nil {
		timeout = max(timeout, leasesPerFence*time.Duration(c.near.lease.Load()))
	}
	return timeout
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
