package client

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Nodes lists the nodes of the store, as the node that is asked sees them: who is alive, how far each has applied the
// store's changes, and by which policies it decides. It needs the action admin.
func (c *Client) Nodes(ctx context.Context, request *consentv1.ListNodesRequest) (*consentv1.ListNodesResponse, error) {
	return c.admin.ListNodes(ctx, request)
}
