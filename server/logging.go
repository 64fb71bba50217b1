package main

import (
	"io"
	"log/slog"
	"os"

	"google.golang.org/grpc/grpclog"
)

// Decisions are not logged: they are made in authz, and metrics count them.

// logLibraries has what libraries log by themselves go where our log goes, in its form. It sets what is global to the
// process, so only main may call it, before anything else runs.
func logLibraries(logger *slog.Logger) {
	slog.SetDefault(logger) // also what package log writes
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") != "" {
		return // somebody looks for a fault in gRPC itself
	}
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, slog.NewLogLogger(logger.Handler(), slog.LevelError).Writer()))
}
