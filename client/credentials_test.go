package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/servertest"
)

// guarded starts a server that lets in who has the key.
func guarded(t *testing.T) (address, key string) {
	t.Helper()
	key = apikey.New()
	digest := sha256.Sum256([]byte(key))
	keys := file(t, "- id: mailer\n  sha256: "+hex.EncodeToString(digest[:])+"\n")
	s := servertest.Start(t, servertest.Options{Configure: func(c *app.Config) { c.Callers.APIKeys = keys }})
	return s.Addr, key
}

// known reports whether a call was answered to somebody; what they may do is another question.
func known(err error) bool { return err == nil || status.Code(err) == codes.PermissionDenied }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCredentials: checks by streams and by calls, and near caches, carry the credential.
func TestCredentials(t *testing.T) {
	address, key := guarded(t)
	from := func(text string, err error) client.Option {
		return client.WithToken(func(context.Context) (string, error) { return text, err })
	}
	for name, test := range map[string]struct {
		options []client.Option
		code    codes.Code
	}{
		"a key's file":          {[]client.Option{client.WithAPIKeyFile(file(t, key+"\n"))}, codes.OK},
		"a token's file":        {[]client.Option{client.WithTokenFile(file(t, " "+key+"\r\n"))}, codes.OK},
		"a function":            {[]client.Option{from(key, nil)}, codes.OK},
		"none":                  {nil, codes.Unauthenticated},
		"another key":           {[]client.Option{from(apikey.New(), nil)}, codes.Unauthenticated},
		"two lines":             {[]client.Option{from(key+"\nx", nil)}, codes.Unauthenticated},
		"a function that fails": {[]client.Option{from("", errors.New("no token today"))}, codes.Unauthenticated},
		"with a status":         {[]client.Option{from("", status.Error(codes.ResourceExhausted, "slow down"))}, codes.ResourceExhausted},
	} {
		for way, more := range map[string][]client.Option{
			"streams": nil, "calls": {client.WithoutCoalescing()}, "a near cache": {client.WithNearCache(client.NearCacheConfig{})},
		} {
			_, err := check(t, address, append(more, test.options...)...)
			if status.Code(err) != test.code && !(test.code == codes.OK && known(err)) {
				t.Errorf("%s, by %s: %v, want %v", name, way, err, test.code)
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Errorf("%s: the error has the key: %v", name, err)
			}
		}
	}
}

// TestCredentialFileIsFollowed: what the file has counts soon.
func TestCredentialFileIsFollowed(t *testing.T) {
	address, key := guarded(t)
	path := file(t, apikey.New())
	c, err := client.Dial(address, client.WithAPIKeyFile(path), client.WithoutCoalescing(), client.WithTimeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await := func(want codes.Code) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
			_, err := c.Check(t.Context(), client.NewCheck("example", "s", "marketing_email"))
			if status.Code(err) == want || want == codes.OK && known(err) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
	}
	await(codes.Unauthenticated)
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(key)
	await(codes.OK)
	write(apikey.New())
	await(codes.Unauthenticated)
}

func TestCredentialsThatCannotBe(t *testing.T) {
	for want, options := range map[string][]client.Option{
		"the API key's file: open /none":  {client.WithAPIKeyFile("/none")},
		"has no token or key":             {client.WithTokenFile(file(t, "\n"))},
		"one line of visible ASCII":       {client.WithTokenFile(file(t, "two words"))},
		"contradict each other":           {client.WithTokenFile(file(t, "x")), client.WithAPIKeyFile(file(t, "y"))},
		"WithTokenFile and WithAPIKeyFil": {client.WithToken(nil), client.WithAPIKeyFile(file(t, "y"))},
	} {
		if _, err := client.Dial("127.0.0.1:1", options...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestCredentialsAndPlaintext: a credential goes in plaintext to this machine alone, unless that is asked for; also
// where an option turned TLS off.
func TestCredentialsAndPlaintext(t *testing.T) {
	var seen atomic.Int64
	intercept := func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("authorization")) == 1 {
			seen.Add(1)
		}
		return handle(ctx, r)
	}
	address := serve(t, listen(t, "tcp", "127.0.0.1:0"), grpc.UnaryInterceptor(intercept))
	reroute := client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}))
	token := client.WithTokenFile(file(t, "t"))
	plain := client.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials()))
	for _, test := range []struct {
		target  string
		options []client.Option
		code    codes.Code
		sent    int64
	}{
		{address, nil, codes.OK, 1},
		{"192.0.2.1:7070", []client.Option{plain}, codes.Unauthenticated, 0},
		{"192.0.2.1:7070", []client.Option{client.WithInsecure()}, codes.OK, 1},
	} {
		seen.Store(0)
		_, err := check(t, test.target, append(test.options, token, reroute, client.WithoutCoalescing())...)
		if status.Code(err) != test.code || seen.Load() != test.sent {
			t.Errorf("%s: %v, sent %d times, want %v and %d", test.target, err, seen.Load(), test.code, test.sent)
		}
	}
}

// TestStreamsTakeNewTokens: where the server ends a stream because its token has expired, checks go on with the next.
func TestStreamsTakeNewTokens(t *testing.T) {
	address, key := guarded(t)
	var asked atomic.Int64
	c, err := client.Dial(address, client.WithTimeout(30*time.Second), client.WithToken(func(context.Context) (string, error) {
		if asked.Add(1) == 1 {
			return apikey.New(), nil // refused
		}
		return key, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "marketing_email"}
	if _, err := c.Check(t.Context(), request); !known(err) {
		t.Errorf("the check whose stream was refused: %v", err)
	}
}
