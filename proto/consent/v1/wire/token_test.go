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
func forge(version byte, id [16]byte, revision uint64, mark ...byte) string {
	b := append(binary.BigEndian.AppendUint64(append([]byte{version}, id[:]...), revision), mark...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Clients of other languages read tokens too: their form does not change.
func TestTheFormOfTokens(t *testing.T) {
	want := wire.Token{StoreID: [16]byte{1, 2, 3}, Revision: 70}
	text := forge(1, want.StoreID, want.Revision)
	wantForm(t, want, text)
	want.Mark, want.Marked = 0xa1b2c3d4, true
	wantForm(t, want, forge(2, want.StoreID, want.Revision, 0xa1, 0xb2, 0xc3, 0xd4))
	want.Mark = 0
	wantForm(t, want, forge(2, want.StoreID, want.Revision, 0, 0, 0, 0))
}

// wantForm fails unless a token has a text, and back.
func wantForm(t *testing.T, want wire.Token, text string) {
	t.Helper()
	if got := want.String(); got != text {
		t.Errorf("%+v is %s, want %s", want, got, text)
	}
	if got, err := wire.ParseToken(text); err != nil || got != want {
		t.Errorf("%s is %+v, %v", text, got, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = wire.ParseToken(text) }); n > 1 { // what the checksum is of
		t.Errorf("parsing allocates %v times", n)
	}
	room := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() { want.Append(room) }); n > 0 {
		t.Errorf("writing allocates %v times", n)
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
		"later version": {forge(3, [16]byte{}, 5), "version is 3"},
		"later, longer": {forge(3, [16]byte{}, 5, 1, 2, 3, 4), "version is 3"},
		"mark too many": {forge(1, [16]byte{}, 5, 1, 2, 3, 4), "version is 1"},
		"mark missing":  {forge(2, [16]byte{}, 5), "version is 2"},
		"half a mark":   {forge(2, [16]byte{}, 5, 1, 2), "malformed"},
		"line breaks":   {strings.Repeat("\n", len(good)), "malformed"},
		"more of them":  {strings.Repeat("\n", 44), "malformed"},
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
	f.Add(forge(2, [16]byte{9}, 7, 1, 2, 3, 4))
	f.Add(forge(3, [16]byte{9}, 7))
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
	f.Add([]byte{1, 2, 3}, uint64(0), uint32(0), false)
	f.Add([]byte("0123456789abcdef"), uint64(1<<64-1), uint32(7), true)
	f.Fuzz(func(t *testing.T, id []byte, revision uint64, mark uint32, marked bool) {
		want := wire.Token{Revision: revision, Marked: marked}
		if marked {
			want.Mark = mark
		}
		copy(want.StoreID[:], id)
		if got, err := wire.ParseToken(want.String()); err != nil || got != want {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	})
}
