//go:build !linux

package pgtest

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }

func own(string) error { return nil }

func childrenOf(int) []int { return nil }

func killLeft(string) {}
