package app

import (
	"context"
	"encoding/hex"
	"io"
	"path"
	"strings"

	"github.com/consentd/consentd/server/backup"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// checkpointer is a store that can be copied while it is open.
type checkpointer interface {
	// Checkpoint calls f with a directory that holds the store as of a revision, until f returns.
	Checkpoint(ctx context.Context, f func(dir string, revision consent.Revision) error) error
}

// backups copies the data directory: the store by a checkpoint, and after it all else that is there, so that what the
// store speaks of, such as policies and who did what, is in the copy. It is immutable.
type backups struct {
	dir     string
	store   checkpointer
	id      store.ID
	version string
	now     func() consent.Instant
}

func (a *App) newBackups(store checkpointer, id store.ID) *backups {
	return &backups{dir: a.config.DataDir, store: store, id: id, version: a.config.Version, now: a.config.Now}
}

// Backup implements grpcapi.Backup.
func (b *backups) Backup(ctx context.Context, begin func(consent.Revision) (io.Writer, error)) error {
	return b.store.Checkpoint(ctx, func(dir string, revision consent.Revision) error {
		w, err := begin(revision)
		if err != nil {
			return err
		}
		archive := backup.NewWriter(w, backup.Manifest{
			StoreID: hex.EncodeToString(b.id[:]), StoreFormat: pebble.Format, Revision: uint64(revision),
			MadeAt: b.now().Time(), Version: b.version,
		})
		if err := archive.Add(dir, func(string) bool { return false }); err != nil {
			return err
		}
		if err := archive.Add(b.dir, notCopied); err != nil {
			return err
		}
		return archive.Close()
	})
}

// notCopied reports whether a file of the data directory is in no backup by its own name: the store's, of which there
// is the checkpoint, files that are being written, and locks.
func notCopied(name string) bool {
	base := path.Base(name)
	return !strings.Contains(name, "/") && (pebble.Owns(name) || name == backup.ManifestName) ||
		strings.HasSuffix(base, ".new") || strings.HasSuffix(base, ".tmp") || strings.HasSuffix(base, ".lock")
}
