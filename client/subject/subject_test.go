package subject_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/consentd/consentd/client/subject"
	"github.com/consentd/consentd/server/consent"
)

// vectors is the file that the clients of all languages pass.
type vectors struct {
	Keys    map[string]struct{ Secret, ID string }
	Vectors []vector
}

type vector struct{ Name, Kind, Key, Input, Normal, ID, Refused string }

func readVectors(tb testing.TB) vectors {
	tb.Helper()
	data, err := os.ReadFile("../conformance/testdata/ids.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatal(err)
	}
	if len(v.Vectors) < 60 {
		tb.Fatalf("only %d vectors", len(v.Vectors))
	}
	return v
}

func testKey(tb testing.TB) subject.Key {
	tb.Helper()
	k, err := subject.ParseKey(readVectors(tb).Keys["a"].Secret)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// made is what becomes of an input: the normalised text and the id, or the error.
func made(v vector, key subject.Key) (normal, id string, err error) {
	switch v.Kind {
	case "email_sha256":
		normal, _ = subject.NormalizeEmail(v.Input)
		id, err = subject.EmailSHA256(v.Input)
	case "email_hmac":
		normal, _ = subject.NormalizeEmail(v.Input)
		id, err = key.Email(v.Input)
	case "phone_e164_hmac":
		normal, _ = subject.NormalizePhone(v.Input)
		id, err = key.Phone(v.Input)
	default:
		err = fmt.Errorf("unknown kind %q", v.Kind)
	}
	return normal, id, err
}

func TestVectors(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			var key subject.Key
			if v.Key != "" {
				var err error
				if key, err = subject.ParseKey(all.Keys[v.Key].Secret); err != nil || key.ID() != all.Keys[v.Key].ID {
					t.Fatalf("key %v, %v, want the id %s", key, err, all.Keys[v.Key].ID)
				}
			}
			normal, id, err := made(v, key)
			if problem := text(err); normal != v.Normal || id != v.ID || problem != v.Refused {
				t.Errorf("%+q gives\n%+q %s %q, want\n%+q %s %q", v.Input, normal, id, problem, v.Normal, v.ID, v.Refused)
			}
			if fault := consent.SubjectIDFault(v.ID); fault != "" {
				t.Errorf("the server refuses %s: it %s", v.ID, fault)
			}
			if refused := new(subject.Error); err != nil && !errors.As(err, &refused) {
				t.Errorf("%v is no *subject.Error", err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestInvalidUTF8IsRefused(t *testing.T) {
	const want = " is not valid Unicode: decode it as UTF-8"
	if _, err := subject.NormalizeEmail("ad\xe9@example.com"); text(err) != "the e-mail address"+want {
		t.Errorf("e-mail: %v", err)
	}
	if _, err := subject.NormalizePhone("+49\xff"); text(err) != "the phone number"+want {
		t.Errorf("phone: %v", err)
	}
}

// An error is logged, so that what was given may not be in it.
func TestErrorsDoNotTellTheAddress(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		if given := strings.Trim(v.Input, " +@"); v.Refused != "" && len(given) > 6 && strings.Contains(v.Refused, given) {
			t.Errorf("%q has the input in it", v.Refused)
		}
	}
}

func TestKeys(t *testing.T) {
	secret := strings.Repeat("0a", 32)
	const noHex = "the key is not hexadecimal: openssl rand -hex 32 makes one"
	for name, row := range map[string]struct{ text, problem string }{
		"32 bytes":         {secret, ""},
		"upper case":       {strings.ToUpper(secret), ""},
		"space around it":  {"\n " + secret + "\r\n", ""},
		"1,024 bytes":      {strings.Repeat("0a", 1024), ""},
		"31 bytes":         {secret[2:], "the key has 31 bytes, want 32 to 1024: openssl rand -hex 32 makes one"},
		"1,025 bytes":      {strings.Repeat("0a", 1025), "the key has 1025 bytes, want 32 to 1024: openssl rand -hex 32 makes one"},
		"empty":            {"", "the key has 0 bytes, want 32 to 1024: openssl rand -hex 32 makes one"},
		"an odd digit":     {secret + "0", noHex},
		"base64":           {"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I=", noHex},
		"space within":     {secret[:32] + " " + secret[32:], noHex},
		"no-break space":   {secret + "\u00a0", noHex},
		"full-width digit": {secret + "０0", noHex},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := subject.ParseKey(row.text)
			if text(err) != row.problem {
				t.Errorf("got %v, want %q", err, row.problem)
			}
			if (k.ID() != "") != (row.problem == "") {
				t.Errorf("got the key id %q", k.ID())
			}
		})
	}
}

func TestNoKeyMakesNoID(t *testing.T) {
	if id, err := (subject.Key{}).Email("ada@example.com"); id != "" || err == nil {
		t.Errorf("e-mail: %q, %v", id, err)
	}
	if id, err := (subject.Key{}).Phone("+4930123456"); id != "" || err == nil {
		t.Errorf("phone: %q, %v", id, err)
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	secret := bytes.Repeat([]byte{0xab}, 32)
	k, err := subject.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %v", k, k, k, k, struct{ Key subject.Key }{k})
	//lint:ignore SA9005 that nothing of a key is encoded is what is tested
	encoded, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{hex.EncodeToString(secret), "171", "0xab", "\xab"} {
		if strings.Contains(printed+string(encoded), form) {
			t.Errorf("the secret is in %s %s", printed, encoded)
		}
	}
}

func TestAKeyIsACopy(t *testing.T) {
	secret := bytes.Repeat([]byte{0xab}, 32)
	k, err := subject.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := k.Phone("+4930123456")
	secret[0] = 0
	if after, _ := k.Phone("+4930123456"); after != before {
		t.Error("a change of the slice changed the key")
	}
}

// FuzzEmail: whatever is given, the id is the same when the address is normalised again, or in ASCII's capitals,
// and the server takes it.
func FuzzEmail(f *testing.F) {
	for _, v := range readVectors(f).Vectors {
		f.Add(v.Input)
	}
	key := testKey(f)
	f.Fuzz(func(t *testing.T, given string) {
		id, err := key.Email(given)
		normal, normalErr := subject.NormalizeEmail(given)
		if text(err) != text(normalErr) || (err == nil) != (normal != "") {
			t.Fatalf("%q: %v and %v", given, err, normalErr)
		}
		if err != nil {
			return
		}
		if again, err := key.Email(normal); err != nil || again != id {
			t.Errorf("%+q gives %+q, and that %q, %v, not %q", given, normal, again, err, id)
		}
		if capitals, err := key.Email(asciiUpper(given)); err != nil || capitals != id {
			t.Errorf("%+q in capitals gives %q, %v, not %q", given, capitals, err, id)
		}
		if fault := consent.SubjectIDFault(id); fault != "" {
			t.Errorf("the server refuses %s: it %s", id, fault)
		}
	})
}

func asciiUpper(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, text)
}

func FuzzPhone(f *testing.F) {
	for _, v := range readVectors(f).Vectors {
		f.Add(v.Input)
	}
	key := testKey(f)
	f.Fuzz(func(t *testing.T, given string) {
		id, err := key.Phone(given)
		normal, normalErr := subject.NormalizePhone(given)
		if text(err) != text(normalErr) || (err == nil) != (normal != "") {
			t.Fatalf("%q: %v and %v", given, err, normalErr)
		}
		if err != nil {
			return
		}
		if again, err := key.Phone(normal); err != nil || again != id || strings.Trim(normal, "+0123456789") != "" {
			t.Errorf("%+q gives %+q, and that %q, %v, not %q", given, normal, again, err, id)
		}
		if fault := consent.SubjectIDFault(id); fault != "" {
			t.Errorf("the server refuses %s: it %s", id, fault)
		}
	})
}

func BenchmarkEmail(b *testing.B) {
	key := testKey(b)
	for name, address := range map[string]string{"ascii": "Ada.Lovelace@Example.com", "idn": "ada@bücher.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Email(address); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
