package app

import (
	"context"
	"net/http"

	"github.com/consentd/consentd/server/caller"
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

// permitted serves HTTP requests of callers who may act so on the node as a whole. Health and readiness are told to
// everybody instead.
func (a *App) permitted(action caller.Action, next http.Handler) http.Handler {
	return a.callers.HTTP(next, func(ctx context.Context) error {
		return a.gate.Permit(ctx, caller.From(ctx), caller.Act{Action: action})
	})
}

// closeCallers ends following what callers are known by.
func (a *App) closeCallers() {
	if a.callers != nil {
		a.callers.Close()
	}
}
