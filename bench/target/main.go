// Command target is the server as bench measures it, with one service more: echo, which carries bytes and does
// nothing. It takes the flags that bench starts ./server with, and makes of them what ./server makes of them, so that
// all else is the same server; nobody else runs it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/consentd/consentd/bench/echo"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = serve(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "target:", err)
		stop()
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	// config is what they say of the server, but for what app adds.
	config   app.Config
	logLevel slog.Level
	// answers is on or off: whether answers are remembered.
	answers string
}

func parse(args []string) (*options, error) {
	o, f := &options{}, pflag.NewFlagSet("target", pflag.ContinueOnError)
	f.StringVar(&o.config.GRPCAddr, "grpc-addr", "", "where gRPC listens")
	f.StringVar(&o.config.HTTPAddr, "http-addr", "", "where /metrics listens")
	f.StringVar(&o.config.DataDir, "data-dir", "", "directory of the embedded store")
	f.StringVar(&o.config.Admin.Addr, "admin-addr", "", "where profiles are served; default nowhere")
	f.DurationVar(&o.config.Limits.QueueTarget, "queue-target", limit.DefaultQueueTarget, "how long calls may wait before they run")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	f.Int64Var(&o.config.CacheSize, "cache-size", app.DefaultCacheSize, "memory for cached states and answers, in bytes")
	f.StringVar(&o.answers, "answers", "on", "whether answers are remembered: on or off")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.answers != "on" && o.answers != "off" {
		return nil, fmt.Errorf("--answers: %q: give on or off", o.answers)
	}
	return o, nil
}

// app is the configuration that ./server makes of the same flags, and echo. What no flag says is the server's default.
func (o *options) app() app.Config {
	c := o.config
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.logLevel}))
	c.Version, c.Services = version.Version(), echo.Register
	c.AnswersOff = o.answers == "off"
	return c
}

// serve runs until ctx ends, as ./server does.
func serve(ctx context.Context, o *options) error {
	config := o.app()
	server, err := app.New(config)
	if err != nil {
		return err
	}
	limit.UseMemoryLimit(os.DirFS("/"), config.Logger)
	limit.LetHeapGrow(config.Logger)
	err = server.Serve(ctx)
	if closed := server.Close(); err == nil {
		err = closed
	}
	return err
}
