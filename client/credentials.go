package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// A credential says who calls: a token or an API key, which the server knows apart. It goes with each call, and with
// each stream as it is opened; streams of checks are opened anew every minute, and others when the server ends them
// because their credential has expired. Over plaintext it goes to loopback addresses and Unix sockets only, unless
// WithInsecure permits it. A client certificate is part of WithTLS instead; a credential beside it says who calls.

// WithToken has calls carry the token that get returns, as authorization: Bearer TOKEN. It is asked for each call and
// stream, from many goroutines, and should remember the token until it is about to expire. Its error fails the call,
// with its code if it is a status and else UNAUTHENTICATED. It must end with its context: checks wait for that of their
// stream.
func WithToken(get func(context.Context) (string, error)) Option {
	return func(o *options) { o.bearers = append(o.bearers, bearer{get: get}) }
}

// WithTokenFile is WithToken with the token in a file, such as one that Kubernetes or an agent keeps fresh. It is read
// again every second at most; while it cannot be used the last good token goes on to be sent. Dial fails where it
// cannot be read at first.
func WithTokenFile(path string) Option { return withFile("the token's file", path) }

// WithAPIKeyFile is WithTokenFile with an API key, as consentctl key new makes them.
func WithAPIKeyFile(path string) Option { return withFile("the API key's file", path) }

func withFile(what, path string) Option {
	file := &credentialFile{what: what, path: path}
	return func(o *options) { o.bearers = append(o.bearers, bearer{get: file.get, check: file.open}) }
}

// bearer is what carries a credential; it implements credentials.PerRPCCredentials.
type bearer struct {
	get func(context.Context) (string, error)
	// check reports, before the first call, what is wrong; nil: nothing can be.
	check func() error
	// plaintext permits it on connections that are not protected.
	plaintext bool
}

// bearer returns the one that the options name; nil: none is.
func (o *options) bearer(local bool) (credentials.PerRPCCredentials, error) {
	if len(o.bearers) == 0 {
		return nil, nil
	}
	if len(o.bearers) > 1 {
		return nil, errors.New("WithToken, WithTokenFile and WithAPIKeyFile contradict each other: a call has one caller")
	}
	b := o.bearers[0]
	b.plaintext = local || o.plaintext
	if b.check != nil {
		if err := b.check(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	if err := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil && !b.plaintext {
		return nil, status.Error(codes.Unauthenticated, "the credential is not sent in plaintext to other machines: use TLS")
	}
	ctx, cancel := context.WithTimeout(ctx, maxCredentialWait)
	defer cancel()
	text, err := b.get(ctx)
	if err == nil {
		err = validCredential(text)
	}
	if err != nil {
		if _, ok := status.FromError(err); ok {
			return nil, err
		}
		return nil, status.Errorf(codes.Unauthenticated, "the credential is not to be had: %v", err)
	}
	return map[string]string{"authorization": "Bearer " + text}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. gRPC would refuse plaintext on Unix sockets too.
func (b bearer) RequireTransportSecurity() bool { return false }

// maxCredentialWait bounds the context that a credential is asked with: that of a stream has no deadline, and all
// checks wait for the stream.
const maxCredentialWait = 5 * time.Second

// maxCredential is more than servers take.
const maxCredential = 8 << 10

var errCredential = errors.New("has no token or key: want one line of visible ASCII without spaces, of 1 to 8192 bytes")

// validCredential keeps what HTTP would refuse out of headers; its error leaves the text out.
func validCredential(text string) error {
	if text == "" || len(text) > maxCredential || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errCredential
	}
	return nil
}

// reread is how long a file's content is taken for what the file has.
const reread = time.Second

// credentialFile is a file with a credential.
type credentialFile struct {
	what, path string

	mu sync.Mutex
	// text is the last good content, readAt when the file was read last; both are guarded by mu.
	text   string
	readAt time.Time
}

func (f *credentialFile) open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read()
}

func (f *credentialFile) get(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.readAt) >= reread {
		_ = f.read() // the last good one is sent
	}
	return f.text, nil
}

// read reads the file; f.mu is held.
func (f *credentialFile) read() error {
	f.readAt = time.Now()
	content, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("%s: %w", f.what, err)
	}
	text := strings.TrimSpace(string(content))
	if err := validCredential(text); err != nil {
		return fmt.Errorf("%s: %s %w", f.what, f.path, err)
	}
	f.text = text
	return nil
}
