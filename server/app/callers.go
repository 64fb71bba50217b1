package app

import (
	"net/http"

	"google.golang.org/grpc/credentials"

	"github.com/consentd/consentd/server/caller/authn"
)

// callersConfig adds what the configuration of callers shares with other settings.
func (c Config) callersConfig() authn.Config {
	a := c.Callers
	a.Insecure, a.Logger = c.Insecure, c.Logger
	return a
}

// openCallers reads what callers are known by.
func (a *App) openCallers() (err error) {
	c := a.config.callersConfig()
	if !c.Enabled() {
		a.config.Logger.Warn("nobody is asked who they are: whoever reaches these addresses may read and change everybody's consent, "+
			"and the policies; set api-keys, jwks or tls-client-ca", "grpc", a.config.GRPCAddr, "http", a.config.HTTPAddr)
	}
	if a.callers, err = authn.New(c); err != nil {
		return err
	}
	return a.registry.Register(a.callers)
}

// transport is how gRPC speaks TLS; it finds out whose a connection's certificate is.
func (a *App) transport() credentials.TransportCredentials {
	return a.callers.Transport(credentials.NewTLS(a.pair.TLS()))
}

// known lets only callers through whose credential holds. Health and readiness are told to everybody instead.
func (a *App) known(next http.Handler) http.Handler { return a.callers.HTTP(next, nil) }

// closeCallers ends following what callers are known by.
func (a *App) closeCallers() {
	if a.callers != nil {
		a.callers.Close()
	}
}
