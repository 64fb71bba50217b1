package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// socketMode lets only this user open a socket: whoever can connect may read and write everybody's consent.
const socketMode = 0o600

// listen binds an address that Validate accepted. The error says what to do.
func listen(field, addr string) (net.Listener, error) {
	if path, ok := socketPath(addr); ok {
		return listenSocket(field, path)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, busy(field, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w: choose another address by --%s", field, addr, cause(err), field)
	}
	return l, nil
}

func busy(field, addr string) error {
	return fmt.Errorf("%s: %s is in use, perhaps by another consentd: stop that one or choose another address by --%s",
		field, addr, field)
}

// listenSocket binds a Unix socket. A socket that an earlier process left behind is removed, one that is answered is
// not.
func listenSocket(field, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%s: %s is there and no socket: remove it or choose another path by --%s", field, path, field)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			_ = conn.Close()
			return nil, busy(field, path)
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path) // what stays in the way is reported by Listen
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w: choose another path by --%s", field, path, cause(err), field)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("%s: cannot protect %s: %w", field, path, cause(err))
	}
	return l, nil
}

// cause is the innermost system error, without the layers that repeat the address.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
