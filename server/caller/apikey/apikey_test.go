package apikey_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/caller/apikey"
)

func TestNew(t *testing.T) {
	form, seen := regexp.MustCompile(`^consentd_[A-Za-z0-9_-]{49}$`), map[string]bool{}
	for range 100 {
		key := apikey.New()
		if !form.MatchString(key) || seen[key] {
			t.Fatalf("%q, which is new: %v", key, !seen[key])
		}
		seen[key] = true
		got, err := apikey.DigestOf(key)
		if want := apikey.Digest(sha256.Sum256([]byte(key))); err != nil || got != want {
			t.Errorf("%q: %x, %v, want %x", key, got, err, want)
		}
	}
}

// TestOneWrongCharacter: at any place, any other character makes it another text.
func TestOneWrongCharacter(t *testing.T) {
	key := apikey.New()
	for i := range key {
		for _, c := range "AB9-_ \x00é" {
			wrong := key[:i] + string(c) + key[i+1:]
			if digest, err := apikey.DigestOf(wrong); wrong != key && err == nil {
				t.Errorf("%q for %q: %x", wrong, key, digest)
			} else if err != nil && strings.Contains(err.Error(), wrong) {
				t.Errorf("the error has the key: %v", err)
			}
		}
	}
	for _, wrong := range []string{
		"", "consentd_", key + "A", key[1:], key[:len(key)-1], strings.ToUpper(key), " " + key, key + "\n",
	} {
		if _, err := apikey.DigestOf(wrong); err == nil {
			t.Errorf("%q is a key", wrong)
		}
	}
}

// digestA is the digest of some key.
var digestA = sha256.Sum256([]byte("a"))

func TestParse(t *testing.T) {
	inHex, inBase64 := hex.EncodeToString(digestA[:]), base64.StdEncoding.EncodeToString(digestA[:])
	inURL := base64.RawURLEncoding.EncodeToString(digestA[:])
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		file string
		want []apikey.Entry
	}{
		"empty":    {"", nil},
		"blank":    {"\n\n", nil},
		"comments": {"# nobody yet\n", nil},
		"no list":  {"[]\n", []apikey.Entry{}},
		"null":     {"null\n", nil},
		"dashes":   {"---\n", nil},
		"one":      {"- id: mailer\n  sha256: " + inHex + "\n", []apikey.Entry{{ID: "mailer", Digest: digestA}}},
		"capitals": {"- id: mailer\n  sha256: " + strings.ToUpper(inHex) + "\n", []apikey.Entry{{ID: "mailer", Digest: digestA}}},
		"base64":   {"- {id: a, sha256: \"" + inBase64 + "\", note: 'of May'}\n", []apikey.Entry{{ID: "a", Digest: digestA}}},
		"url":      {"- {id: a, sha256: " + inURL + "}\n", []apikey.Entry{{ID: "a", Digest: digestA}}},
		"expires": {"- id: a\n  sha256: " + inHex + "\n  expires: 2027-01-31\n",
			[]apikey.Entry{{ID: "a", Digest: digestA, Expires: day}}},
		"at a time": {"- id: a\n  sha256: " + inHex + "\n  expires: 2027-01-31T01:00:00+01:00\n",
			[]apikey.Entry{{ID: "a", Digest: digestA, Expires: day}}},
	} {
		got, err := apikey.Parse([]byte(test.file))
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestParseFaults(t *testing.T) {
	inHex := hex.EncodeToString(digestA[:])
	good := "- id: a\n  sha256: " + inHex + "\n"
	key := apikey.New()
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"no YAML":           {"- id: [", []string{"write a YAML list"}},
		"a word":            {"hello", []string{"line 1: want a list"}},
		"a mapping":         {"keys: []", []string{"line 1: want a list"}},
		"a list of words":   {"- mailer", []string{"line 1: want id: and sha256:"}},
		"no id":             {"- sha256: " + inHex, []string{"line 1: id is missing"}},
		"no hash":           {"- id: a", []string{"line 1: sha256 is missing"}},
		"an empty id":       {"- id: ''\n  sha256: " + inHex, []string{"line 1: id: want 1 to 256 bytes"}},
		"a space in the id": {"- id: a b\n  sha256: " + inHex, []string{"line 1: id: want visible characters"}},
		"two lines in it":   {"- id: \"a\\nb\"\n  sha256: " + inHex, []string{"id: want visible characters"}},
		"hidden in it":      {"- id: \"a\u202eb\"\n  sha256: " + inHex, []string{"id: want visible characters"}},
		"a short hash":      {"- id: a\n  sha256: abcd", []string{"line 2: sha256: want 64 hexadecimal digits"}},
		"the key itself":    {"- id: a\n  sha256: " + key, []string{"line 2: sha256: is a key itself"}},
		"a date of words":   {good + "  expires: soon", []string{"line 3: expires: want a time"}},
		"a list as id":      {"- id: [a]\n  sha256: " + inHex, []string{"line 1: id: want one value"}},
		"an alias":          {"- id: &a x\n  sha256: *a", []string{"line 2: sha256: want one value"}},
		"a merge":           {good + "  <<: {id: b}", []string{"line 3: <<: want one value"}},
		"an unknown field":  {good + "  sha512: x", []string{"line 3: sha512: no key has this"}},
		"twice the id":      {good + "  id: b", []string{"line 3: id is given twice"}},
		"one hash twice":    {good + strings.Replace(good, "id: a", "id: b", 1), []string{"line 3: has the sha256 of the key in line 1"}},
		"two documents":     {good + "---\n" + good, []string{"line 3: a second YAML document"}},
		"all at once":       {"- id: a\n- sha256: " + inHex, []string{"line 1: sha256", "line 2: id"}},
		"a long note":       {good + "  note: " + strings.Repeat("x", 1025), []string{"line 3: note: has more than 1024"}},
		"too many keys":     {strings.Repeat("- {}\n", apikey.MaxKeys+1), []string{"has 10001 keys"}},
		"many faults":       {strings.Repeat("- {}\n", 1000), []string{"line 20: "}},
	} {
		got, err := apikey.Parse([]byte(test.file))
		if err == nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "line 21: ") {
			t.Errorf("%s: the error has a key, or goes on for ever: %v", name, err)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, id := range []string{"mailer", "spiffe://example.org/x", "yes", "12", "a: b#", "-", "*x", `"`} {
		if apikey.ValidateID(id) != nil {
			continue
		}
		lines := apikey.Append(id, digestA, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
		got, err := apikey.Parse([]byte("# keys\n" + lines))
		if want := []apikey.Entry{{ID: id, Digest: digestA}}; err != nil || !cmp.Equal(want, got) {
			t.Errorf("%q: %v, %v", lines, got, err)
		}
	}
}

// FuzzParse: whatever a file has, its keys are whole, and its errors name a line or say what to write.
func FuzzParse(f *testing.F) {
	inHex := hex.EncodeToString(digestA[:])
	for _, seed := range []string{
		"", "- id: a\n  sha256: " + inHex, "- {id: b, expires: 2027-01-01, sha256: x}", "---\n- *a", "- - -", "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, err := apikey.Parse(file)
		if err != nil && len(entries) > 0 {
			t.Errorf("%d keys with an error: %v", len(entries), err)
		}
		seen := map[apikey.Digest]bool{}
		for _, e := range entries {
			if apikey.ValidateID(e.ID) != nil || seen[e.Digest] {
				t.Errorf("a key that is not whole, or twice: %+v", e)
			}
			seen[e.Digest] = true
		}
	})
}

// FuzzDigestOf: what is a key has the form of one, and the digest of its whole text.
func FuzzDigestOf(f *testing.F) {
	for _, seed := range []string{"", "consentd_", apikey.New(), apikey.New() + "=", fmt.Sprintf("consentd_%049d", 0)} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^consentd_[A-Za-z0-9_-]{49}$`)
	f.Fuzz(func(t *testing.T, text string) {
		digest, err := apikey.DigestOf(text)
		if err == nil && (!form.MatchString(text) || digest != apikey.Digest(sha256.Sum256([]byte(text)))) {
			t.Errorf("%q: %x", text, digest)
		}
	})
}
