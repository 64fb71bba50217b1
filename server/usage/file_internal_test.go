package usage

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// FuzzDecode: what was not written here is damage, never a panic, and what was reads back as it was.
func FuzzDecode(f *testing.F) {
	p := newPage()
	caller := consent.Identity{Kind: "key", ID: "<a>"}
	p.add(Kind{Controller: "example", Purpose: "p", Caller: caller, Recipient: consent.Processor}, Counts{3, 4})
	p.overflow(5)
	text, err := encode(7, p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("{}\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := decode(text, 7)
		if err != nil {
			return
		}
		again, err := encode(7, p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(again, 7)
		if err != nil || !cmp.Equal(p.counts, back.counts) || p.overflowed != back.overflowed {
			t.Errorf("read %v, written and read again %v, error %v", p, back, err)
		}
	})
}
