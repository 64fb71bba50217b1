package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
)

// tlsFlags say how to connect by TLS. The zero value leaves it to the client package: TLS to other machines.
type tlsFlags struct{ ca, cert, key, serverName string }

func (a *app) addCredentialFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.tls.ca, "tls-ca", a.tls.ca,
		"use TLS and trust the certificates in this PEM file (environment CONSENTD_TLS_CA)")
	flags.StringVar(&a.tls.cert, "tls-cert", "", "connect with the client certificate in this PEM file; with --tls-key")
	flags.StringVar(&a.tls.key, "tls-key", "", "PEM file of its key")
	flags.StringVar(&a.tls.serverName, "tls-server-name", "", "name that the server's certificate must have, where --addr has another")
	flags.StringVar(&a.tokenFile, "token-file", a.tokenFile,
		"send the token in this file with each call (environment CONSENTD_TOKEN_FILE)")
	flags.StringVar(&a.keyFile, "api-key-file", a.keyFile,
		"send the API key in this file with each call (environment CONSENTD_API_KEY_FILE)")
	for _, name := range []string{"tls-ca", "tls-cert", "tls-key", "token-file", "api-key-file"} {
		must(root.MarkPersistentFlagFilename(name))
	}
	root.MarkFlagsMutuallyExclusive("insecure", "tls-ca")
	root.MarkFlagsMutuallyExclusive("insecure", "tls-cert")
	root.MarkFlagsMutuallyExclusive("token-file", "api-key-file")
	root.MarkFlagsRequiredTogether("tls-cert", "tls-key")
}

// credentials are how to connect and as whom. A flag wins over the other's variable.
func (a *app) credentials() (options []client.Option, err error) {
	if !a.insecure && a.tls != (tlsFlags{}) {
		config, err := a.tls.config()
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(config))
	}
	switch {
	case a.tokenFile != "" && a.keyFile != "":
		return nil, errors.New("CONSENTD_TOKEN_FILE and CONSENTD_API_KEY_FILE, or --token-file and --api-key-file, " +
			"contradict each other: a call has one caller, so leave one out")
	case a.tokenFile != "":
		options = append(options, client.WithTokenFile(a.tokenFile))
	case a.keyFile != "":
		options = append(options, client.WithAPIKeyFile(a.keyFile))
	}
	return options, nil
}

func (f tlsFlags) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.serverName}
	if f.ca != "" {
		roots, err := readRoots(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		config.RootCAs = roots
	}
	if f.cert != "" {
		certificate, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}

func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return roots, nil
}
