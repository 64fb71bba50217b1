package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// backlog is a port whose queue of connections is full: further ones are not answered.
type backlog struct {
	socket int
	queued []net.Conn
}

// most is how many connections fill a queue of one, on any system: the kernel's own rounding is a few.
const most = 16

func newBacklog(addr string) (*backlog, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(socket)
	b := &backlog{socket: socket}
	_ = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	bind := func() error {
		return syscall.Bind(socket, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	}
	if err := eventually(bind); err != nil {
		b.close()
		return nil, err
	}
	if err := syscall.Listen(socket, 0); err != nil {
		b.close()
		return nil, err
	}
	return b, b.fill(addr)
}

// fill connects until nobody answers.
func (b *backlog) fill(addr string) error {
	for range most {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		cancel()
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		b.queued = append(b.queued, conn)
	}
	return fmt.Errorf("this system queues more than %d connections", most)
}

func (b *backlog) close() {
	for _, conn := range b.queued {
		reset(conn)
	}
	_ = syscall.Close(b.socket)
}
