package client

import (
	"context"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// maxUsageBytes is above what a record of 20,000 rows takes.
const maxUsageBytes = 32 << 20

// Usage returns what callers asked one node about in fact, beside what its policies declare: the raw material of a
// record of processing activities (GDPR Art. 30). It needs the action admin. Of several nodes each has its own counts.
func (c *Client) Usage(ctx context.Context, request *consentv1.GetUsageRequest) (*consentv1.GetUsageResponse, error) {
	return c.admin.GetUsage(ctx, request, grpc.MaxCallRecvMsgSize(maxUsageBytes))
}
