package main

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-02":                     "2026-01-02T00:00:00Z",
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.000000006Z": "2026-01-02T03:04:05.000000006Z",
		"2026-01-02T03:04:05+09:00":      "2026-01-01T18:04:05Z",
		"-30d":                           "2026-01-30T12:00:00Z",
		"-2h":                            "2026-03-01T10:00:00Z",
		"+1h":                            "2026-03-01T13:00:00Z",
		"+1h30m":                         "2026-03-01T13:30:00Z",
		"+1d12h":                         "2026-03-03T00:00:00Z",
		"+0d":                            "2026-03-01T12:00:00Z",
		"-50000d1s":                      "1889-04-08T11:59:59Z",
	} {
		if got, err := parseTime(text, clock); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("parseTime(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "now", "30d", "1h", "+", "-", "+d", "+1", "+1d2", "+-1h", "--1h", "+1d-1h", "+1d1d", "+1.5d", "+1h1d", "+50001d", "+9999999h",
		"-99999999999999999999d",
		"2026-13-01", "2026-02-30", "2026-01-02 03:04:05", "2026-01-02T03:04:05", "0000-01-01", "0001-01-01",
	} {
		if got, err := parseTime(text, clock); err == nil {
			t.Errorf("parseTime(%q) = %v, want an error", text, got)
		}
	}
}

// FuzzParseTime: no text may panic, wrap around or turn a sign.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"-30d", "+1d12h", "2026-01-02", "2026-01-02T03:04:05Z", "+9223372036854775807ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text, clock)
		if err != nil {
			return
		}
		if got.IsZero() || got.Location() != time.UTC {
			t.Errorf("parseTime(%q) = %v", text, got)
		}
		if text[0] == '-' && got.After(clock) || text[0] == '+' && got.Before(clock) {
			t.Errorf("parseTime(%q) = %v, on the wrong side of %v", text, got, clock)
		}
	})
}
