package main

import (
	"strings"
	"testing"
	"time"
)

// The flags that bench starts the server with are taken, and make a configuration that the server takes.
func TestTakesTheFlagsOfTheServer(t *testing.T) {
	for _, answers := range []string{"on", "off"} {
		o, err := parse([]string{
			"--grpc-addr", "127.0.0.1:1", "--http-addr", "127.0.0.1:2", "--data-dir", "x", "--log-level", "warn",
			"--queue-target", "1s", "--admin-addr", "127.0.0.1:3", "--answers", answers,
		})
		if err != nil {
			t.Fatal(err)
		}
		c := o.app()
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if c.Services == nil || c.Limits.QueueTarget != time.Second || c.Admin.Addr != "127.0.0.1:3" || c.DataDir != "x" {
			t.Errorf("%+v", c)
		}
	}
}

func TestRefusesOtherAnswers(t *testing.T) {
	if _, err := parse([]string{"--answers", "perhaps"}); err == nil || !strings.Contains(err.Error(), "--answers") {
		t.Errorf("%v", err)
	}
}
