// Command soak runs consentd for long with all that changes while it serves, and looks whether it grows: a server
// process with TLS, API keys, grants, a decision log of everything, limits and usage; checks on a schedule, writes,
// fenced withdrawals beside a near cache, clients that connect anew, backups; policies, certificates, keys and grants
// that are saved again and again.
//
//	go run ./bench/soak --duration 30m --rate 5000
//
// It prints what was done, and heap, goroutines, file descriptors and memory in the second and the last tenth of the
// run. The exit code is 1 if one of the first three has grown, an answer was wrong, or a kind of call never succeeded.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/pflag"
)

// options are how long and with how much.
type options struct {
	server, keep         string
	duration, sample     time.Duration
	rate                 float64
	subjects             int
	policies, certs      time.Duration
	keys, reconnect      time.Duration
	write, fence, backup time.Duration
}

func (o *options) define(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.server, "server", "", "binary of consentd to run instead of building ./server")
	f.StringVar(&o.keep, "keep", "", "directory for the server's log and metrics, and profiles of the second tenth and the end")
	f.DurationVar(&o.duration, "duration", 30*time.Minute, "length of the run")
	f.DurationVar(&o.sample, "sample", 10*time.Second, "distance of samples; garbage is collected before each")
	f.Float64Var(&o.rate, "rate", 5000, "checks per second, on a schedule")
	f.IntVar(&o.subjects, "subjects", 20_000, "people asked about")
	f.DurationVar(&o.policies, "policies", 10*time.Second, "distance of saves of the policies")
	f.DurationVar(&o.certs, "certificates", 20*time.Second, "distance of new certificates")
	f.DurationVar(&o.keys, "keys", 15*time.Second, "distance of changes of the files of keys and grants")
	f.DurationVar(&o.reconnect, "reconnect", 500*time.Millisecond, "distance of clients that come, ask and go")
	f.DurationVar(&o.write, "write", 50*time.Millisecond, "distance of writes")
	f.DurationVar(&o.fence, "fence", 500*time.Millisecond, "distance of fenced withdrawals")
	f.DurationVar(&o.backup, "backup", 2*time.Minute, "distance of backups")
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	o.define(pflag.CommandLine)
	pflag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "consentd-soak")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t, err := start(ctx, o, dir)
	if err != nil {
		return err
	}
	defer t.Stop()
	s, err := newSoak(t, o)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("loading subjects: %w", err)
	}
	samples := s.run(ctx)
	fmt.Print(s.acts.String())
	return errors.Join(s.acts.faults(), t.keepLast(ctx, o.keep), judge(os.Stdout, samples))
}
