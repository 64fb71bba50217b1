//go:build unix && !solaris && !illumos && !aix

package acts

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lock keeps other processes from writing the same audit, until it is closed or the process ends.
func lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot be locked: choose another, free space or correct its permissions: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("is written by another process: stop that one or choose another file: %w", err), f.Close())
	}
	return f, nil
}
