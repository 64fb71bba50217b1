package authz_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/consentd/consentd/proto/consent/v1/wire"
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
		"later version":  {forge(3, f.config.StoreID, 5), "version is 3"},
		"other store":    {tokenOf(other, 5), "another store"},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := authz.Consistency{Token: row.token}, request("u", "a")
			_, one := f.Check(context.Background(), &r, c)
			_, many := f.BatchCheck(context.Background(), []consent.Request{r}, nil, c)
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

// tokenWith is the token of a revision with a mark.
func tokenWith(f *fixture, r consent.Revision, mark consent.HistoryMark) string {
	return wire.Token{StoreID: f.config.StoreID, Revision: uint64(r), Mark: uint32(mark), Marked: true}.String()
}

// TestTokensAreHeldAgainstTheHistory: what the store does not have any more is not taken for satisfied, and the store
// is asked only where this node does not know.
func TestTokensAreHeldAgainstTheHistory(t *testing.T) {
	for name, row := range map[string]struct {
		token func(f *fixture) string
		want  error
		asked int
	}{
		"in memory":              {func(f *fixture) string { return tokenWith(f, 5, 50) }, nil, 0},
		"not in memory":          {func(f *fixture) string { return tokenWith(f, 2, 20) }, nil, 2},
		"another in memory":      {func(f *fixture) string { return tokenWith(f, 5, 51) }, consent.ErrHistoryLost, 1},
		"another in the store":   {func(f *fixture) string { return tokenWith(f, 2, 21) }, consent.ErrHistoryLost, 1},
		"beyond the store":       {func(f *fixture) string { return tokenWith(f, 9, 90) }, consent.ErrHistoryLost, 1},
		"beyond this node":       {func(f *fixture) string { return tokenWith(f, 7, 70) }, nil, 2},
		"unmarked":               {func(f *fixture) string { return forge(1, f.config.StoreID, 4) }, nil, 0},
		"unmarked, beyond":       {func(f *fixture) string { return forge(1, f.config.StoreID, 9) }, consent.ErrHistoryLost, 1},
		"unmarked, of the store": {func(f *fixture) string { return forge(1, f.config.StoreID, 7) }, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authz.Config) { c.Marks = stubMarks{5: 50} })
			f.states.newest, f.states.snapshots[0].AsOf, f.states.snapshots[0].Until = 7, 7, 1
			r := request("u", "a")
			d, err := f.Check(t.Context(), &r, authz.Consistency{Token: row.token(f)})
			if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
				t.Errorf("error is %v, want %v", err, row.want)
			}
			if err != nil {
				wantError(t, d, err, row.want)
			}
			if len(f.states.asked) != row.asked {
				t.Errorf("the store was asked for the marks of %v, want %d", f.states.asked, row.asked)
			}
		})
	}
}

// TestHistoryIsLostWhileACheckReads: a token that held before is refused, also where this node has not noticed: what
// the store itself answered is compared with the store.
func TestHistoryIsLostWhileACheckReads(t *testing.T) {
	for name, row := range map[string]struct {
		until   int64
		noticed bool
		want    error
	}{
		"nothing is lost":             {want: nil},
		"from memory, noticed":        {1, true, consent.ErrHistoryLost},
		"from the store, noticed":     {0, true, consent.ErrHistoryLost},
		"from the store, not noticed": {0, false, consent.ErrHistoryLost},
		"from memory, not noticed":    {1, false, nil}, // it is of the history of the token
	} {
		t.Run(name, func(t *testing.T) {
			marks := stubMarks{5: 55}
			f := newFixture(t, func(c *authz.Config) { c.Marks = marks })
			f.states.newest, f.states.snapshots[0].AsOf, f.states.snapshots[0].Until = 7, 7, row.until
			token := tokenWith(f, 5, 55)
			f.states.during = func() {
				if row.noticed {
					marks[5] = 50 // as the store has it
				}
			}
			if row.want == nil && row.until == 0 {
				token, marks[5] = tokenWith(f, 5, 50), 50
			}
			r := request("u", "a")
			d, err := f.Check(t.Context(), &r, authz.Consistency{Token: token})
			if !errors.Is(err, row.want) {
				t.Errorf("%v, error %v; want %v", d.Effect, err, row.want)
			}
		})
	}
}

// TestTokenThatCannotBeCheckedIsNotTaken: while the store cannot be asked nobody knows.
func TestTokenThatCannotBeCheckedIsNotTaken(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	f.states.err = consent.ErrUnavailable
	d, err := f.Check(t.Context(), &r, authz.Consistency{Token: tokenWith(f, 2, 20)})
	wantError(t, d, err, consent.ErrUnavailable)
}

// TestTokensCarryMarks where they are in memory.
func TestTokensCarryMarks(t *testing.T) {
	f := newFixture(t, func(c *authz.Config) { c.Marks = stubMarks{5: 50} })
	if got, want := tokenOf(f, 5), tokenWith(f, 5, 50); got != want {
		t.Errorf("token is %s, want %s", got, want)
	}
	if got, want := tokenOf(f, 4), forge(1, f.config.StoreID, 4); got != want {
		t.Errorf("token is %s, want %s", got, want)
	}
}
