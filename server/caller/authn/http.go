package authn

import (
	"errors"
	"net/http"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// HTTP lets a request through to next whose caller shows a credential that holds; the caller is in its context then.
// Others get 401, and 503 where the keys of a token's issuer are not to be had.
func (a *Authenticator) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.ofRequest(r)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(caller.With(r.Context(), c)))
		case errors.Is(err, consent.ErrCredentialExpired):
			challenge(w, `Bearer realm="consentd", error="invalid_token"`, "the credential has expired: send a new one")
		case errors.Is(err, consent.ErrUnauthenticated):
			challenge(w, `Bearer realm="consentd"`, "no credential that holds: send a bearer token or an API key as authorization, "+
				"or connect with a client certificate")
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the caller cannot be judged at the moment", http.StatusServiceUnavailable)
		}
	})
}

func challenge(w http.ResponseWriter, scheme, text string) {
	w.Header().Set("WWW-Authenticate", scheme)
	http.Error(w, text, http.StatusUnauthorized)
}

func (a *Authenticator) ofRequest(r *http.Request) (*caller.Caller, error) {
	if !a.config.Enabled() {
		return caller.Anonymous, nil
	}
	s, err := a.judge(r.Context(), r.Header.Values("Authorization"), func() *identity {
		if r.TLS == nil {
			return nil
		}
		return a.identify(r.TLS)
	})
	return s.caller, err
}
