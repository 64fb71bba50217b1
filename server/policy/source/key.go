package source

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// DefaultAlgorithm is that of `opa sign`.
const DefaultAlgorithm = "RS256"

// Key is what bundles are verified with.
type Key struct {
	// File is a PEM file of a public key or a certificate. Empty: bundles are not verified, and signed ones refused.
	File string
	// Algorithm is RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512. Zero means RS256.
	Algorithm string
	// ID is the key's id that signatures must name. Empty: any or none.
	ID string
	// Scope is the scope that signatures must have. Empty: they must have none.
	Scope string
}

// anyID stands for the key where signatures need not name it.
const anyID = "configured"

// verification is what OPA verifies bundles by; nil without a key.
func (k Key) verification() (*bundle.VerificationConfig, error) {
	if k.File == "" {
		if k.Algorithm != "" || k.ID != "" || k.Scope != "" {
			return nil, errors.New("policies-key-algorithm, policies-key-id, policies-key-scope: there is no key: " +
				"name its file by policies-key")
		}
		return nil, nil
	}
	algorithm := cmp.Or(k.Algorithm, DefaultAlgorithm)
	content, err := os.ReadFile(k.File)
	if err != nil {
		return nil, fmt.Errorf("policies-key: cannot read %q: name a PEM file of a public key", k.File)
	}
	if err := suits(content, algorithm); err != nil {
		return nil, err
	}
	config := &bundle.KeyConfig{Key: string(content), Algorithm: algorithm, Scope: k.Scope}
	if k.ID != "" {
		return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{k.ID: config}, "", k.Scope, nil), nil
	}
	return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{anyID: config}, anyID, k.Scope, nil), nil
}

// suits refuses a key that cannot verify by the algorithm. Private keys and shared secrets are refused: who can verify
// need not be able to sign.
func suits(content []byte, algorithm string) error {
	key, err := publicKey(content)
	if err != nil {
		return err
	}
	family, bits := algorithm[:min(2, len(algorithm))], algorithm[min(2, len(algorithm)):]
	if bits != "256" && bits != "384" && bits != "512" || family != "RS" && family != "PS" && family != "ES" {
		return fmt.Errorf("policies-key-algorithm: %q: give RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512", algorithm)
	}
	_, isRSA := key.(*rsa.PublicKey)
	_, isEC := key.(*ecdsa.PublicKey)
	if family == "ES" && !isEC || family != "ES" && !isRSA {
		return fmt.Errorf("policies-key-algorithm: %s does not suit a key of type %T: give another of the two", algorithm, key)
	}
	return nil
}

func publicKey(content []byte) (key any, err error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("policies-key: the file is no PEM: give one that begins with -----BEGIN PUBLIC KEY-----")
	}
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, fmt.Errorf("policies-key: the file holds a %s: give the public key alone", strings.ToLower(block.Type))
	}
	if err != nil {
		return nil, fmt.Errorf("policies-key: the file holds no key that can be read: %w", err)
	}
	return key, nil
}
