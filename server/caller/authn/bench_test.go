package authn_test

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/apikey"
)

// BenchmarkAuthenticate is what finding out who calls adds to a call, by kind: with a token that was verified before,
// and one that was not.
func BenchmarkAuthenticate(b *testing.B) {
	key := apikey.New()
	o := newOffice(b, entry("mailer", key, ""))
	for name, ctx := range map[string]context.Context{
		"key":         showing(b.Context(), "Bearer "+key),
		"token":       showing(b.Context(), "Bearer "+o.token(nil)),
		"largeToken":  showing(b.Context(), "Bearer "+o.token(map[string]any{"more": make([]byte, 500)})),
		"certificate": certified(b, o),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := processorTime(b)
			for b.Loop() {
				c, err := o.Authenticate(ctx)
				if err != nil {
					b.Fatal(err)
				}
				_ = caller.With(ctx, c)
			}
			b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op")
		})
	}
	b.Run("newToken", func(b *testing.B) {
		var used int64
		for done := 0; done < b.N; {
			b.StopTimer()
			batch := make([]context.Context, min(500, b.N-done))
			for i := range batch {
				batch[i] = showing(b.Context(), "Bearer "+o.token(map[string]any{"jti": done + i}))
			}
			b.StartTimer()
			began := processorTime(b)
			for _, ctx := range batch {
				if _, err := o.Authenticate(ctx); err != nil {
					b.Fatal(err)
				}
			}
			used += processorTime(b) - began
			done += len(batch)
		}
		b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	})
}

// processorTime is what the process has used; on a busy machine it says more than the clock.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// certified is the context of a call on a connection with a certificate.
func certified(b *testing.B, o *office) context.Context {
	b.Helper()
	a := newAuthority(b)
	ours, theirs := net.Pipe()
	client := a.client(a.issue("spiffe://example.org/mail"))
	client.NextProtos = []string{"h2"}
	go func() { _ = tls.Client(theirs, client).Handshake() }()
	_, info, err := o.Transport(credentials.NewTLS(a.listener())).ServerHandshake(ours)
	if err != nil {
		b.Fatal(err)
	}
	return peer.NewContext(b.Context(), &peer.Peer{AuthInfo: info})
}
