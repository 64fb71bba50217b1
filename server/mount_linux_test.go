package main_test

import (
	"errors"
	"syscall"
	"testing"
)

// mountTmpfs mounts a small file system at dir for the length of the test. Where that is not
// permitted the test is skipped.
func mountTmpfs(t *testing.T, dir, options string, readOnly bool) {
	t.Helper()
	var flags uintptr
	if readOnly {
		flags = syscall.MS_RDONLY
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("mounting a file system is not permitted here")
	}
	if err != nil {
		t.Fatalf("mounting: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
}
