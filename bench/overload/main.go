// Command overload measures what consentd does with more than it can do: it finds the server's capacity, the most
// checks per second that a closed loop gets answered, and then offers parts and multiples of it on a schedule, whatever
// the server does (package flood).
//
//	taskset -c 1 go run ./bench/overload --server-cpu 0
//
// gives the server one processor and the load another, so that neither takes from the other. Beside the load two
// clients of their own go on: one withdraws, one checks a hundred times per second.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/bench/proc"
)

// options are what is measured.
type options struct {
	server, cpu           string
	phase, closed         time.Duration
	connections, subjects int
	patience              time.Duration
	multiples             []float64
	flags                 []string
	defiant               bool
}

func (o *options) define(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.server, "server", "", "binary of consentd to measure instead of building ./server")
	f.StringVar(&o.cpu, "server-cpu", "", "processors of the server, as taskset takes them; default any")
	f.DurationVar(&o.phase, "phase", time.Minute, "length of each phase")
	f.DurationVar(&o.closed, "closed", 3*time.Second, "length of each closed loop")
	f.IntVar(&o.connections, "connections", 16, "connections of the load")
	f.IntVar(&o.subjects, "subjects", 20_000, "people asked about")
	f.DurationVar(&o.patience, "patience", 5*time.Millisecond, "how long a call waits with its client for a free stream")
	f.Float64SliceVar(&o.multiples, "multiple", []float64{0.75, 1, 2, 5, 0.75}, "phases, as multiples of the capacity")
	f.BoolVar(&o.defiant, "defiant", false, "clients that send more calls at once than the server tells them to")
	f.StringSliceVar(&o.flags, "flag", nil, "a flag for the server, such as --queue-target=off")
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	o.define(pflag.CommandLine)
	pflag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "overload:", err)
		os.Exit(1)
	}
}

// target is the server that is measured.
type target struct {
	*proc.Process
	addr string
	conn *grpc.ClientConn
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "consentd-overload")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t, err := start(ctx, o, dir)
	if err != nil {
		return err
	}
	defer t.Stop()
	return t.measure(ctx, o)
}

// start builds the server if none was given, and runs it.
func start(ctx context.Context, o options, dir string) (*target, error) {
	if o.server == "" {
		o.server = filepath.Join(dir, "consentd")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.server, "github.com/consentd/consentd/server")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the server (run this from the module's folder): %w: %s", err, out)
		}
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	command := append([]string{
		o.server, "--grpc-addr", addr, "--http-addr", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--log-level", "warn",
	}, o.flags...)
	if o.cpu != "" {
		command = append([]string{"taskset", "-c", o.cpu}, command...)
	}
	t := &target{addr: addr}
	if t.conn, err = dial(addr); err != nil {
		return nil, err
	}
	if t.Process, err = proc.Start(exec.Command(command[0], command[1:]...), nil); err != nil {
		return nil, err
	}
	return t, t.Ready(ctx, time.Minute, func(ctx context.Context) error {
		_, err := healthpb.NewHealthClient(t.conn).Check(ctx, &healthpb.HealthCheckRequest{})
		return err
	})
}

func dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
}
