// Command server is consentd: it answers over gRPC whether a purpose is allowed for a user right now. See --help for
// its configuration; package app says how it runs and stops.
//
// It exits with 0 after a signal told it to stop (SIGTERM, SIGINT, SIGQUIT or SIGABRT) and it had answered what was
// under way, and with 1 and one line on stderr if it could not start or failed. A second such signal ends it at once;
// SIGQUIT and SIGABRT then with the stacks of all goroutines. SIGHUP has it read certificates and policies again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/limit"
)

// stopping are the signals that would end the process and can be caught.
var stopping = []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGQUIT, syscall.SIGABRT}

func main() {
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may go away; the server stays
	signaled, stop := signal.NotifyContext(context.Background(), stopping...)
	defer stop()
	ctx, end := context.WithCancel(context.Background())
	context.AfterFunc(signaled, func() {
		stop() // the next signal is not caught, from before anything tells that the server stops
		end()
	})
	command := newCommand(os.Environ(), serve)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "consentd: "+oneLine(err))
		os.Exit(1)
	}
}

// serve runs a server until ctx ends. Hangups that come before it serves, or while it stops, do not end it.
func serve(ctx context.Context, o options, stderr io.Writer) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	config := o.app(stderr)
	logLibraries(config.Logger)
	server, err := start(ctx, config)
	if server == nil {
		return err
	}
	limit.UseMemoryLimit(os.DirFS("/"), config.Logger) // who cannot start says why, in one line
	limit.LetHeapGrow(config.Logger)
	reloading, end := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	reloads.Go(func() { reload(reloading, server, hangups) })
	err = server.Serve(ctx)
	end()
	reloads.Wait()
	return errors.Join(err, server.Close())
}

// reload has the server read certificates and policies again at each hangup, until ctx ends.
func reload(ctx context.Context, server *app.App, hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			server.Reload(ctx)
		case <-ctx.Done():
			return
		}
	}
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
