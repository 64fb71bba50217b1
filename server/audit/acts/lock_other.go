//go:build !unix || solaris || illumos || aix

package acts

import (
	"fmt"
	"io"
	"os"
)

// lock cannot keep other processes out here; the lock of the data directory does.
func lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot be locked: choose another, free space or correct its permissions: %w", err)
	}
	return f, nil
}
