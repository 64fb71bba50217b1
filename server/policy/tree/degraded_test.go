package tree_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// degraded is acme's table with more keys in the row of its purpose.
func degraded(keys string) (*tree.Table, error) {
	table := "notice: {version: 1, material: 1}\npurposes:\n  storage:\n    basis: CONTRACT\n    clause: \"1\"\n" + keys
	read, err := tree.Read(files(map[string]string{"controllers/acme/data.yaml": table}))
	if err != nil {
		return nil, err
	}
	return read.Tables["acme"], nil
}

// What a row declares for when a state cannot be read.
func TestDegraded(t *testing.T) {
	for keys, want := range map[string]consent.Degraded{
		"":                     {},
		"    degraded: fail\n": {When: consent.Fail},
		"    degraded: deny\n": {When: consent.DenyDegraded},
		"    degraded: serve_stale\n    stale_limit: 1s\n":  {When: consent.ServeStale, StaleLimit: time.Second},
		"    degraded: serve_stale\n    stale_limit: 90m\n": {When: consent.ServeStale, StaleLimit: 90 * time.Minute},
		"    degraded: serve_stale\n    stale_limit: 24h\n": {When: consent.ServeStale, StaleLimit: 24 * time.Hour},
	} {
		table, err := degraded(keys)
		if err != nil {
			t.Errorf("%q: %v", keys, err)
		} else if got := table.Purposes["storage"].WhenUnavailable(); got != want {
			t.Errorf("%q: %+v, want %+v", keys, got, want)
		}
	}
}

// What cannot be meant is refused where it stands, with what to write.
func TestDegradedFaults(t *testing.T) {
	for _, c := range []struct {
		keys string
		line int
		says []string
	}{
		{"    degraded: stale\n", 6, []string{`degraded: "stale" is not a known value`, "want one of fail, deny, serve_stale"}},
		{"    degraded: no\n", 6, []string{"degraded", "want one of fail, deny, serve_stale"}},
		{"    degrade: deny\n", 6, []string{"unknown key degrade", "mend its name"}},
		{"    degraded: serve_stale\n", 6, []string{"purposes.storage.degraded: serve_stale needs stale_limit", "from 1s to 24h"}},
		{"    degraded: deny\n    stale_limit: 5m\n", 7, []string{"purposes.storage.stale_limit: only degraded: serve_stale has one"}},
		{"    stale_limit: 5m\n", 6, []string{"purposes.storage.stale_limit: only degraded: serve_stale has one"}},
		{stale("300"), 7, []string{`stale_limit: "300" is a number here`}},
		{stale("5min"), 7, []string{`stale_limit: "5min" is no limit`, "such as 30s, 5m or 2h"}},
		{stale("1d"), 7, []string{`"1d" is no limit`}},
		{stale("1h30m"), 7, []string{`"1h30m" is no limit`}},
		{stale("-5m"), 7, []string{`"-5m" is no limit`}},
		{stale("0s"), 7, []string{`"0s" is no limit`}},
		{stale("25h"), 7, []string{"25h is not between 1s and 24h"}},
		{stale("999999h"), 7, []string{"999999h is not between 1s and 24h"}},
	} {
		_, err := degraded(c.keys)
		if err == nil {
			t.Errorf("%q is read", c.keys)
			continue
		}
		for _, want := range append(c.says, fmt.Sprintf("controllers/acme/data.yaml:%d: ", c.line)) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: it does not say %q: %v", c.keys, want, err)
			}
		}
	}
}

func stale(limit string) string { return "    degraded: serve_stale\n    stale_limit: " + limit + "\n" }
