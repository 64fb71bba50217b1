package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	fakeserver "github.com/consentd/consentd/client/fake"
	"github.com/consentd/consentd/server/follow"
)

// fakeFlags are those of fake.
type fakeFlags struct {
	addr           string
	watch          bool
	untilStdinEnds bool
}

// maxRules bounds a file of rules.
const maxRules = 4 << 20

func (a *app) fakeCommand() *cobra.Command {
	var flags fakeFlags
	cmd := &cobra.Command{
		Use:   "fake",
		Short: "Run a server for tests that decides by rules in YAML; see client/fake/RULES.md",
		Long: `Run a server for tests: the real one, but that the rules of a file decide in place of policies, and that it keeps what
is recorded in memory. Without a file it denies everything. The rules are described in client/fake/RULES.md.

Its address is printed as one line as soon as it listens. It ends with exit code 0 when it is interrupted or terminated
and, with --until-stdin-ends, when its standard input ends: a test runner that starts it with a pipe and dies leaves
nothing running. Faults in the rules are printed with file and line, and end it with exit code 2, as does an address in use.
With --watch a change of the file is in force within about a second; one with faults is told on standard error, and the
rules before stay.`,
		Example: `  consentctl fake rules.yaml
  consentctl fake rules.yaml --addr 127.0.0.1:7070 --watch`,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && flags.watch {
			return usageError(cmd, errors.New("--watch: name a file of rules"))
		}
		return a.fake(cmd.Context(), &flags, args)
	}
	cmd.Flags().StringVar(&flags.addr, "addr", "127.0.0.1:0", "where it listens, host:port; port 0 is a free one")
	cmd.Flags().BoolVar(&flags.watch, "watch", false, "follow the file")
	cmd.Flags().BoolVar(&flags.untilStdinEnds, "until-stdin-ends", false, "end when standard input does")
	return a.takes(cmd, argument{name: "RULES", optional: true})
}

func (a *app) fake(ctx context.Context, flags *fakeFlags, args []string) error {
	config := fakeserver.Config{Addr: flags.addr}
	if len(args) > 0 {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		config.Name, config.Rules = args[0], string(text)
	}
	s, err := fakeserver.Start(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if flags.watch {
		file, err := a.follow(ctx, s, config)
		if err != nil {
			return errors.Join(err, s.Close())
		}
		defer file.Close()
	}
	if flags.untilStdinEnds {
		go func() {
			_, _ = io.Copy(io.Discard, a.stdin) // an error is an end too
			stop()
		}()
	}
	fmt.Fprintln(a.stdout, s.Addr())
	<-ctx.Done()
	return s.Close()
}

// follow keeps the rules those of their file. What it reads first is in force already, unless it has changed since.
func (a *app) follow(ctx context.Context, s *fakeserver.Server, config fakeserver.Config) (*follow.Files, error) {
	first := true
	file, err := follow.Open(follow.Config{
		Files: []follow.Source{{Setting: "rules", Path: config.Name}}, MaxBytes: maxRules,
		Logger: slog.New(slog.NewTextHandler(a.stderr, nil)),
		Take: func(contents [][]byte) error {
			known := first && string(contents[0]) == config.Rules
			if first = false; known {
				return nil
			}
			if err := s.SetRules(ctx, string(contents[0])); err != nil {
				return fmt.Errorf("rules: %w", err)
			}
			return nil
		},
	})
	if err == nil {
		file.Follow()
	}
	return file, err
}
