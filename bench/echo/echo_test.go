package echo_test

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/consentd/consentd/bench/echo"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
)

// sizes keeps how long the last messages were, encoded.
type sizes struct{ sent, got int }

func (*sizes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*sizes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*sizes) HandleConn(context.Context, stats.ConnStats)                       {}
func (s *sizes) HandleRPC(_ context.Context, one stats.RPCStats) {
	switch one := one.(type) {
	case *stats.OutPayload:
		s.sent = one.Length
	case *stats.InPayload:
		s.got = one.Length
	}
}

// start runs the server with the service, and a connection that keeps the sizes of messages.
func start(t *testing.T) (*servertest.Server, *sizes) {
	t.Helper()
	kept := new(sizes)
	return servertest.Start(t, servertest.Options{
		Configure: func(c *app.Config) { c.Services = echo.Register }, Dial: []grpc.DialOption{grpc.WithStatsHandler(kept)},
	}), kept
}

// The messages have the sizes that were asked for, with the server's own codec in between, or one byte less.
func TestSizes(t *testing.T) {
	s, kept := start(t)
	for _, want := range []echo.Sizes{{6, 3}, {70, 66}, {129, 129}, {130, 130}, {131, 131}, {500, 16_000}} {
		if err := echo.Call(want)(t.Context(), s.Conn); err != nil {
			t.Errorf("%+v: %v", want, err)
		}
		for _, size := range [][2]int{{want.Request, kept.sent}, {want.Answer, kept.got}} {
			if off := size[0] - size[1]; off != 0 && (off != 1 || size[0] != 130) {
				t.Errorf("%+v: sent %d, got %d", want, kept.sent, kept.got)
			}
		}
	}
}

// What asks for no size, or one that is too large, is refused.
func TestRefuses(t *testing.T) {
	s, _ := start(t)
	for _, value := range [][]byte{nil, {1, 2, 3}, binary.BigEndian.AppendUint32(nil, 1<<30)} {
		answer := new(wrapperspb.BytesValue)
		if err := s.Conn.Invoke(t.Context(), echo.FullMethod, &wrapperspb.BytesValue{Value: value}, answer); err == nil {
			t.Errorf("%v is answered with %d bytes", value, len(answer.GetValue()))
		}
	}
}

// No counter of the server has a call of it.
func TestIsNotCounted(t *testing.T) {
	s, _ := start(t)
	if err := echo.Call(echo.Sizes{Request: 70, Answer: 66})(t.Context(), s.Conn); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + s.HTTPAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(text), "grpc_server") || strings.Contains(string(text), "Echo") {
		t.Errorf("%v, counted in %s", err, text)
	}
}
