// Command bench measures what consentd costs, beside an empty RPC and beside its peers, and writes a Markdown table,
// JSON and an HTML page with plots.
//
//	go run ./bench --quick
//
// It builds the server, runs it as a process of its own on loopback, and puts load on it from this one. Every answer is
// compared with the truth; every figure of a call stands beside that of a null RPC on the same server, measured in
// slices that alternate with it. See package load for how latency counts.
//
// Failure: what cannot be measured is named in the output; a wrong answer, or an instrument that fails its
// own check, makes the exit code 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
)

// sleepers is how many threads may sleep in the kernel without holding up other goroutines: the dispatchers of
// two open loops here, the delayed answers of the delay server. The runtime takes a processor from such a
// thread only when it next looks, up to 10 ms later; with one for each it need not. (Without: calls beside ones
// delayed by 10 ms took 7 ms at p50.)
const sleepers = 4

func main() {
	runtime.GOMAXPROCS(runtime.NumCPU() + sleepers)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := &options{}
	c := &cobra.Command{
		Use:           "bench",
		Short:         "Measures what consentd costs, beside an empty RPC and beside its peers.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			o.stdout, o.stderr = c.OutOrStdout(), c.ErrOrStderr()
			if err := o.complete(); err != nil {
				return err
			}
			return run(c.Context(), o)
		},
	}
	o.define(c.Flags())
	c.AddCommand(delayCommand())
	return c
}

// errUntrue is returned when a run's figures must not be believed, or show a wrong answer.
var errUntrue = errors.New("see the tables")
