package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
)

// delayed is a health service that takes as long to answer as the service's name says.
type delayed struct {
	healthpb.UnimplementedHealthServer
}

// Check waits for the duration that the request names, such as 10ms; none: not at all.
func (delayed) Check(_ context.Context, r *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if r.GetService() != "" {
		d, err := time.ParseDuration(r.GetService())
		if err != nil {
			return nil, err
		}
		wait(d)
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

// wait takes exactly d: the end, as long as the kernel may be late with a timer, is spent looking at the clock.
func wait(d time.Duration) {
	const late = 200 * time.Microsecond
	until := time.Now().Add(d)
	load.Sleep(d - late)
	for time.Now().Before(until) {
	}
}

// delayServerName is the hidden subcommand.
const delayServerName = "delay-server"

// delayCommand is what bench runs itself as, to have a server whose delay is known.
func delayCommand() *cobra.Command {
	return &cobra.Command{
		Use: delayServerName + " ADDR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := net.Listen("tcp", args[0])
			if err != nil {
				return err
			}
			s := grpc.NewServer()
			healthpb.RegisterHealthServer(s, delayed{})
			stop := context.AfterFunc(c.Context(), s.Stop)
			defer stop()
			return s.Serve(l)
		},
	}
}

// delayServer is that server, and connections to it.
type delayServer struct {
	process *proc.Process
	conns   []*grpc.ClientConn
}

func startDelayServer(ctx context.Context, connections int) (*delayServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	d := &delayServer{}
	if d.process, err = proc.Start(exec.Command(self, delayServerName, addr), nil); err != nil {
		return nil, err
	}
	if d.conns, err = dial(addr, connections); err != nil {
		return nil, err
	}
	return d, d.process.Ready(ctx, readyTimeout, func(ctx context.Context) error { return d.call(0)(ctx, 0) })
}

func (d *delayServer) stop() {
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.process.Stop()
}

// call is answered after the delay.
func (d *delayServer) call(delay time.Duration) load.Call {
	name := ""
	if delay > 0 {
		name = delay.String()
	}
	clients := make([]healthpb.HealthClient, len(d.conns))
	for i, c := range d.conns {
		clients[i] = healthpb.NewHealthClient(c)
	}
	return func(ctx context.Context, n int) error {
		_, err := clients[n%len(clients)].Check(ctx, &healthpb.HealthCheckRequest{Service: name})
		return err
	}
}

// stall stops the server for a while.
func (d *delayServer) stall(length time.Duration) error {
	if err := d.process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stopping the delay server: %w", err)
	}
	load.Sleep(length)
	return d.process.Signal(syscall.SIGCONT)
}
