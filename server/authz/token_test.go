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
		if err := f.CheckToken(token); err != nil {
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
			for _, err := range []error{f.CheckToken(row.token), one, many, list} {
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

// Whatever is parsed is exactly what String returns: no two texts are the same token.
func FuzzParseToken(f *testing.F) {
	f.Add("")
	f.Add("garbage")
	f.Add(authz.Token{}.String())
	f.Add(authz.Token{StoreID: [16]byte{1, 2, 3}, Revision: 1<<64 - 1}.String())
	f.Add(forge(2, [16]byte{9}, 7))
	f.Fuzz(func(t *testing.T, s string) {
		token, err := authz.ParseToken(s)
		if err != nil {
			if !errors.Is(err, consent.ErrBadToken) || token != (authz.Token{}) {
				t.Errorf("%q: %v, %v", s, token, err)
			}
			return
		}
		if got := token.String(); got != s {
			t.Errorf("%q is parsed, but becomes %q", s, got)
		}
	})
}

// Every token is parsed back.
func FuzzTokenString(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint64(0))
	f.Add([]byte("0123456789abcdef"), uint64(1<<64-1))
	f.Fuzz(func(t *testing.T, id []byte, revision uint64) {
		want := authz.Token{Revision: consent.Revision(revision)}
		copy(want.StoreID[:], id)
		if got, err := authz.ParseToken(want.String()); err != nil || got != want {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	})
}
