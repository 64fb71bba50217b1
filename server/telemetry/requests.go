package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/server/caller"
)

// requestIDHeader is where a caller names its request. An id is made of at most maxRequestID printable characters;
// others are not taken over into the log.
const (
	requestIDHeader = "x-request-id"
	maxRequestID    = 128
)

// Lines returns a handler that adds to each line of a call which call it is about, and passes it to next: request_id,
// method and who called, as far as the line does not say so itself. Nothing is made for calls that log nothing.
//
// The request id is the caller's x-request-id, else the id of the trace that the call is part of, else made for the
// line.
func Lines(next slog.Handler) slog.Handler { return lines{next} }

type lines struct{ slog.Handler }

// Handle implements slog.Handler.
func (l lines) Handle(ctx context.Context, r slog.Record) error {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil {
		return l.Handler.Handle(ctx, r)
	}
	r = r.Clone()
	if !has(r, "method") {
		r.AddAttrs(slog.String("method", stream.Method()))
	}
	who := caller.From(ctx)
	r.AddAttrs(slog.String("request_id", RequestID(ctx)), slog.String("caller_kind", string(who.Kind)))
	if who.ID != "" {
		r.AddAttrs(slog.String("caller_id", who.ID))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l lines) WithAttrs(attrs []slog.Attr) slog.Handler { return lines{l.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (l lines) WithGroup(name string) slog.Handler { return lines{l.Handler.WithGroup(name)} }

func has(r slog.Record, key string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

// RequestID names the request of a call: see Lines.
func RequestID(ctx context.Context) string {
	if id := GivenRequestID(ctx); id != "" {
		return id
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// GivenRequestID is what the caller calls the request, or the trace that it is part of; empty: neither.
func GivenRequestID(ctx context.Context) string {
	if ids := metadata.ValueFromIncomingContext(ctx, requestIDHeader); len(ids) == 1 && printable(ids[0]) {
		return ids[0]
	}
	if parent := parentOf(ctx); parent.IsValid() {
		return parent.TraceID().String()
	}
	if own := From(ctx); own != nil {
		return own.TraceID()
	}
	return ""
}

func printable(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}
