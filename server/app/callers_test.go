package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/authn"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/caller/token/tokentest"
)

// doors is a server that asks who calls, and what opens it: a key, and tokens by an issuer.
type doors struct {
	*running
	conn    *grpc.ClientConn
	key     string
	keyFile string
	issuer  *tokentest.Key
	// ahead is how far the clock of credentials is.
	ahead atomic.Int64
}

func (d *doors) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

func newDoors(t *testing.T) *doors {
	t.Helper()
	d := &doors{key: apikey.New(), issuer: tokentest.New(t, "k1", "ES256"), keyFile: filepath.Join(t.TempDir(), "keys.yaml")}
	digest := sha256.Sum256([]byte(d.key))
	put(t, d.keyFile, "- id: mailer\n  sha256: "+hex.EncodeToString(digest[:])+"\n")
	jwks := filepath.Join(t.TempDir(), "jwks.json")
	put(t, jwks, string(tokentest.Set(d.issuer)))
	d.running = start(t, app.Config{Callers: authn.Config{
		APIKeys: d.keyFile, Token: token.Config{Issuer: "https://idp.test", Audience: "consentd", JWKS: jwks}, Now: d.now,
	}})
	d.conn = dial(t, d.GRPCAddr(), insecure.NewCredentials())
	return d
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *doors) token(t *testing.T, others map[string]any) string {
	t.Helper()
	return d.issuer.Token(t, tokentest.Claims(time.Now(), others))
}

// bearing is the context of calls with these credentials.
func bearing(ctx context.Context, credentials ...string) context.Context {
	for _, c := range credentials {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c)
	}
	return ctx
}

func policyRevision(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := consentv1.NewPolicyServiceClient(conn).GetPolicy(ctx, &consentv1.GetPolicyRequest{})
	return err
}

// known reports whether a call was answered to somebody; what they may do is another question.
func known(err error) bool {
	return err == nil || status.Code(err) == codes.PermissionDenied
}

// TestEveryDoorAsks: each method of each service that the server has, and /metrics, asks for a credential, but health.
func TestEveryDoorAsks(t *testing.T) {
	d := newDoors(t)
	open := map[string]bool{
		healthpb.Health_Check_FullMethodName: true, healthpb.Health_Watch_FullMethodName: true, healthpb.Health_List_FullMethodName: true,
	}
	asked := 0
	for service, info := range d.Services() {
		for _, m := range info.Methods {
			method := "/" + service + "/" + m.Name
			for credential, want := range map[string]bool{"": open[method], apikey.New(): open[method], d.key: true, d.token(t, nil): true} {
				ctx := t.Context()
				if credential != "" {
					ctx = bearing(ctx, credential)
				}
				err := call(ctx, d.conn, method, m)
				if got := status.Code(err) != codes.Unauthenticated; got != want {
					t.Errorf("%s with %.12q: %v", method, credential, err)
				}
				asked++
			}
		}
	}
	if asked < 100 {
		t.Errorf("only %d calls: the test says little", asked)
	}
	for path, refused := range map[string][2]bool{"/metrics": {true, false}, "/healthz": {}, "/readyz": {}} {
		for i, header := range []string{"", "Bearer " + d.key} {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.HTTPAddr()+path, nil)
			if header != "" {
				request.Header.Set("Authorization", header)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if got := answer.StatusCode == http.StatusUnauthorized; got != refused[i] {
				t.Errorf("%s with %.12q: %d", path, header, answer.StatusCode)
			}
		}
	}
}

// call calls a method with an empty message, and returns what comes first.
func call(ctx context.Context, conn *grpc.ClientConn, method string, m grpc.MethodInfo) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !m.IsClientStream && !m.IsServerStream {
		return conn.Invoke(ctx, method, &consentv1.CheckRequest{}, &consentv1.CheckResponse{})
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	_ = stream.SendMsg(&consentv1.CheckRequest{})
	_ = stream.CloseSend()
	return stream.RecvMsg(&consentv1.CheckResponse{})
}

// TestHostileCredentials: what does not hold is refused through the socket as it is within, by calls and by streams,
// and says no more than that.
func TestHostileCredentials(t *testing.T) {
	d := newDoors(t)
	now := time.Now()
	claims, head := tokentest.Claims(now, nil), map[string]any{"alg": "ES256", "kid": "k1"}
	public, err := x509.MarshalPKIXPublicKey(d.issuer.Public())
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(text string) []string { return []string{"Bearer " + text} }
	wrong := d.key[:20] + "A" + d.key[21:]
	if wrong == d.key {
		wrong = d.key[:20] + "B" + d.key[21:]
	}
	for name, headers := range map[string][]string{
		"alg none":               bearer(tokentest.Unsigned(t, map[string]any{"alg": "none", "kid": "k1"}, claims)),
		"HMAC by the public key": bearer(tokentest.Keyed(t, public, map[string]any{"alg": "HS256", "kid": "k1"}, claims)),
		"another audience":       bearer(d.token(t, map[string]any{"aud": "other"})),
		"another issuer":         bearer(d.token(t, map[string]any{"iss": "https://evil.test"})),
		"expired":                bearer(d.token(t, map[string]any{"exp": now.Add(-time.Minute).Unix()})),
		"not yet valid":          bearer(d.token(t, map[string]any{"nbf": now.Add(time.Hour).Unix()})),
		"no exp":                 bearer(d.token(t, map[string]any{"exp": nil})),
		"an unknown key":         bearer(d.issuer.Signed(t, map[string]any{"alg": "ES256", "kid": "k2"}, claims)),
		"another key":            bearer(tokentest.New(t, "k1", "ES256").Signed(t, head, claims)),
		"9 KB":                   bearer(strings.Repeat("a", 9<<10)),
		"one wrong character":    bearer(wrong),
		"two headers":            append(bearer(d.key), bearer(d.key)...),
		"another scheme":         {"Basic " + d.key},
		"no scheme":              {d.key},
		"two keys in one":        bearer(d.key + ", Bearer " + d.key),
		"nothing":                {""},
	} {
		ctx := t.Context()
		for _, h := range headers {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
		}
		stream := grpc.MethodInfo{IsClientStream: true, IsServerStream: true}
		for way, err := range map[string]error{
			"call":   policyRevision(ctx, d.conn),
			"stream": call(ctx, d.conn, consentv1.DecisionService_CheckStream_FullMethodName, stream),
		} {
			says := "no credential that holds"
			if name == "expired" {
				says = "the credential has expired"
			}
			if s := status.Convert(err); s.Code() != codes.Unauthenticated || !strings.HasPrefix(s.Message(), says) {
				t.Errorf("%s, by a %s: %v", name, way, err)
			}
		}
	}
	ctx := bearing(t.Context(), strings.Repeat("a", 100<<10)) // more than the headers of a call may have
	if err := policyRevision(ctx, d.conn); err == nil || known(err) {
		t.Errorf("100 KB: %v", err)
	}
	if err := policyRevision(bearing(t.Context(), d.key), d.conn); !known(err) {
		t.Errorf("a good key after all that: %v", err)
	}
}

// TestStreamsEndWithTheirTokens: a check, and a heartbeat, after the token has expired ends its stream.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	d := newDoors(t)
	ctx, cancel := context.WithTimeout(bearing(t.Context(), d.token(t, nil)), 30*time.Second)
	defer cancel()
	decisions := consentv1.NewDecisionServiceClient(d.conn)
	checks, err := decisions.CheckStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	check := func(id uint64) error {
		if err := checks.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{
			Id: id, Check: &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "marketing_email"},
		}}}); err != nil {
			return err
		}
		_, err := checks.Recv()
		return err
	}
	watch, err := decisions.WatchInvalidations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	beat := func(n uint64) error {
		if err := watch.Send(&consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16), Heartbeat: n}); err != nil {
			return err
		}
		_, err := watch.Recv()
		return err
	}
	if err := check(1); err != nil {
		t.Fatal(err)
	}
	if err := beat(1); err != nil {
		t.Fatal(err)
	}
	d.ahead.Store(int64(time.Hour + token.Skew + time.Second))
	ended := func(name string, err error) {
		t.Helper()
		if s := status.Convert(err); s.Code() != codes.Unauthenticated || !strings.Contains(s.Message(), "expired") {
			t.Errorf("%s: %v, want UNAUTHENTICATED: expired", name, err)
		}
	}
	ended("a check", check(2))
	err = beat(2)
	for err == nil { // what was told before
		_, err = watch.Recv()
	}
	ended("a heartbeat", err)
	ended("a call", policyRevision(bearing(t.Context(), d.token(t, nil)), d.conn))
}

// TestReflectionEndsWithItsKey: a key that is taken out ends what it began.
func TestReflectionEndsWithItsKey(t *testing.T) {
	d := newDoors(t)
	stream, err := reflectionpb.NewServerReflectionClient(d.conn).ServerReflectionInfo(bearing(t.Context(), d.key))
	if err != nil {
		t.Fatal(err)
	}
	list := func() error {
		request := &reflectionpb.ServerReflectionRequest_ListServices{}
		if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: request}); err != nil {
			return err
		}
		_, err := stream.Recv()
		return err
	}
	if err := list(); err != nil {
		t.Fatal(err)
	}
	put(t, d.keyFile, "")
	d.Reload(t.Context())
	if err := list(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("after the key was taken out: %v", err)
	}
}

// TestMutualTLS: who connects with a certificate needs no other credential, and is who it says.
func TestMutualTLS(t *testing.T) {
	cert, key, roots := selfSigned(t)
	s := start(t, app.Config{TLSCert: cert, TLSKey: key, TLSClientCA: cert})
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	certified := &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{own}}
	conn := dial(t, s.GRPCAddr(), credentials.NewTLS(certified))
	if err := policyRevision(t.Context(), conn); !known(err) {
		t.Error(err)
	}
	if err := policyRevision(bearing(t.Context(), apikey.New()), conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a key that nobody configured, beside the certificate: %v", err)
	}
	bare := dial(t, s.GRPCAddr(), credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "localhost"}))
	if err := policyRevision(t.Context(), bare); status.Code(err) != codes.Unavailable {
		t.Errorf("without a certificate: %v", err)
	}
}

// TestIssuerThatIsDown: the server starts, and answers tokens when its keys have come.
func TestIssuerThatIsDown(t *testing.T) {
	issuer := tokentest.New(t, "k1", "ES256")
	s := start(t, app.Config{Callers: authn.Config{Token: token.Config{
		Issuer: "https://idp.test", Audience: "consentd", JWKS: "http://127.0.0.1:1/keys",
	}}})
	conn := dial(t, s.GRPCAddr(), insecure.NewCredentials())
	err := policyRevision(bearing(t.Context(), issuer.Token(t, tokentest.Claims(time.Now(), nil))), conn)
	if got := status.Convert(err); got.Code() != codes.Unavailable || !strings.Contains(got.Message(), "tokens") {
		t.Errorf("got %v", err)
	}
	if err := policyRevision(t.Context(), conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
}

// TestWarning: a server that asks nobody says so, once; one that does says nothing of it.
func TestWarning(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	put(t, keys, "")
	for file, want := range map[string]int{"": 1, keys: 0} {
		var log bytes.Buffer
		s := start(t, app.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Callers: authn.Config{APIKeys: file}})
		if _, err := http.Get("http://" + s.HTTPAddr() + "/healthz"); err != nil { // it serves
			t.Error(err)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), "nobody is asked who they are"); got != want {
			t.Errorf("%q: %d warnings, want %d: %s", file, got, want, log.String())
		}
	}
}

// TestCallersThatStopTheStart: a fault in what callers are known by stops the start, before anything is opened.
func TestCallersThatStopTheStart(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	put(t, garbage, "hello")
	whole := token.Config{Issuer: "i", Audience: "a", JWKS: garbage}
	for want, c := range map[string]app.Config{
		"api-keys: ": {Callers: authn.Config{APIKeys: filepath.Join(t.TempDir(), "none")}},
		fmt.Sprintf("api-keys: %s: line 1: ", garbage): {Callers: authn.Config{APIKeys: garbage}},
		"jwt-audience: is not set":                     {Callers: authn.Config{Token: token.Config{JWKS: garbage}}},
		"jwks: is no JWKS":                             {Callers: authn.Config{Token: whole}},
		"can be reached from other machines":           {GRPCAddr: "0.0.0.0:0", Callers: authn.Config{APIKeys: garbage}},
	} {
		c.HTTPAddr, c.DataDir = "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
		if c.GRPCAddr == "" {
			c.GRPCAddr = "127.0.0.1:0"
		}
		a, err := app.New(c)
		if err == nil {
			_ = a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := os.Stat(c.DataDir); err == nil {
			t.Errorf("%s: the data directory was made", want)
		}
	}
}
