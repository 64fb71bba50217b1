//go:build !linux

package limit

import "net"

// maxFiles is not asked for on other systems.
func maxFiles() int { return DefaultMaxConnections * 2 }

func boundUnread(net.Conn) {}
