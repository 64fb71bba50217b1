package wire_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// forge returns a token of any version, with a right checksum.
func forge(version byte, id [16]byte, revision uint64) string {
	b := binary.BigEndian.AppendUint64(append([]byte{version}, id[:]...), revision)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Clients of other languages read tokens too: their form does not change.
func TestTheFormOfTokens(t *testing.T) {
	want := wire.Token{StoreID: [16]byte{1, 2, 3}, Revision: 70}
	text := forge(1, want.StoreID, want.Revision)
	if got := want.String(); got != text {
		t.Errorf("%+v is %s, want %s", want, got, text)
	}
	if got, err := wire.ParseToken(text); err != nil || got != want {
		t.Errorf("%s is %+v, %v", text, got, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = wire.ParseToken(text) }); n > 1 { // what the checksum is of
		t.Errorf("parsing allocates %v times", n)
	}
}

func TestWhatIsNoToken(t *testing.T) {
	good := wire.Token{Revision: 5}.String()
	for name, row := range map[string]struct{ token, says string }{
		"empty":         {"", "malformed"},
		"cut":           {good[:len(good)-1], "malformed"},
		"longer":        {good + "A", "malformed"},
		"not base64":    {strings.Repeat("!", len(good)), "malformed"},
		"zeros":         {strings.Repeat("A", len(good)), "checksum"},
		"later version": {forge(2, [16]byte{}, 5), "version is 2"},
	} {
		if got, err := wire.ParseToken(row.token); err == nil || !strings.Contains(err.Error(), row.says) || got != (wire.Token{}) {
			t.Errorf("%s: %+v, %v; want an error that says %q", name, got, err, row.says)
		}
	}
}

// Whatever is parsed is exactly what String returns: no two texts are the same token.
func FuzzParseToken(f *testing.F) {
	f.Add("")
	f.Add("garbage")
	f.Add(wire.Token{}.String())
	f.Add(wire.Token{StoreID: [16]byte{1, 2, 3}, Revision: 1<<64 - 1}.String())
	f.Add(forge(2, [16]byte{9}, 7))
	f.Fuzz(func(t *testing.T, s string) {
		token, err := wire.ParseToken(s)
		if err != nil {
			if token != (wire.Token{}) {
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
		want := wire.Token{Revision: revision}
		copy(want.StoreID[:], id)
		if got, err := wire.ParseToken(want.String()); err != nil || got != want {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	})
}
