//go:build !linux

package proc

import (
	"os/exec"
	"time"
)

func dieWithParent(*exec.Cmd) {}

// CPU is not known here.
func CPU(int) (time.Duration, error) { return 0, errNotKnown }

// PeakMemory is not known here.
func PeakMemory(int) (int64, error) { return 0, errNotKnown }
