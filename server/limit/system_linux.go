package limit

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxFiles is how many file descriptors the process may have.
func maxFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return DefaultMaxConnections * 2
	}
	return int(min(limit.Cur, 1<<30))
}

// unreadTimeout is how long the kernel waits for a client to take what was sent.
const unreadTimeout = 20 * time.Second

// boundUnread has the kernel end a connection whose client takes nothing. gRPC does it only for connections of the net
// package's own type.
func boundUnread(c net.Conn) {
	tcp, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // not for sockets of this machine
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unreadTimeout.Milliseconds()))
	})
}
