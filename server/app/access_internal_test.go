package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
)

// guarded is a server that serves, whose callers are kept to what is granted.
func guarded(t *testing.T, grants string) *App {
	t.Helper()
	file := filepath.Join(t.TempDir(), "grants.yaml")
	if err := os.WriteFile(file, []byte(grants), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{
		GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir(), Access: access.Config{File: file, Required: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-served, a.Close()); err != nil {
			t.Error(err)
		}
	})
	return a
}

const mailGrant = `grants:
  - {callers: ["key:mailer"], actions: [check], controllers: [example], purposes: [marketing_email]}
`

// TestEveryMethodIsGoverned: each method of the real server has a row, and none is open but health.
func TestEveryMethodIsGoverned(t *testing.T) {
	a := guarded(t, mailGrant)
	methods := 0
	for service, info := range a.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			methods++
			name := "/" + service + "/" + m.Name
			if !grpcapi.Governed(name) {
				t.Errorf("%s has no row in grpcapi/actions.go: say which action it is, and on what", name)
			}
			if open := service == "grpc.health.v1.Health"; grpcapi.Open(name) != open {
				t.Errorf("%s is open: %v", name, !open)
			}
		}
	}
	if methods < 20 {
		t.Errorf("only %d methods found: the test says little", methods)
	}
}

// TestNobodyMayCall: whatever is called by nobody, through the real sockets, does nothing.
func TestNobodyMayCall(t *testing.T) {
	a := guarded(t, mailGrant)
	conn, err := grpc.NewClient(a.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for service, info := range a.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			name := "/" + service + "/" + m.Name
			switch err := callEmpty(t, conn, name, m.IsClientStream || m.IsServerStream); {
			case grpcapi.Open(name):
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case m.Name == "BatchCheck" || m.Name == "CheckStream": // nothing was asked for
				if err == nil || status.Code(err) == codes.Internal {
					t.Errorf("%s: %v", name, err)
				}
			case status.Code(err) != codes.Unauthenticated:
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for path, want := range map[string]int{
		"/metrics": http.StatusUnauthorized, "/nodez": http.StatusUnauthorized, "/healthz": http.StatusOK, "/readyz": http.StatusOK,
	} {
		answer, err := http.Get("http://" + a.HTTPAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want || want != http.StatusOK && strings.Contains(string(body), "consentd_") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
}

// callEmpty calls a method with an empty message, and returns how it ends; health's streams do not end, and are
// answered.
func callEmpty(t *testing.T, conn *grpc.ClientConn, name string, stream bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !stream {
		return conn.Invoke(ctx, name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	if err == nil {
		err = s.SendMsg(&emptypb.Empty{})
	}
	if err == nil {
		err = s.CloseSend()
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = s.RecvMsg(&emptypb.Empty{})
	}
	return err
}

// TestPathsAreMatchedExactly: a path that only looks like a method's reaches none.
func TestPathsAreMatchedExactly(t *testing.T) {
	a := guarded(t, mailGrant)
	for _, path := range []string{
		"consent.v1.PolicyService/GetPolicy", "//consent.v1.PolicyService/GetPolicy", "/consent.v1.PolicyService/GetPolicy/",
		"/consent.v1.PolicyService//GetPolicy", "/consent.v1.policyservice/GetPolicy", "/consent.v1.PolicyService/getpolicy",
		"/consent.v1.PolicyService/GetPolicy?x", "/x/../consent.v1.PolicyService/GetPolicy", "/consent.v1.PolicyService%2fGetPolicy",
		"consent.v1.AdminService/Backup", "*", "/", "grpc.health.v1.Health/Check",
	} {
		if got := statusOfPath(t, a.GRPCAddr(), path); got == "0" || got == "16" {
			t.Errorf("%q is answered with %s", path, got)
		}
	}
	if got := statusOfPath(t, a.GRPCAddr(), "/consent.v1.PolicyService/GetPolicy"); got != "16" {
		t.Errorf("the method itself is answered with %s", got)
	}
}

// statusOfPath sends one call with a path as it is, and returns the gRPC status, or how else the server ends it.
func statusOfPath(t *testing.T, addr, path string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, h := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", path},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = io.WriteString(conn, http2.ClientPreface)
	err = errors.Join(err, f.WriteSettings(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		f.WriteData(1, true, make([]byte, 5)))
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			return frame.ErrCode.String()
		case *http2.GoAwayFrame:
			return frame.ErrCode.String()
		case *http2.MetaHeadersFrame:
			for _, h := range frame.Fields {
				if h.Name == "grpc-status" {
					return h.Value
				}
			}
		}
	}
}

// TestActivatedPoliciesOfAccess decide when the activation has returned, and what a caller lost is lost.
func TestActivatedPoliciesOfAccess(t *testing.T) {
	a := guarded(t, mailGrant)
	mailer, ctx := &caller.Caller{Kind: caller.KindKey, ID: "mailer"}, t.Context()
	mail := caller.Act{Action: caller.Check, Controller: "example", Purpose: "marketing_email"}
	training := caller.Act{Action: caller.Check, Controller: "example", Purpose: "ai_training"}
	if a.gate.Permit(ctx, mailer, mail) != nil || a.gate.Permit(ctx, mailer, training) == nil {
		t.Fatal("not what the operator's table grants")
	}
	before := a.policies.Current().Revision()
	table := strings.Replace(mailGrant, "marketing_email", "ai_training", 1)
	if _, err := a.manager.Activate(ctx, consent.Candidate{Files: shippedWith(t, "access/data.yaml", table)}); err != nil {
		t.Fatal(err)
	}
	if a.policies.Current().Revision() == before {
		t.Error("a grant of the policies is no part of their revision")
	}
	if a.gate.Permit(ctx, mailer, mail) != nil || a.gate.Permit(ctx, mailer, training) != nil {
		t.Error("the set's grants do not add up with the operator's")
	}
	closed := "package consentd.access\n\ndefault allow := false\n"
	if _, err := a.manager.Activate(ctx, consent.Candidate{Files: shippedWith(t, "access/access.rego", closed)}); err != nil {
		t.Fatal(err)
	}
	if err := a.gate.Permit(ctx, mailer, mail); !errors.Is(err, consent.ErrForbidden) {
		t.Errorf("by rules that permit nothing: %v", err)
	}
}

// shippedWith are the policies that ship with one other file, but for the tests of access.
func shippedWith(t *testing.T, name, content string) (files []consent.PolicyFile) {
	t.Helper()
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "access_test.rego") {
			return err
		}
		file := consent.PolicyFile{Path: path, Content: []byte(content)}
		if path != name {
			file.Content, err = fs.ReadFile(policies.FS, path)
		}
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPermittedOverHTTP: who is known and may not is told so, and hears nothing else.
func TestPermittedOverHTTP(t *testing.T) {
	a := guarded(t, mailGrant+`  - {callers: ["key:prometheus"], actions: [admin], controllers: ["*"], purposes: ["*"]}`+"\n")
	metrics := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }
	handler := a.permitted(caller.Admin, http.HandlerFunc(metrics))
	for id, want := range map[string]int{"": http.StatusUnauthorized, "mailer": http.StatusForbidden, "prometheus": http.StatusOK} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		if id != "" {
			r = r.WithContext(caller.With(r.Context(), &caller.Caller{Kind: caller.KindKey, ID: id}))
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != want || (got == "metrics") != (want == http.StatusOK) {
			t.Errorf("%q: %d %s", id, w.Code, got)
		}
	}
}

// TestAccessIsMeasured: its metrics are there from the start.
func TestAccessIsMeasured(t *testing.T) {
	a := guarded(t, mailGrant)
	_ = a.gate.Permit(t.Context(), &caller.Caller{Kind: caller.KindKey, ID: "x"}, caller.Act{Action: caller.Admin})
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			got[family.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"consentd_access_denied_total": 1, "consentd_access_evaluations_total": 1, "consentd_access_errors_total": 0,
		"consentd_access_loads_total": 0, "consentd_access_failing": 0, "consentd_access_grants": 1,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %v, there: %v; want %v", name, n, ok, want)
		}
	}
}
