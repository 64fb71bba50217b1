package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/certificate"
)

// pair is a certificate and its key, in PEM.
type pair struct{ cert, key []byte }

// issue makes a certificate for localhost with this serial number, which is valid for life from now on.
func issue(t testing.TB, serial int64, life time.Duration) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// folder is where a test's files are.
type folder struct {
	testing.TB
	dir string
}

func (f folder) write(name string, content []byte) {
	f.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), content, 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f folder) put(p pair) {
	f.Helper()
	f.write("tls.crt", p.cert)
	f.write("tls.key", p.key)
}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// link makes a symbolic link, or turns it by renaming another over it.
func (f folder) link(target, name string) {
	f.Helper()
	if err := os.Symlink(target, f.path(name+"_tmp")); err != nil {
		f.Fatal(err)
	}
	if err := os.Rename(f.path(name+"_tmp"), f.path(name)); err != nil {
		f.Fatal(err)
	}
}

// open opens the pair of the folder, which logs to the buffer.
func (f folder) open(log *bytes.Buffer) *certificate.Pair {
	f.Helper()
	p, err := certificate.Open(certificate.Config{
		CertFile: f.path("tls.crt"), KeyFile: f.path("tls.key"), Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// handshake connects and returns the serial number of the server's certificate, and whether a session was resumed.
func handshake(t testing.TB, p *certificate.Pair, sessions tls.ClientSessionCache) (serial int64, resumed bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var served sync.WaitGroup
	served.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			t.Errorf("serving: %v", err)
			return
		}
		server := tls.Server(conn, p.TLS())
		if _, err := server.Write([]byte("x")); err != nil {
			t.Errorf("serving: %v", err)
		}
		_ = server.Close()
	})
	client, err := tls.Dial(
		"tcp", l.Addr().String(), &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, ClientSessionCache: sessions},
	)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	// Reading also takes the session's ticket, which comes after the handshake.
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatalf("reading: %v", err)
	}
	_, _ = client.Read(make([]byte, 1))
	_ = client.Close()
	served.Wait()
	state := client.ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state.DidResume
}

func expect(t testing.TB, p *certificate.Pair, serial int64) {
	t.Helper()
	if got, _ := handshake(t, p, nil); got != serial {
		t.Errorf("certificate %d is served, want %d", got, serial)
	}
}

// second is how soon a change is live.
func second() {
	time.Sleep(time.Second) // of the bubble's clock
	synctest.Wait()
}

func TestFilesAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, log := folder{t, t.TempDir()}, &bytes.Buffer{}
		f.put(issue(t, 1, time.Hour))
		p := f.open(log)
		p.Follow()
		defer p.Close()
		for serial := int64(2); serial < 6; serial++ {
			f.put(issue(t, serial, time.Hour))
			second()
			expect(t, p, serial)
		}
		if s := p.Stats(); s.Loaded != 4 || s.Failed != 0 || s.Failing {
			t.Errorf("stats = %+v", s)
		}
		if n := strings.Count(log.String(), "tls-cert: the file was taken in"); n != 4 {
			t.Errorf("%d lines in the log, want 4:\n%s", n, log)
		}
	})
}

// Kubernetes turns a link beside the links that the paths name, and removes what it showed
// before. It does so again and again.
func TestLinksOfSecretsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, t.TempDir()}
		publish := func(serial int64, version string) {
			q := issue(t, serial, time.Hour)
			f.write(version+"/tls.crt", q.cert)
			f.write(version+"/tls.key", q.key)
			f.link(version, "..data")
		}
		publish(1, "..v1")
		f.link("..data/tls.crt", "tls.crt")
		f.link("..data/tls.key", "tls.key")
		p := f.open(&bytes.Buffer{})
		p.Follow()
		defer p.Close()
		last := "..v1"
		for serial, version := range map[int64]string{2: "..v2", 3: "..v3", 4: "..v4"} {
			publish(serial, version)
			if err := os.RemoveAll(f.path(last)); err != nil {
				t.Fatal(err)
			}
			last = version
			second()
			expect(t, p, serial)
		}
	})
}

// A link may also be turned anywhere above the files.
func TestALinkInThePathIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, t.TempDir()}
		for serial, version := range []string{"v0", "v1"} {
			q := issue(t, int64(serial), time.Hour)
			f.write(version+"/certs/tls.crt", q.cert)
			f.write(version+"/certs/tls.key", q.key)
		}
		f.link("v0", "current")
		below := folder{t, f.path("current/certs")}
		p := below.open(&bytes.Buffer{})
		p.Follow()
		defer p.Close()
		f.link("v1", "current")
		second()
		expect(t, p, 1)
	})
}

// A pair that cannot be used changes nothing, and is told once.
func TestTheLastGoodPairStays(t *testing.T) {
	for name, row := range map[string]struct {
		spoil func(f folder)
		says  string
	}{
		"gone":               {func(f folder) { _ = os.Remove(f.path("tls.crt")) }, "no such file"},
		"a key that is gone": {func(f folder) { _ = os.Remove(f.path("tls.key")) }, "tls-key"},
		"not PEM":            {func(f folder) { f.write("tls.crt", []byte("nonsense")) }, "PEM"},
		"half written":       {func(f folder) { q := issue(f, 9, time.Hour); f.write("tls.crt", q.cert[:len(q.cert)/2]) }, "PEM"},
		"the key of another": {func(f folder) { f.write("tls.key", issue(f, 9, time.Hour).key) }, "private key does not match"},
		"expired":            {func(f folder) { f.put(issue(f, 9, -time.Hour)) }, "expired on"},
		"a folder in its place": {
			func(f folder) { _ = os.Remove(f.path("tls.crt")); _ = os.Mkdir(f.path("tls.crt"), 0o700) }, "is no file",
		},
		"a pipe in its place": {
			func(f folder) { _ = os.Remove(f.path("tls.crt")); _ = syscall.Mkfifo(f.path("tls.crt"), 0o600) }, "is no file",
		},
		"an empty file":          {func(f folder) { f.write("tls.crt", nil) }, "PEM"},
		"a link without an end":  {func(f folder) { f.link("nowhere", "tls.crt") }, "no such file"},
		"a link that goes round": {func(f folder) { f.link("tls.crt", "tls.crt") }, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, log := folder{t, t.TempDir()}, &bytes.Buffer{}
				f.put(issue(t, 1, time.Hour))
				p := f.open(log)
				p.Follow()
				defer p.Close()
				row.spoil(f)
				second()
				time.Sleep(time.Minute)
				expect(t, p, 1)
				if s := p.Stats(); s.Failed != 1 || !s.Failing || s.Loaded != 0 {
					t.Errorf("stats = %+v", s)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), row.says) {
					t.Errorf("the log has %d lines, want one that says %q:\n%s", n, row.says, log)
				}
				_ = os.RemoveAll(f.path("tls.crt"))
				f.put(issue(t, 2, time.Hour))
				second()
				expect(t, p, 2)
				if s := p.Stats(); s.Failing || s.Loaded != 1 {
					t.Errorf("mended, but stats = %+v", s)
				}
			})
		})
	}
}

func TestThePairInUseComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, log, good := folder{t, t.TempDir()}, &bytes.Buffer{}, issue(t, 1, time.Hour)
		f.put(good)
		p := f.open(log)
		p.Follow()
		defer p.Close()
		f.write("tls.crt", nil)
		second()
		f.put(good)
		second()
		if s := p.Stats(); s.Failing || s.Loaded != 0 || s.Failed != 1 {
			t.Errorf("stats = %+v", s)
		}
		if !strings.Contains(log.String(), "the file has what counts again") {
			t.Errorf("the log does not say so:\n%s", log)
		}
	})
}

// A session that began under one certificate must not be resumed under the next: its client
// would go on to trust the old one.
func TestSessionsEndWithTheirCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, t.TempDir()}
		f.put(issue(t, 1, time.Hour))
		p := f.open(&bytes.Buffer{})
		p.Follow()
		defer p.Close()
		sessions := tls.NewLRUClientSessionCache(8)
		resume := func(want bool, when string) {
			t.Helper()
			if _, got := handshake(t, p, sessions); got != want {
				t.Errorf("%s: resumed = %v, want %v", when, got, want)
			}
		}
		resume(false, "at first")
		resume(true, "again")
		f.put(issue(t, 2, time.Hour))
		second()
		resume(false, "under the next certificate")
		resume(true, "again")
		p.Renew()
		resume(false, "under the next day's ticket key")
	})
}

func TestReload(t *testing.T) {
	f, log := folder{t, t.TempDir()}, &bytes.Buffer{}
	f.put(issue(t, 1, time.Hour))
	p := f.open(log)
	if changed, err := p.Reload(); changed || err != nil {
		t.Errorf("nothing new: %v, %v", changed, err)
	}
	f.put(issue(t, 2, time.Hour))
	if changed, err := p.Reload(); !changed || err != nil {
		t.Errorf("a new pair: %v, %v", changed, err)
	}
	expect(t, p, 2)
	f.write("tls.key", nil)
	for range 2 {
		if changed, err := p.Reload(); changed || err == nil {
			t.Errorf("a bad pair: %v, %v", changed, err)
		}
	}
	expect(t, p, 2)
}

func TestOpenRefuses(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.put(issue(t, 1, time.Hour))
	for name, c := range map[string]certificate.Config{
		"tls-cert":          {CertFile: f.path("none"), KeyFile: f.path("tls.key")},
		"tls-key":           {CertFile: f.path("tls.crt"), KeyFile: f.path("none")},
		"tls-cert, tls-key": {CertFile: f.path("tls.crt"), KeyFile: f.path("tls.crt")},
	} {
		if _, err := certificate.Open(c); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestAnExpiredCertificateIsSaidAtTheStart(t *testing.T) {
	f, log := folder{t, t.TempDir()}, &bytes.Buffer{}
	f.put(issue(t, 1, -time.Hour))
	p := f.open(log)
	if !strings.Contains(log.String(), "has expired") {
		t.Errorf("the log does not say so:\n%s", log)
	}
	if _, err := p.Reload(); err != nil {
		t.Errorf("what is in use anyway: %v", err)
	}
}

func BenchmarkRead(b *testing.B) {
	f := folder{b, b.TempDir()}
	f.put(issue(b, 1, time.Hour))
	p := f.open(&bytes.Buffer{})
	for b.Loop() {
		if _, err := p.Reload(); err != nil {
			b.Fatal(err)
		}
	}
}
