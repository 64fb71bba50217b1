package client

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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

// Who asks with credentials of their own may not be told what another caller was told.
func TestNearCacheIsItsOwnCallers(t *testing.T) {
	inBubble(t, func(w *world, c, _ *Client) {
		w.cached(c)
		request := NewCheck("example", "u", "p")
		for key, remote := range map[string]int{"authorization": 1, "x-request-id": 0} {
			ctx, before := metadata.AppendToOutgoingContext(w.t.Context(), key, "Bearer another"), w.asked()
			d, err := c.Check(ctx, request)
			if err != nil || !d.Allowed || w.asked() != before+remote {
				w.t.Errorf("Check with %s = %v, %v; asked the server %d times", key, d, err, w.asked()-before)
			}
			before = w.asked()
			_, err = c.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{request}})
			if err != nil || w.asked() != before+remote {
				w.t.Errorf("BatchCheck with %s: %v; asked the server %d times", key, err, w.asked()-before)
			}
		}
	})
}
