package app

import (
	"crypto/tls"
	"net"
	"net/http"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/consentd/consentd/server/certificate"
)

// openCertificate reads the certificate, if there is one.
func (a *App) openCertificate() (err error) {
	if a.config.TLSCert == "" {
		return nil
	}
	a.pair, err = certificate.Open(certificate.Config{
		CertFile: a.config.TLSCert, KeyFile: a.config.TLSKey, ClientCAFile: a.config.TLSClientCA, Logger: a.config.Logger,
	})
	return err
}

// transport is how gRPC speaks.
func (a *App) transport() credentials.TransportCredentials {
	if a.pair == nil {
		return insecure.NewCredentials()
	}
	return a.callers.Transport(credentials.NewTLS(a.pair.TLS()))
}

// secured is how HTTP speaks. A probe has no certificate: who needs one is told by protected.
func (a *App) secured(l net.Listener) net.Listener {
	if a.pair == nil {
		return l
	}
	return tls.NewListener(l, a.pair.TLSWithOptionalClient())
}

// protected asks of an HTTP client what gRPC asks of its clients.
func (a *App) protected(h http.Handler) http.Handler {
	if a.config.TLSClientCA == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			http.Error(w, "connect with a client certificate", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
