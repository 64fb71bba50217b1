package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/limit"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/usage"
)

// parse runs the command and returns the options that it would serve with.
func parse(t *testing.T, environ []string, args ...string) (options, error) {
	t.Helper()
	var got options
	command := newCommand(environ, func(_ context.Context, o options, _ io.Writer) error {
		got = o
		return nil
	})
	command.SetArgs(append([]string{}, args...))
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
	err := command.Execute()
	return got, err
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "consentd.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sample is a value of a setting, and what it must come to.
type sample struct {
	text string
	took func(options) bool
}

// samples has one for each setting.
func samples(t *testing.T) map[string]sample {
	dir, certificate, key := t.TempDir(), file(t, ""), file(t, publicKey(t))
	headers, authority := file(t, "authorization: Bearer x\n"), file(t, selfSigned(t))
	all := map[string]sample{
		"grpc-addr":              {"127.0.0.1:1", func(o options) bool { return o.config.GRPCAddr == "127.0.0.1:1" }},
		"http-addr":              {"127.0.0.1:2", func(o options) bool { return o.config.HTTPAddr == "127.0.0.1:2" }},
		"data-dir":               {"elsewhere", func(o options) bool { return o.config.DataDir == "elsewhere" }},
		"answers":                {"off", func(o options) bool { return o.config.AnswersOff }},
		"cache-size":             {"3MiB", func(o options) bool { return o.config.CacheSize == 3<<20 }},
		"policies":               {dir, func(o options) bool { return o.config.PolicySource.Location == dir }},
		"policies-poll":          {"5s", func(o options) bool { return o.config.PolicySource.Poll == 5*time.Second }},
		"policies-keep":          {"7", func(o options) bool { return o.config.PoliciesKeep == 7 }},
		"policies-max-size":      {"3MiB", func(o options) bool { return o.config.PolicySource.MaxBytes == 3<<20 }},
		"policies-key":           {key, func(o options) bool { return o.config.PolicySource.Key.File == key }},
		"policies-key-algorithm": {"PS512", func(o options) bool { return o.config.PolicySource.Key.Algorithm == "PS512" }},
		"policies-key-id":        {"ours", func(o options) bool { return o.config.PolicySource.Key.ID == "ours" }},
		"policies-key-scope":     {"write", func(o options) bool { return o.config.PolicySource.Key.Scope == "write" }},
		"policy-engine":          {"topdown", func(o options) bool { return o.config.PolicyEngine == policy.Topdown }},
		"shadow-rate":            {"1/7", func(o options) bool { return o.config.ShadowRate == 7 }},
		"tls-cert":               {certificate, func(o options) bool { return o.config.TLSCert == certificate }},
		"tls-key":                {certificate, func(o options) bool { return o.config.TLSKey == certificate }},
		"tls-client-ca":          {certificate, func(o options) bool { return o.config.TLSClientCA == certificate }},
		"policies-token-file":    {key, func(o options) bool { return o.config.PolicySource.TokenFile == key }},
		"policies-client-cert":   {key, func(o options) bool { return o.config.PolicySource.ClientCertFile == key }},
		"policies-client-key":    {key, func(o options) bool { return o.config.PolicySource.ClientKeyFile == key }},
		"policies-ca":            {key, func(o options) bool { return o.config.PolicySource.CAFile == key }},
		"api-keys":               {key, func(o options) bool { return o.config.Callers.APIKeys == key }},
		"jwt-issuer":             {"i2", func(o options) bool { return o.config.Callers.Token.Issuer == "i2" }},
		"jwt-audience":           {"a2", func(o options) bool { return o.config.Callers.Token.Audience == "a2" }},
		"jwks":                   {key, func(o options) bool { return o.config.Callers.Token.JWKS == key }},
		"jwks-refresh":           {"1m", func(o options) bool { return o.config.Callers.Token.Refresh == time.Minute }},
		"insecure":               {"true", func(o options) bool { return o.config.Insecure }},
		"drain-timeout":          {"3s", func(o options) bool { return o.config.DrainTimeout == 3*time.Second }},
		"admin-addr":             {"[::1]:7072", func(o options) bool { return o.config.Admin.Addr == "[::1]:7072" }},
		"otlp-endpoint":          {"a:4317", func(o options) bool { return o.config.Telemetry.Endpoint == "a:4317" }},
		"otlp-headers":           {headers, func(o options) bool { return o.config.Telemetry.HeadersFile == headers }},
		"otlp-ca":                {authority, func(o options) bool { return o.config.Telemetry.CAFile == authority }},
		"trace-sample":           {"0.5", func(o options) bool { return o.config.Telemetry.Sample == 0.5 }},
		"audit-file":             {"acts.log", func(o options) bool { return o.config.Acts.File == "acts.log" }},
		"audit-rotate":           {"3MiB", func(o options) bool { return o.config.Acts.Rotate == 3<<20 }},
		"usage-keep":             {"30", func(o options) bool { return o.config.Usage.KeepDays == 30 }},
		"log-level":              {"warn", func(o options) bool { return o.logLevel == slog.LevelWarn }},
		"log-format":             {"json", func(o options) bool { return o.logFormat == "json" }},
		"caller-rate":            {"10", func(o options) bool { return o.config.Limits.Each.Rate == 10 }},
		"caller-concurrency":     {"10", func(o options) bool { return o.config.Limits.Each.Concurrency == 10 }},
		"caller-limits": {"spiffe://a/b=1/2,c=0/3", func(o options) bool {
			return maps.Equal(o.config.Limits.Callers, map[string]limit.CallerLimit{
				"spiffe://a/b": {Rate: 1, Concurrency: 2}, "c": {Concurrency: 3},
			})
		}},
		"queue-target":                {"7ms", func(o options) bool { return o.config.Limits.QueueTarget == 7*time.Millisecond }},
		"max-connections":             {"70", func(o options) bool { return o.config.Limits.MaxConnections == 70 }},
		"max-connections-per-address": {"7", func(o options) bool { return o.config.Limits.MaxConnectionsPerAddress == 7 }},
		"default-timeout":             {"off", func(o options) bool { return o.config.Limits.Timeout == limit.Off }},
		"access":                      {key, func(o options) bool { return o.config.Access.File == key }},
		"connection-age":              {"1m", func(o options) bool { return o.config.Limits.ConnectionAge == time.Minute }},
	}
	maps.Copy(all, logSamples(t))
	maps.Copy(all, storeSamples())
	return all
}

// storeSamples are those of a store that nodes share.
func storeSamples() map[string]sample {
	const a, b = "postgres://a/b", "postgresql://c/d"
	return map[string]sample{
		"store": {a, func(o options) bool { return o.config.Store.URL == a }},
		"read-replicas": {a + ", " + b, func(o options) bool {
			return slices.Equal(o.config.Store.ReadReplicas, []string{a, b})
		}},
		"max-staleness":     {"700ms", func(o options) bool { return o.config.Store.MaxStaleness == 700*time.Millisecond }},
		"node-lease":        {"3s", func(o options) bool { return o.config.Store.Lease == 3*time.Second }},
		"node-name":         {"n1", func(o options) bool { return o.config.Store.Name == "n1" }},
		"store-connections": {"7", func(o options) bool { return o.config.Store.Connections == 7 }},
	}
}

// logSamples are those of the decision log.
func logSamples(t *testing.T) map[string]sample {
	log := func(text string, field func(decisionlog.Config) any, want any) sample {
		return sample{text, func(o options) bool { return field(o.config.DecisionLog) == want }}
	}
	type config = decisionlog.Config
	subjects := file(t, "k1 "+strings.Repeat("0f", 32)+"\n")
	return map[string]sample{
		"decision-log":             log("otlps://a:4317", func(c config) any { return c.Sink }, "otlps://a:4317"),
		"decision-log-decisions":   log("deny", func(c config) any { return c.Decisions }, "deny"),
		"decision-log-purposes":    log("p=1/9", func(c config) any { return c.Purposes }, "p=1/9"),
		"decision-log-subject-key": log(subjects, func(c config) any { return c.SubjectKey }, subjects),
		"decision-log-rules":       log("r.rego", func(c config) any { return c.Rules }, "r.rego"),
		"decision-log-overflow":    log("block", func(c config) any { return c.Overflow }, decisionlog.Block),
		"decision-log-spill":       log("spilled", func(c config) any { return c.SpillFile }, "spilled"),
		"decision-log-buffer":      log("3MiB", func(c config) any { return c.Buffer }, int64(3<<20)),
		"decision-log-file-size":   log("3MiB", func(c config) any { return c.FileSize }, int64(3<<20)),
		"decision-log-file-age":    log("3h", func(c config) any { return c.FileAge }, 3*time.Hour),
		"decision-log-file-total":  log("3GiB", func(c config) any { return c.FileTotal }, int64(3<<30)),
		"decision-log-tls-ca":      log("ca", func(c config) any { return c.TLSCA }, "ca"),
		"decision-log-tls-cert":    log("cert", func(c config) any { return c.TLSCert }, "cert"),
		"decision-log-tls-key":     log("key", func(c config) any { return c.TLSKey }, "key"),
	}
}

// selfSigned is a PEM of a certificate.
func selfSigned(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// publicKey is a PEM of an RSA key.
func publicKey(t *testing.T) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Every setting can be set from every source.
func TestEverySettingFromEverySource(t *testing.T) {
	values := samples(t)
	pair := values["tls-cert"].text
	for _, s := range settings() {
		sample, ok := values[s.name]
		if !ok {
			t.Errorf("%s has no sample", s.name)
			continue
		}
		var with []string
		switch {
		case strings.HasPrefix(s.name, "policies-client-"), s.name == "policies-ca", s.name == "policies-token-file": // for URLs
			with = []string{"CONSENTD_POLICIES=https://bundles.example/b",
				"CONSENTD_POLICIES_CLIENT_CERT=" + values["policies-client-cert"].text,
				"CONSENTD_POLICIES_CLIENT_KEY=" + values["policies-client-key"].text}
		case strings.HasPrefix(s.name, "jw"): // tokens need all three
			for _, variable := range []string{"CONSENTD_JWT_ISSUER", "CONSENTD_JWT_AUDIENCE", "CONSENTD_JWKS"} {
				if variable != s.variable() {
					with = append(with, variable+"=x")
				}
			}
		case strings.HasPrefix(s.name, "tls-"): // a certificate needs a key, and the other way round
			with = []string{"CONSENTD_TLS_CERT=" + pair, "CONSENTD_TLS_KEY=" + pair}
		case s.name == "read-replicas": // they are of a primary
			with = []string{"CONSENTD_STORE=postgres://a/b"}
		case strings.HasPrefix(s.name, "otlp-"): // what is for a collector needs one
			with = []string{"CONSENTD_OTLP_ENDPOINT=a:4317"}
		case strings.HasPrefix(s.name, "decision-log-"): // and what is for a log needs that
			with = []string{"CONSENTD_DECISION_LOG=x"}
			switch s.name {
			case "decision-log-tls-cert":
				with = append(with, "CONSENTD_DECISION_LOG_TLS_KEY=x")
			case "decision-log-tls-key":
				with = append(with, "CONSENTD_DECISION_LOG_TLS_CERT=x")
			}
		case strings.HasPrefix(s.name, "policies-key"): // a key needs a bundle, and what is said of a key needs the key
			with = []string{"CONSENTD_POLICIES=bundle.tar.gz", "CONSENTD_POLICIES_KEY=" + values["policies-key"].text}
		}
		for source, run := range map[string]func() (options, error){
			"flag":     func() (options, error) { return parse(t, with, "--"+s.name+"="+sample.text) },
			"variable": func() (options, error) { return parse(t, append(with, s.variable()+"="+sample.text)) },
			"file": func() (options, error) {
				return parse(t, with, "--config", file(t, fmt.Sprintf("%s: %q\n", s.name, sample.text)))
			},
		} {
			t.Run(s.name+"/"+source, func(t *testing.T) {
				o, err := run()
				if err != nil {
					t.Fatal(err)
				}
				if !sample.took(o) {
					t.Errorf("%s was not taken: %+v", sample.text, o)
				}
			})
		}
	}
}

func TestAFlagWinsOverTheEnvironmentOverTheFile(t *testing.T) {
	path := file(t, "grpc-addr: 127.0.0.1:1\nhttp-addr: 127.0.0.1:1\ndata-dir: file\n")
	environ := []string{"CONSENTD_CONFIG=" + path, "CONSENTD_GRPC_ADDR=127.0.0.1:2", "CONSENTD_HTTP_ADDR=127.0.0.1:2", "HOME=/"}
	o, err := parse(t, environ, "--grpc-addr", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	c := o.config
	if c.GRPCAddr != "127.0.0.1:3" || c.HTTPAddr != "127.0.0.1:2" || c.DataDir != "file" {
		t.Errorf("got %q, %q, %q", c.GRPCAddr, c.HTTPAddr, c.DataDir)
	}
	if o, err := parse(t, environ, "--config", file(t, "data-dir: other")); err != nil || o.config.DataDir != "other" {
		t.Errorf("--config does not win over CONSENTD_CONFIG: %q, %v", o.config.DataDir, err)
	}
}

func TestFlagWithoutValue(t *testing.T) {
	if o, err := parse(t, nil, "--insecure", "--grpc-addr", ":1"); err != nil || !o.config.Insecure {
		t.Errorf("insecure = %v, %v", o.config.Insecure, err)
	}
}

// The defaults that --help shows are those of the server.
func TestHelpTellsTheTruth(t *testing.T) {
	var shown options
	for _, s := range settings() {
		if s.fallback == "" {
			continue
		}
		if err := s.set(&shown, s.fallback); err != nil {
			t.Errorf("--%s: its default %q: %v", s.name, s.fallback, err)
		}
	}
	want := app.Config{
		GRPCAddr: app.DefaultGRPCAddr, HTTPAddr: app.DefaultHTTPAddr, DataDir: app.DefaultDataDir,
		CacheSize: app.DefaultCacheSize, DrainTimeout: app.DefaultDrainTimeout,
	}
	got := shown.config
	got.Limits.MaxConnections, got.Limits.MaxConnectionsPerAddress = 0, 0 // depend on the machine
	if have := (limit.Config{}).WithDefaults(); got.Limits.QueueTarget != have.QueueTarget || got.Limits.Timeout != have.Timeout ||
		got.Limits.ConnectionAge != have.ConnectionAge || got.Limits.Each != have.Each {
		t.Errorf("--help says %+v, the server has %+v", got.Limits, have)
	}
	if got.GRPCAddr != want.GRPCAddr || got.HTTPAddr != want.HTTPAddr || got.DataDir != want.DataDir ||
		got.CacheSize != want.CacheSize || got.DrainTimeout != want.DrainTimeout || got.Insecure ||
		got.Acts.Rotate != acts.DefaultRotate || got.Usage.KeepDays != usage.DefaultKeepDays {
		t.Errorf("--help says %+v, the server has %+v", got, want)
	}
	if shown.logLevel != slog.LevelInfo {
		t.Errorf("--help says %v, the server has %v", shown.logLevel, slog.LevelInfo)
	}
}

func TestHelpAndVersion(t *testing.T) {
	for flag, want := range map[string][]string{
		"--help":    {"--grpc-addr", "CONSENTD_CACHE_SIZE", "--config", "256MiB"},
		"--version": {"consentd ", "commit ", " of ", "go1."},
	} {
		var out bytes.Buffer
		command := newCommand(nil, nil)
		command.SetArgs([]string{flag})
		command.SetOut(&out)
		if err := command.Execute(); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s does not say %q:\n%s", flag, text, out.String())
			}
		}
	}
}

// --validate finds the faults that a start would, and serves nothing.
func TestValidate(t *testing.T) {
	for name, row := range map[string]struct {
		file string
		says []string
	}{
		"nothing is wrong": {file: "grpc-addr: 127.0.0.1:1\n"},
		"two faults":       {file: "grpc-addr: :1\ncache-size: 7\n", says: []string{"grpc-addr", "consentd.yaml:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			command := newCommand(nil, func(context.Context, options, io.Writer) error {
				t.Error("it serves")
				return nil
			})
			command.SetArgs([]string{"--validate", "--config", file(t, row.file)})
			err := command.Execute()
			if (err != nil) != (row.says != nil) {
				t.Fatalf("got %v", err)
			}
			for _, text := range row.says {
				if !strings.Contains(oneLine(err), text) {
					t.Errorf("%q is not said in: %v", text, err)
				}
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for name, row := range map[string]struct {
		environ []string
		file    string
		args    []string
		says    []string
	}{
		"unknown flag":           {args: []string{"--nonsense"}, says: []string{"--nonsense", "--help"}},
		"an argument":            {args: []string{"nonsense"}, says: []string{"nonsense"}},
		"unknown variable":       {environ: []string{"CONSENTD_NONSENSE=1"}, says: []string{"CONSENTD_NONSENSE"}},
		"unknown key":            {file: "nonsense: 1\n", says: []string{"consentd.yaml:1", "nonsense"}},
		"key set twice":          {file: "data-dir: a\ndata-dir: b\n", says: []string{"consentd.yaml:2", "twice"}},
		"key with a list":        {file: "data-dir: [a]\n", says: []string{"consentd.yaml:1", "one value"}},
		"a file that is no map":  {file: "- a\n", says: []string{"consentd.yaml:1"}},
		"a file that is no YAML": {file: "a: [\n", says: []string{"consentd.yaml"}},
		"two documents": {
			file: "data-dir: a\n---\ninsecure: true\n", says: []string{"consentd.yaml:2", "second YAML document"},
		},
		"no such file":             {args: []string{"--config", "nowhere.yaml"}, says: []string{"nowhere.yaml"}},
		"neither on nor off":       {args: []string{"--answers", "yes"}, says: []string{"--answers", "on or off"}},
		"size without a unit":      {args: []string{"--cache-size", "256"}, says: []string{"--cache-size", "256", "unit"}},
		"unknown engine":           {args: []string{"--policy-engine", "fast"}, says: []string{"policy-engine", "topdown"}},
		"shadow rate of all kinds": {args: []string{"--shadow-rate", "half"}, says: []string{"shadow-rate", "1/N"}},
		"size of nothing":          {args: []string{"--cache-size", "0MiB"}, says: []string{"--cache-size", "give 0"}},
		"size too small":           {args: []string{"--cache-size", "1KiB"}, says: []string{"cache-size", "1MiB"}},
		"size too large":           {args: []string{"--cache-size", "99999999999TiB"}, says: []string{"--cache-size"}},
		"negative size":            {args: []string{"--cache-size", "-1MiB"}, says: []string{"--cache-size"}},
		"no duration":              {environ: []string{"CONSENTD_DRAIN_TIMEOUT=10"}, says: []string{"CONSENTD_DRAIN_TIMEOUT", "10s"}},
		"no boolean":               {file: "insecure: maybe\n", says: []string{"consentd.yaml:1", "true or false"}},
		"no level":                 {args: []string{"--log-level", "loud"}, says: []string{"--log-level", "loud"}},
		"no format":                {args: []string{"--log-format", "xml"}, says: []string{"--log-format", "json"}},
		"a key without a bundle":   {args: []string{"--policies-key-id", "x"}, says: []string{"policies-key-id", "policies-key"}},
		"no audit's size":          {args: []string{"--audit-rotate", "0MiB"}, says: []string{"--audit-rotate", "1MiB"}},
		"an audit too small":       {args: []string{"--audit-rotate", "1KiB"}, says: []string{"audit-rotate", "1MiB"}},
		"no day":                   {args: []string{"--usage-keep", "0"}, says: []string{"--usage-keep", "400"}},
		"too many days":            {args: []string{"--usage-keep", "4000"}, says: []string{"usage-keep", "3660"}},
		"plaintext for all":        {args: []string{"--grpc-addr", ":7070"}, says: []string{"grpc-addr", "plaintext"}},
		"all at once": {
			environ: []string{"CONSENTD_NONSENSE=1", "CONSENTD_LOG_LEVEL=loud"}, file: "cache-size: 7\nother: 1\n",
			args: []string{"--http-addr", "nonsense", "--log-format", "xml", "--unknown"},
			says: []string{
				"CONSENTD_NONSENSE", "CONSENTD_LOG_LEVEL", "consentd.yaml:1", "consentd.yaml:2", "http-addr", "--log-format",
				"--unknown",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := row.args
			if row.file != "" {
				args = append([]string{"--config", file(t, row.file)}, args...)
			}
			_, err := parse(t, row.environ, args...)
			if err == nil {
				t.Fatal("no fault found")
			}
			line := oneLine(err)
			if strings.Contains(line, "\n") {
				t.Errorf("more than one line: %q", line)
			}
			for _, text := range row.says {
				if !strings.Contains(line, text) {
					t.Errorf("%q is not said in: %s", text, line)
				}
			}
		})
	}
}

func TestTheClientsVariableIsLeftAlone(t *testing.T) {
	for _, variable := range []string{"ADDR=127.0.0.1:7070", "TOKEN_FILE=token", "API_KEY_FILE=key", "TLS_CA=ca.pem"} {
		if _, err := parse(t, []string{"CONSENTD_" + variable}); err != nil {
			t.Error(err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1B": 1, "2KiB": 2048, "256MiB": 256 << 20, "256 MiB": 256 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40, "5MB": 5e6, "1kB": 1000,
		"0B": 0,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "MiB", "1.5GiB", "-1B", "1mib", "1 M", "1PiB", "9223372036854775807GiB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q = %d, want an error", text, got)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("256MiB")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil && n < 0 {
			t.Errorf("%q = %d", s, n)
		}
	})
}

func TestEveryFlagIsASetting(t *testing.T) {
	names := map[string]bool{"config": true, "help": true, "version": true, "validate": true}
	for _, s := range settings() {
		names[s.name] = true
	}
	newCommand(nil, nil).Flags().VisitAll(func(f *pflag.Flag) {
		if !names[f.Name] {
			t.Errorf("--%s is not in the table", f.Name)
		}
	})
}

func TestCacheSizeZeroTurnsTheCacheOff(t *testing.T) {
	o, err := parse(t, []string{"CONSENTD_CACHE_SIZE=0"})
	if err != nil || !o.config.CacheOff {
		t.Errorf("CacheOff = %v, %v", o.config.CacheOff, err)
	}
	o, err = parse(t, []string{"CONSENTD_CACHE_SIZE=0"}, "--cache-size", "3MiB")
	if err != nil || o.config.CacheOff || o.config.CacheSize != 3<<20 {
		t.Errorf("CacheOff = %v, CacheSize = %d, %v", o.config.CacheOff, o.config.CacheSize, err)
	}
}
