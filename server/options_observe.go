package main

import (
	"errors"
	"strconv"

	"github.com/consentd/consentd/server/telemetry"
)

// observeSettings are those of traces and of the admin address.
func observeSettings() []setting {
	return []setting{
		{name: "admin-addr", usage: "where profiles (pprof), metrics and build information are served: a loopback host:port, or " +
			"unix:///path; default nowhere",
			set: text(func(o *options) *string { return &o.config.Admin.Addr })},
		{name: "otlp-endpoint", usage: "collector that traces are sent to by OTLP over gRPC: host:port with TLS, http://host:port " +
			"or unix:///path without; default nowhere",
			set: text(func(o *options) *string { return &o.config.Telemetry.Endpoint })},
		{name: "otlp-headers", usage: "file of headers for the collector, such as a token: name: value, one a line; read as it changes",
			set: text(func(o *options) *string { return &o.config.Telemetry.HeadersFile })},
		{name: "otlp-ca", usage: "PEM file of the authorities of the collector's certificate; default those of the system",
			set: text(func(o *options) *string { return &o.config.Telemetry.CAFile })},
		{name: "trace-sample", fallback: strconv.FormatFloat(telemetry.DefaultSample, 'g', -1, 64),
			usage: "share of calls that are traced, 0 to 1, where the caller does not say by traceparent",
			set:   setTraceSample},
	}
}

func setTraceSample(o *options, value string) error {
	share, err := strconv.ParseFloat(value, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return errors.New("give a share from 0 to 1, such as 0.01")
	}
	if o.config.Telemetry.Sample = share; share == 0 {
		o.config.Telemetry.Sample = -1
	}
	return nil
}
