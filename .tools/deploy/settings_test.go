package deploy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// settingsFile writes the settings, and the files that they name, as Secrets would hold them, in a folder that stands in
// for /etc/consentd.
func settingsFile(t *testing.T, settings string) string {
	t.Helper()
	etc := t.TempDir()
	for _, name := range regexp.MustCompile(`/etc/consentd/[^"\s]+`).FindAllString(settings, -1) {
		file := etc + strings.TrimPrefix(name, "/etc/consentd")
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, secretOf(t, file), 0o600))
	}
	file := filepath.Join(etc, "consentd.yaml")
	must(t, os.WriteFile(file, []byte(strings.ReplaceAll(settings, "/etc/consentd/", etc+"/")), 0o600))
	return file
}

// secretOf is what a file of that name would hold.
func secretOf(t *testing.T, file string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	switch filepath.Ext(file) {
	case ".crt":
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
		template.BasicConstraintsValid = true
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		must(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	case ".key":
		der, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	case ".yaml":
		return []byte("grants: []\n")
	case ".json":
		point, err := key.PublicKey.Bytes()
		must(t, err)
		number := base64.RawURLEncoding.EncodeToString
		return fmt.Appendf(nil, `{"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": %q, "y": %q}]}`,
			number(point[1:33]), number(point[33:]))
	}
	return nil
}
