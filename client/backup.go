package client

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Backup writes a copy of the node's data, a tar archive, to w as it comes, while the node goes on, and returns the
// revision as of which it is. It takes as long as the data take to travel: give ctx a deadline of that length. Where
// the error is not nil what was written is no backup. One is made at a time: RESOURCE_EXHAUSTED while there is another.
func (c *Client) Backup(ctx context.Context, w io.Writer) (revision uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := consentv1.NewAdminServiceClient(c.conn).Backup(ctx, &consentv1.BackupRequest{})
	if err != nil {
		return 0, err
	}
	for complete := false; ; {
		response, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && complete:
			return revision, nil
		case errors.Is(err, io.EOF):
			return 0, status.Error(codes.DataLoss, "the server ended the backup before it was complete")
		case err != nil:
			return 0, err
		}
		if _, err := w.Write(response.GetChunk()); err != nil {
			return 0, err
		}
		revision = max(revision, response.GetRevision())
		complete = response.GetComplete()
	}
}
