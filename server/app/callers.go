package app

import (
	"net/http"

	"github.com/consentd/consentd/server/caller/authn"
)

// callersConfig adds what the configuration of callers shares with other settings.
func (c Config) callersConfig() authn.Config {
	a := c.Callers
	a.Insecure, a.Logger, a.Certificates = c.Insecure, c.Logger, c.TLSClientCA != ""
	return a
}

// openCallers reads what callers are known by.
func (a *App) openCallers() (err error) {
	if a.callers, err = authn.New(a.config.callersConfig()); err != nil {
		return err
	}
	return a.registry.Register(a.callers)
}

// followCallers begins to follow what callers are known by, or says that nothing is.
func (a *App) followCallers() {
	if !a.config.callersConfig().Enabled() {
		a.config.Logger.Warn("nobody is asked who they are: whoever reaches these addresses may read and change everybody's consent, "+
			"and the policies; set api-keys, jwks or tls-client-ca", "grpc", a.GRPCAddr(), "http", a.HTTPAddr())
	}
	a.callers.Follow()
}

// known lets only callers through whose credential holds. Health and readiness are told to everybody instead.
func (a *App) known(next http.Handler) http.Handler { return a.callers.HTTP(next) }

// closeCallers ends following what callers are known by.
func (a *App) closeCallers() {
	if a.callers != nil {
		a.callers.Close()
	}
}
