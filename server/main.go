// Command server is consentd: it answers over gRPC whether a purpose is allowed for a user right now. See --help for its
// configuration; package app says how it runs and stops.
//
// It exits with 0 after it was stopped by SIGTERM or SIGINT and had answered what was under way, and with 1 and one line on
// stderr if it could not start or failed. A second signal ends it at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal is not caught
	command := newCommand(os.Environ(), serve)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "consentd: "+oneLine(err))
		os.Exit(1)
	}
}

// serve runs a server until ctx ends.
func serve(ctx context.Context, o options, stderr io.Writer) error {
	server, err := start(ctx, o.app(stderr))
	if server == nil {
		return err
	}
	return errors.Join(server.Serve(ctx), server.Close())
}

// oneLine joins the lines of an error, one per fault.
func oneLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
