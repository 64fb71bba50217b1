package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"

	"github.com/consentd/consentd/server/policy/source"
)

func readBundle(t *testing.T, content []byte, c source.Config) (*source.Files, error) {
	t.Helper()
	c.Location = filepath.Join(t.TempDir(), "bundle.tar.gz")
	write(t, c.Location, content)
	return open(t, c).Read(context.Background())
}

func TestABundleHasTheModulesAndTheDataOfItsFolder(t *testing.T) {
	dir := shipped(t)
	files, err := readBundle(t, build(t, dir), source.Config{})
	if err != nil {
		t.Fatal(err)
	}
	names := paths(files)
	for _, suffix := range []string{"controllers/example/example.rego", "controllers/example/example_test.rego",
		"lib/clock/clock.rego"} {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, suffix) }) {
			t.Errorf("no %s among %v", suffix, names)
		}
	}
	if !slices.Contains(names, "data.json") {
		t.Error("no data.json")
	}
	again, err := readBundle(t, build(t, dir), source.Config{})
	if err != nil || again.Digest() != files.Digest() {
		t.Errorf("built again it differs, or fails: %v", err)
	}
}

func TestBundlesRefused(t *testing.T) {
	const module = "package x\n\na := 1\n"
	good := []tar.Header{entry("/data.json", "{}"), entry("/x.rego", module)}
	manifest := func(content string) []byte { return archive(t, append(good, entry("/.manifest", content))...) }
	half := build(t, small(t))
	for name, row := range map[string]struct {
		content []byte
		says    []string
	}{
		"garbage":             {[]byte("<html>not found</html>"), []string{"is no bundle", "opa build"}},
		"nothing":             {nil, []string{"is no bundle"}},
		"cut off":             {half[:len(half)/2], []string{"damaged or cut off"}},
		"a path that leaves":  {archive(t, entry("../../etc/x.rego", module)), []string{`"../../etc/x.rego"`, "leaves the bundle"}},
		"backslashes that do": {archive(t, entry(`..\x.rego`, module)), []string{"leaves the bundle"}},
		"a symbolic link": {archive(t, tar.Header{Name: "x.rego", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
			[]string{`"x.rego"`, "no links"}},
		"a hard link":  {archive(t, tar.Header{Name: "x.rego", Typeflag: tar.TypeLink, Linkname: "y"}), []string{"no links"}},
		"a file twice": {archive(t, entry("/x.rego", module), entry("x.rego", module)), []string{`"x.rego"`, "twice"}},
		"a bomb": {archive(t, entry("/data.json", `{"a":"`+strings.Repeat("0", 9<<20)+`"}`)),
			[]string{"larger than 8 MiB", "--policies-max-size"}},
		"a sparse file": {sparse(t), []string{"larger than 8 MiB"}},
		"deep data": {
			archive(t, entry("/data.json", `{"a":[`+strings.Repeat(strings.Repeat("[", 500)+strings.Repeat("]", 500)+",", 100)+`1]}`)),
			[]string{"data.json", "larger than 8 MiB"},
		},
		"many files":    {archive(t, many(10_001)...), []string{"more than 10000 files"}},
		"a newer Rego":  {manifest(`{"rego_version": 2}`), []string{".manifest", "version 2 of Rego"}},
		"an older Rego": {manifest(`{"rego_version": 0}`), []string{"version 0 of Rego"}},
		"one file in newer": {manifest(`{"rego_version": 1, "file_rego_versions": {"/x.rego": 7}}`),
			[]string{"x.rego", "version 7"}},
		"a newer contract": {manifest(`{"metadata": {"consentd": {"contract": 2}}}`),
			[]string{".manifest", "version 2 of the policies' contract", "newer server"}},
		"a contract of words":      {manifest(`{"metadata": {"consentd": {"contract": "two"}}}`), []string{"contract"}},
		"a broken manifest":        {manifest(`{`), []string{"manifest"}},
		"rules in a hidden folder": {archive(t, entry("/.x/x.rego", module)), []string{".x/x.rego", "hidden", "move it"}},
		"two values in data": {archive(t, entry("/data.json", `{"a": 1} {"b": 2}`)),
			[]string{"data.json", "after top-level value", "correct it"}},
		"broken data":       {archive(t, entry("/data.json", `{"a":`)), []string{"data.json"}},
		"broken rules":      {archive(t, entry("/x.rego", "package x\n\na if {\n")), []string{"x.rego:"}},
		"roots that forbid": {manifest(`{"roots": ["elsewhere"]}`), []string{"roots"}},
		"a delta": {archive(t, entry("/patch.json", `{"data": [{"op": "upsert", "path": "/a", "value": 1}]}`)),
			[]string{"delta bundle", "opa build"}},
		"WebAssembly": {
			archive(t, append(good, entry("/policy.wasm", "x"),
				entry("/.manifest", `{"wasm":[{"entrypoint":"x/a","module":"/policy.wasm"}]}`))...),
			[]string{"WebAssembly", "--target"},
		},
		"a signature, no key": {archive(t, append(good, entry("/.signatures.json", `{"signatures": ["a.b.c"]}`))...),
			[]string{"is signed", "--policies-key"}},
		"a signature not a JWT": {archive(t, append(good, entry("/.signatures.json", `{`))...), []string{"signatures"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readBundle(t, row.content, source.Config{MaxBytes: 8 << 20})
			expect(t, err, row.says...)
		})
	}
}

// sparse is an archive of a file of a tebibyte, all of it a hole, as GNU tar packs it.
func sparse(t *testing.T) []byte {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString("" +
		"H4sIAAAAAAACA+3UwYrCMBAG4JzzFH2CNJNouj30qntaBPEBBsyhoq0kFcSn39AFqT3YixRl/++SMAmEMPmj8g1fvz3vfYj5njtW" +
		"h9g24qV04haLfkzGo6alu8/7OhmdtmdXMYNL7Dik48X/ZEy2/tmpeOYQvTrxoQ0VyVG1blJVS1MOqw2ffHV/MdIWw8Xg+Rjrm69I" +
		"l+WSyJmiKJwU8GZUnrq27Zu2qo9e0Zc19sUfwUT+afgX/OXfaWtFpufMf2jb7tm+qfXx5T4EyceEamQUAAAAAAAAAAAAAAAAAAAA" +
		"4KP8AtFsQ7MAKAAA")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// expect wants an error whose single line, file:line and all, says all of these.
func expect(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want refused: %q", says)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func many(n int) (entries []tar.Header) {
	for i := range n {
		entries = append(entries,
			entry(strings.Repeat("x", 1+i%50)+"/"+string(rune('a'+i%26))+strings.Repeat("y", i/26%90)+strings.Repeat("z", i/2340), ""))
	}
	return entries
}

func TestAnOldContractIsRead(t *testing.T) {
	content := archive(t, entry("/x.rego", "package x\n"),
		entry("/.manifest", `{"metadata": {"consentd": {"contract": 1}}, "revision": "r"}`))
	if _, err := readBundle(t, content, source.Config{}); err != nil {
		t.Error(err)
	}
}

// keys are a private key in PEM, for signing, and a file of its public half.
func keys(t *testing.T, algorithm string) (private, public string) {
	t.Helper()
	var key interface{ Public() any }
	if strings.HasPrefix(algorithm, "ES") {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key = publisher{k, k.Public()}
	} else {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key = publisher{k, k.Public()}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.(publisher).private)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public = filepath.Join(t.TempDir(), "key.pem")
	write(t, public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), public
}

type publisher struct{ private, public any }

func (p publisher) Public() any { return p.public }

func signed(private, algorithm, id string) func(*compile.Compiler) {
	return func(c *compile.Compiler) {
		c.WithBundleSigningConfig(bundle.NewSigningConfig(private, algorithm, ""))
		if id != "" {
			c.WithBundleVerificationKeyID(id)
		}
	}
}

func TestSignedBundles(t *testing.T) {
	dir := small(t)
	for _, algorithm := range []string{"RS256", "PS384", "ES256"} {
		private, public := keys(t, algorithm)
		content := build(t, dir, signed(private, algorithm, ""))
		t.Run(algorithm, func(t *testing.T) {
			files, err := readBundle(t, content, source.Config{Key: source.Key{File: public, Algorithm: algorithm}})
			if err != nil {
				t.Fatal(err)
			}
			if len(paths(files)) != 2 {
				t.Errorf("files: %v", paths(files))
			}
		})
		t.Run(algorithm+" by another key", func(t *testing.T) {
			_, other := keys(t, algorithm)
			_, err := readBundle(t, content, source.Config{Key: source.Key{File: other, Algorithm: algorithm}})
			expect(t, err, "signature does not hold", "policies-key")
		})
		t.Run(algorithm+" of another scope", func(t *testing.T) {
			_, err := readBundle(t, content, source.Config{Key: source.Key{File: public, Algorithm: algorithm, Scope: "write"}})
			expect(t, err, "signature does not hold", "scope")
		})
		t.Run(algorithm+" that does not name the key", func(t *testing.T) {
			_, err := readBundle(t, content, source.Config{Key: source.Key{File: public, Algorithm: algorithm, ID: "ours"}})
			expect(t, err, "signature does not hold")
		})
		t.Run(algorithm+" not at all", func(t *testing.T) {
			_, err := readBundle(t, build(t, dir), source.Config{Key: source.Key{File: public, Algorithm: algorithm}})
			expect(t, err, "is not signed", "opa build --signing-key")
		})
	}
}

func TestASignedBundleThatWasChanged(t *testing.T) {
	private, public := keys(t, "RS256")
	content := build(t, small(t), signed(private, "RS256", ""))
	key := source.Config{Key: source.Key{File: public}}
	t.Run("a file more", func(t *testing.T) {
		_, err := readBundle(t,
			repack(t, content, func(name string, old []byte) []byte { return old }, entry("/extra.rego", "package extra\n")), key)
		expect(t, err, "signature does not hold", "extra.rego")
	})
	t.Run("a file changed", func(t *testing.T) {
		_, err := readBundle(t, repack(t, content, func(name string, old []byte) []byte {
			if strings.HasSuffix(name, "a.rego") {
				return append(bytes.Clone(old), "# more\n"...)
			}
			return old
		}), key)
		expect(t, err, "signature does not hold", "a.rego")
	})
	t.Run("a file less", func(t *testing.T) {
		_, err := readBundle(t, repack(t, content, func(name string, old []byte) []byte {
			if strings.HasSuffix(name, "a.rego") {
				return nil
			}
			return old
		}), key)
		expect(t, err, "signature", "a.rego")
	})
}

func TestKeysRefused(t *testing.T) {
	private, public := keys(t, "RS256")
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, []byte("hunter2"))
	privateFile := filepath.Join(t.TempDir(), "private.pem")
	write(t, privateFile, []byte(private))
	for name, row := range map[string]struct {
		key  source.Key
		says []string
	}{
		"no file":           {source.Key{File: "nowhere.pem"}, []string{"policies-key", "nowhere.pem"}},
		"a secret":          {source.Key{File: secret}, []string{"policies-key", "no PEM"}},
		"a private key":     {source.Key{File: privateFile}, []string{"policies-key", "private key"}},
		"a shared secret":   {source.Key{File: public, Algorithm: "HS256"}, []string{"policies-key-algorithm", "HS256"}},
		"none":              {source.Key{File: public, Algorithm: "none"}, []string{"policies-key-algorithm", "none"}},
		"an elliptic curve": {source.Key{File: public, Algorithm: "ES256"}, []string{"policies-key-algorithm", "ES256", "does not suit"}},
		"an id alone":       {source.Key{ID: "ours"}, []string{"policies-key-id", "policies-key"}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, source.Config{Location: "b.tar.gz", Key: row.key}.Validate(), row.says...)
		})
	}
}
