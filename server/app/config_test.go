package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/app"
)

func TestValidateNamesEveryFault(t *testing.T) {
	err := app.Config{
		GRPCAddr: "0.0.0.0:7070", HTTPAddr: "nonsense", CacheSize: 5, TLSKey: "/nowhere/key.pem", DrainTimeout: -time.Second,
	}.Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"grpc-addr", "http-addr", "cache-size", "tls-cert, tls-key", "tls-key: cannot read",
		"drain-timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, row := range []struct {
		addr     string
		insecure bool
		fault    string
	}{
		{"127.0.0.1:7070", false, ""},
		{"127.9.9.9:0", false, ""},
		{"[::1]:7070", false, ""},
		{"localhost:7070", false, ""},
		{"unix:///run/consentd.sock", false, ""},
		{"unix:consentd.sock", false, ""},
		{"0.0.0.0:7070", true, ""},
		{":7070", true, ""},
		{":7070", false, "plaintext"},
		{"0.0.0.0:7070", false, "plaintext"},
		{"[::]:7070", false, "plaintext"},
		{"example.com:7070", false, "plaintext"},
		{"10.0.0.1:7070", false, "plaintext"},
		{"127.0.0.1", false, "no address"},
		{"127.0.0.1:", false, "no address"},
		{"127.0.0.1:99999", false, "no valid port"},
		{"127.0.0.1:nonsense", false, "no valid port"},
		{"unix://", false, "no path"},
	} {
		err := app.Config{GRPCAddr: row.addr, Insecure: row.insecure}.Validate()
		switch {
		case row.fault == "" && err != nil:
			t.Errorf("%s: %v", row.addr, err)
		case row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)):
			t.Errorf("%s: %v, want %q", row.addr, err, row.fault)
		}
	}
}
