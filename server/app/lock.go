package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockDataDir takes the data directory for this process, which keeps the audit of acts and copies of policies there,
// and makes it where it is missing. The lock goes with the process. The embedded store has a lock of its own.
func (a *App) lockDataDir() error {
	dir := a.config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory %s cannot be made: choose another or correct its parent's permissions: %w", dir, err)
	}
	lock := flock.New(filepath.Join(dir, "node.lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("data directory %s cannot be locked: choose another or correct its permissions: %w", dir, err)
	}
	if !locked {
		return fmt.Errorf("data directory %s is in use by another process: stop that one or give each node its own by data-dir", dir)
	}
	a.dirLock = lock
	return nil
}
