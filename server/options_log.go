package main

import (
	"errors"
	"time"

	"github.com/consentd/consentd/server/audit/decisionlog"
)

// decisionLogSettings are those of the decision log.
func decisionLogSettings() []setting {
	field := func(of func(*decisionlog.Config) *string) func(*options, string) error {
		return text(func(o *options) *string { return of(&o.config.DecisionLog) })
	}
	size := func(of func(*decisionlog.Config) *int64) func(*options, string) error {
		return func(o *options, value string) (err error) {
			n, err := parseSize(value)
			if err == nil && n == 0 {
				return errors.New("give a size above 0 with a unit, such as 100MiB")
			}
			*of(&o.config.DecisionLog) = n
			return err
		}
	}
	return []setting{
		{name: "decision-log",
			usage: "log decisions: a file's path (zstd if it ends in .zst), stdout, otlp://host:port, otlps://host:port",
			set:   field(func(c *decisionlog.Config) *string { return &c.Sink })},
		{name: "decision-log-decisions", fallback: "all", usage: "which decisions are logged: all, deny, none, or 1/N",
			set: field(func(c *decisionlog.Config) *string { return &c.Decisions })},
		{name: "decision-log-purposes", usage: "the same for single purposes: purpose=deny,controller/purpose=1/100",
			set: field(func(c *decisionlog.Config) *string { return &c.Purposes })},
		{name: "decision-log-subject-key", usage: "file of keys; subjects are named by an HMAC under the first; followed as it changes",
			set: field(func(c *decisionlog.Config) *string { return &c.SubjectKey })},
		{name: "decision-log-rules", usage: "Rego file whose rules drop and mask leave lines out, or take fields off them",
			set: field(func(c *decisionlog.Config) *string { return &c.Rules })},
		{name: "decision-log-overflow", fallback: string(decisionlog.Drop),
			usage: "for lines without room: drop and count them, block the call until its deadline, or spill to a file",
			set: func(o *options, value string) error {
				o.config.DecisionLog.Overflow = decisionlog.Overflow(value)
				return nil
			}},
		{name: "decision-log-spill", usage: "the local file that spilled lines go to",
			set: field(func(c *decisionlog.Config) *string { return &c.SpillFile })},
		{name: "decision-log-buffer", fallback: "16MiB", usage: "memory for lines that wait",
			set: size(func(c *decisionlog.Config) *int64 { return &c.Buffer })},
		{name: "decision-log-file-size", fallback: "100MiB", usage: "a file of this size is followed by the next",
			set: size(func(c *decisionlog.Config) *int64 { return &c.FileSize })},
		{name: "decision-log-file-age", fallback: decisionlog.DefaultFileAge.String(), usage: "and so is one of this age",
			set: setDuration(func(o *options) *time.Duration { return &o.config.DecisionLog.FileAge })},
		{name: "decision-log-file-total", fallback: "10GiB", usage: "the oldest files are removed when all take more",
			set: size(func(c *decisionlog.Config) *int64 { return &c.FileTotal })},
		{name: "decision-log-tls-ca", usage: "PEM file of the certificates that a collector's is trusted by; default the system's",
			set: field(func(c *decisionlog.Config) *string { return &c.TLSCA })},
		{name: "decision-log-tls-cert", usage: "PEM file of the certificate that is shown to a collector",
			set: field(func(c *decisionlog.Config) *string { return &c.TLSCert })},
		{name: "decision-log-tls-key", usage: "PEM file of its key",
			set: field(func(c *decisionlog.Config) *string { return &c.TLSKey })},
	}
}
