package client

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// A context that has ended is an error also where the cache knows the answer: nothing that it guards may run.
func TestNearCacheKeepsToTheContext(t *testing.T) {
	inBubble(t, func(w *world, c, _ *Client) {
		w.cached(c)
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		request := NewCheck("example", "u", "p")
		err := c.Guard(ctx, request, func(context.Context, []*consentv1.Obligation) error {
			t.Error("the guarded function ran")
			return nil
		})
		if status.Code(err) != codes.Canceled {
			t.Errorf("Guard = %v, want CANCELED", err)
		}
		batch := &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{request}}
		if results, err := c.BatchCheck(ctx, batch); status.Code(err) != codes.Canceled || results != nil {
			t.Errorf("BatchCheck = %v, %v; want CANCELED", results, err)
		}
	})
}
