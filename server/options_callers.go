package main

import (
	"time"

	"github.com/consentd/consentd/server/caller/token"
)

// callersSettings are those of who may ask: which credentials hold.
func callersSettings() []setting {
	return []setting{
		{name: "api-keys", usage: "YAML file of the API keys that hold, as consentctl key new prints them; followed as it changes",
			set: text(func(o *options) *string { return &o.config.Callers.APIKeys })},
		{name: "jwt-issuer", usage: "iss that tokens must have; with jwt-audience and jwks",
			set: text(func(o *options) *string { return &o.config.Callers.Token.Issuer })},
		{name: "jwt-audience", usage: "aud that tokens must have, or list",
			set: text(func(o *options) *string { return &o.config.Callers.Token.Audience })},
		{name: "jwks", usage: "the issuer's public keys: a file, followed as it changes, or an http(s) URL",
			set: text(func(o *options) *string { return &o.config.Callers.Token.JWKS })},
		{name: "jwks-refresh", fallback: token.DefaultRefresh.String(), usage: "how often a URL of jwks is asked",
			set: setDuration(func(o *options) *time.Duration { return &o.config.Callers.Token.Refresh })},
	}
}
