package grpcapi

import (
	"bufio"
	"context"
	"io"
	"slices"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// Backup copies the node's data while it goes on.
type Backup interface {
	// Backup tells begin the revision as of which the copy is, and writes the archive to what begin returns. Its errors
	// are consent.ErrBackupRuns, consent.ErrUnavailable, the writer's and the context's.
	Backup(ctx context.Context, begin func(consent.Revision) (io.Writer, error)) error
}

// adminService answers AdminService.
type adminService struct {
	consentv1.UnimplementedAdminServiceServer
	edge
	backup    Backup
	usages    Usages
	policy    func() consent.Policy
	nodes     NodeLister
	validator *validator
}

// chunkBytes is far below what a message may have, and large enough that messages cost little beside their bytes.
const chunkBytes = 256 << 10

type backupStream = grpc.ServerStreamingServer[consentv1.BackupResponse]

// Backup streams the archive.
func (s *adminService) Backup(r *consentv1.BackupRequest, stream backupStream) error {
	if s.backup == nil {
		return s.UnimplementedAdminServiceServer.Backup(r, stream)
	}
	ctx := stream.Context()
	if err := s.archive(ctx, stream); err != nil {
		return s.errors.refuse(ctx, consentv1.AdminService_Backup_FullMethodName, err).Err()
	}
	return nil
}

// archive sends the archive, and last that it is complete. A panic is an error.
func (s *adminService) archive(ctx context.Context, stream backupStream) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = s.panicked(cause)
		}
	}()
	chunks := bufio.NewWriterSize(chunkWriter{stream}, chunkBytes)
	begin := func(revision consent.Revision) (io.Writer, error) {
		return chunks, stream.Send(&consentv1.BackupResponse{Revision: uint64(revision)})
	}
	if err := s.backup.Backup(ctx, begin); err != nil {
		if ended := ctx.Err(); ended != nil {
			return ended // not what sending on an ended stream says
		}
		return err
	}
	if err := chunks.Flush(); err != nil {
		return err
	}
	return stream.Send(&consentv1.BackupResponse{Complete: true})
}

// chunkWriter sends what is written, until the call is over: also where the server stops, which ends the context alone.
type chunkWriter struct{ stream backupStream }

// Write implements io.Writer.
func (w chunkWriter) Write(b []byte) (n int, err error) {
	for chunk := range slices.Chunk(b, chunkBytes) {
		if err := w.stream.Context().Err(); err != nil {
			return n, err
		}
		if err := w.stream.Send(&consentv1.BackupResponse{Chunk: chunk}); err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}
