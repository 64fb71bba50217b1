package telemetry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/telemetry"
)

func TestConfigIsRefusedWithAllFaults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	headers := file("headers", "# ours\n\nauthorization: Bearer secret\n")
	for name, row := range map[string]struct {
		config telemetry.Config
		says   []string
	}{
		"nowhere":           {telemetry.Config{}, nil},
		"TLS":               {telemetry.Config{Endpoint: "collector:4317", HeadersFile: headers, Sample: 1}, nil},
		"TLS by name":       {telemetry.Config{Endpoint: "https://collector:4317/"}, nil},
		"loopback":          {telemetry.Config{Endpoint: "http://127.0.0.1:4317"}, nil},
		"IPv6 loopback":     {telemetry.Config{Endpoint: "http://[::1]:4317"}, nil},
		"a socket":          {telemetry.Config{Endpoint: "unix:///run/otel.sock"}, nil},
		"permitted":         {telemetry.Config{Endpoint: "http://collector:4317", Insecure: true}, nil},
		"plaintext":         {telemetry.Config{Endpoint: "http://collector:4317"}, []string{"otlp-endpoint: ", "plaintext", "insecure"}},
		"no port":           {telemetry.Config{Endpoint: "collector"}, []string{"otlp-endpoint: ", "host:port"}},
		"a path":            {telemetry.Config{Endpoint: "https://collector:4317/v1/traces"}, []string{"otlp-endpoint: "}},
		"a password":        {telemetry.Config{Endpoint: "https://me:word@collector:4317"}, []string{"otlp-endpoint: "}},
		"another scheme":    {telemetry.Config{Endpoint: "grpc://collector:4317"}, []string{"otlp-endpoint: "}},
		"a relative socket": {telemetry.Config{Endpoint: "unix://otel.sock"}, []string{"otlp-endpoint: "}},
		"all at once": {
			telemetry.Config{Endpoint: "collector", Sample: 1.5, HeadersFile: "/nowhere", CAFile: headers},
			[]string{"otlp-endpoint: ", "trace-sample: 1.5", "otlp-headers: cannot read", "otlp-ca: ", "holds no certificate"},
		},
		"files without a collector": {telemetry.Config{HeadersFile: headers, CAFile: headers}, []string{"otlp-headers: ", "otlp-ca: "}},
		"a CA without TLS":          {telemetry.Config{Endpoint: "http://127.0.0.1:1", CAFile: headers}, []string{"otlp-ca: "}},
		"no header": {telemetry.Config{Endpoint: "a:1", HeadersFile: file("no header", "ok: 1\nBearer secret\n")},
			[]string{"otlp-headers: ", "no header:2: "}},
		"a header of gRPC's": {telemetry.Config{Endpoint: "a:1", HeadersFile: file("grpc", "grpc-timeout: 1\n")},
			[]string{"otlp-headers: ", "grpc:1: "}},
		"a large file": {telemetry.Config{Endpoint: "a:1", HeadersFile: file("large", strings.Repeat("a", 65<<10))},
			[]string{"otlp-headers: ", "larger than"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.config.Validate()
			if (err == nil) != (row.says == nil) {
				t.Fatalf("err = %v", err)
			}
			for _, want := range row.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it does not say %q: %v", want, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("it tells a secret: %v", err)
			}
		})
	}
}
