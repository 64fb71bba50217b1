package authz_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

func TestTokensOfThisStoreAreTaken(t *testing.T) {
	f := newFixture(t, nil)
	for _, token := range []string{"", tokenOf(f, 0), tokenOf(f, 1), tokenOf(f, 5)} {
		r := request("u", "a")
		if _, err := f.Check(context.Background(), &r, authz.Consistency{Token: token}); err != nil {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// forge returns a token of any version, with a right checksum.
func forge(version byte, id [16]byte, revision uint64) string {
	b := binary.BigEndian.AppendUint64(append([]byte{version}, id[:]...), revision)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestBadTokensAreRefusedByAllCalls(t *testing.T) {
	f := newFixture(t, nil)
	good := tokenOf(f, 5)
	other := newFixture(t, func(c *authz.Config) { c.StoreID[0]++ })
	for name, row := range map[string]struct{ token, says string }{
		"garbage":        {"garbage", "malformed"},
		"not base64":     {strings.Repeat("!", len(good)), "malformed"},
		"cut":            {good[:len(good)-1], "malformed"},
		"longer":         {good + "A", "malformed"},
		"padded":         {good + "=", "malformed"},
		"with a newline": {good[:9] + "\n" + good[9:], "malformed"},
		"one bit off":    {flip(good), "malformed"},
		"zeros":          {strings.Repeat("A", len(good)), "checksum"},
		"later version":  {forge(2, f.config.StoreID, 5), "version is 2"},
		"other store":    {tokenOf(other, 5), "another store"},
		"ahead":          {tokenOf(f, 6), "revision 6 is beyond this store's, 5"},
		"far ahead":      {tokenOf(f, 1<<64-1), "beyond"},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := authz.Consistency{Token: row.token}, request("u", "a")
			_, one := f.Check(context.Background(), &r, c)
			_, many := f.BatchCheck(context.Background(), []consent.Request{r}, c)
			_, list := f.ListPurposes(context.Background(), &r, c)
			for _, err := range []error{one, many, list} {
				if !errors.Is(err, consent.ErrBadToken) || !strings.Contains(err.Error(), row.says) {
					t.Errorf("error is %v, want a bad token that is %q", err, row.says)
				}
			}
		})
	}
	if len(f.states.reads) != 0 {
		t.Errorf("%d states were read", len(f.states.reads))
	}
}

func flip(token string) string {
	b, _ := base64.RawURLEncoding.DecodeString(token)
	b[20] ^= 1
	return base64.RawURLEncoding.EncodeToString(b)
}
