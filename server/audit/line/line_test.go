package line_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// random makes lines that use every field in every form.
type random struct{ *rand.Rand }

var texts = []string{
	"u", "user-42", "é", "a\"b\\c", "tab\there", "\x00\x1f", "line\u2028end", "</script>&", "日本", strings.Repeat("x", 200),
}

func (r random) text() string { return texts[r.IntN(len(texts))] }

func (r random) texts(n int) (list []string) {
	for range r.IntN(n) {
		list = append(list, r.text())
	}
	return list
}

func (r random) instant() consent.Instant {
	return consent.Instant(1 + r.Int64N(int64(8e18)))
}

func (r random) line() line.Line {
	if r.IntN(20) == 0 {
		return line.Line{Time: r.instant(), Dropped: 1 + r.Uint64N(1e6)}
	}
	l := line.Line{
		Time: r.instant(), Caller: r.text(), Latency: time.Duration(r.IntN(1e9)),
		Request: consent.Request{
			Subject: consent.Subject{Controller: r.text(), ID: r.text()}, Purpose: r.text(), DataCategories: r.texts(4),
		},
		Decision: consent.Decision{
			Effect: consent.Effect(r.IntN(2)), Basis: consent.Basis(r.IntN(11)), PermittedDataCategories: r.texts(3),
			PolicyRevision: r.text(), ID: r.text(),
		},
		Masked: r.texts(3),
	}
	if r.IntN(2) == 0 {
		l.Request.Recipient = consent.Recipient{Kind: consent.RecipientKind(1 + r.IntN(7)), ID: r.text(), Country: "US"}
		l.Context = line.AppendContext(nil, map[string]any{
			"a": r.Float64(), "b": []any{true, nil, r.text()}, r.text(): map[string]any{"n": float64(r.IntN(9))},
		})
		l.Decision.ValidUntil = r.instant()
	}
	if r.IntN(3) == 0 {
		l.SubjectKey = "k1"
	}
	if r.IntN(5) == 0 {
		l.Decision.Degraded, l.Decision.StateAge = consent.Degradation(1+r.IntN(2)), time.Duration(r.Int64N(int64(24*time.Hour)))
	}
	if l.HasState = r.IntN(3) > 0; l.HasState {
		l.Decision.StateRevision = consent.Revision(r.IntN(100))
	} else {
		l.Answers = r.Uint64N(5)
	}
	for range r.IntN(3) {
		l.Decision.Reasons = append(l.Decision.Reasons, consent.Reason{Code: consent.ReasonCode(1 + r.IntN(32)), Clause: r.text()})
		o := consent.Obligation{Code: consent.ObligationCode(1 + r.IntN(10))}
		switch r.IntN(4) {
		case 0:
			o.Parameters = consent.Parameters{Country: "US", Categories: []string{"a.b"}, Signal: "gpc", Time: r.instant()}
		case 1:
			o.Parameters.Time = r.instant()
		}
		l.Decision.Obligations = append(l.Decision.Obligations, o)
	}
	return l
}

func TestLinesReadBackAsTheyWere(t *testing.T) {
	r := random{rand.New(rand.NewPCG(3, 4))}
	for range 5000 {
		want := r.line()
		text := line.Append(nil, &want)
		if !json.Valid(text) || bytes.Count(text, []byte("\n")) != 1 {
			t.Fatalf("%q is no line of JSON", text)
		}
		got, err := line.Parse(text)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%s\n%v (-written +read):\n%s", text, err, diff)
		}
	}
}

// TestTextIsWrittenAsJSONHasIt compares strings with encoding/json's, also what is not UTF-8.
func TestTextIsWrittenAsJSONHasIt(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "é", string(rune(c)) + "z"} {
			got := line.AppendContext(nil, map[string]any{"k": s})
			var back map[string]any
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			plain, _ := json.Marshal(s)
			var want string
			_ = json.Unmarshal(plain, &want)
			if back["k"] != want {
				t.Errorf("%q became %q, want %q", s, back["k"], want)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const at, request = `{"time":"2026-01-01T00:00:00Z"`, `,"request":{"controller":"c","purpose":"p"`
	const end = `},"response":{"decision":"DENY"}}`
	for _, test := range [][2]string{
		{`x`, "want a JSON object"},
		{`[]`, "want a JSON object"},
		{`{}`, "time: is required"},
		{at + `}`, "request: is required"},
		{`{"time":"1960-01-01T00:00:00Z"}`, "time: 1960-01-01"},
		{at + `,"request":{}}`, "request: is required"},
		{at + request + `}}`, "response: is required"},
		{at + request + `},"response":{}}`, "response.decision: \"\""},
		{at + request + `},"response":{"decision":"MAYBE"}}`, "response.decision: \"MAYBE\""},
		{at + request + `},"response":{"decision":"DENY","reasons":[{"code":"X"}]}}`, "response.reasons"},
		{at + request + `},"response":{"decision":"DENY","degraded":"X"}}`, "response.degraded"},
		{at + request + `},"response":{"decision":"DENY","state_age":"old"}}`, "response.state_age"},
		{at + request + `,"context":[1]` + end, "request.context"},
		{at + request + `,"recipient":{"kind":"X"}` + end, "request.recipient.kind"},
	} {
		if _, err := line.Parse([]byte(test[0])); err == nil || !strings.Contains(err.Error(), test[1]) {
			t.Errorf("%s: got %v, want %q", test[0], err, test[1])
		}
	}
}

// frames packs each text as a frame of zstd.
func frames(t *testing.T, parts ...string) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, p := range parts {
		out = encoder.EncodeAll([]byte(p), out)
	}
	return out
}

// read returns how many lines are read, whether the log is torn, and the first error.
func read(t *testing.T, log []byte) (lines int, torn bool, err error) {
	t.Helper()
	r, err := line.NewReader(bytes.NewReader(log))
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	for {
		switch _, err := r.Next(); {
		case errors.Is(err, io.EOF):
			return lines, r.Torn(), nil
		case err != nil:
			return lines, r.Torn(), err
		}
		lines++
	}
}

func someLines(n int) string {
	r := random{rand.New(rand.NewPCG(uint64(n), 4))}
	var text []byte
	for range n {
		l := r.line()
		text = line.Append(text, &l)
	}
	return string(text)
}

// TestALogThatIsCutOffAnywhereReads: as a kill leaves it, plain or of zstd, it reads up to where it was cut.
func TestALogThatIsCutOffAnywhereReads(t *testing.T) {
	const each = 5
	text := [3]string{someLines(each), someLines(each), someLines(each)}
	for name, whole := range map[string][]byte{
		"plain": []byte(text[0] + text[1] + text[2]), "zstd": frames(t, text[0], text[1], text[2]),
	} {
		if n, torn, err := read(t, whole); n != 3*each || torn || err != nil {
			t.Errorf("%s: whole: %d lines, torn %v, %v", name, n, torn, err)
		}
		first := len(frames(t, text[0]))
		step := map[string]int{"plain": 1, "zstd": 7}[name]
		for cut := 0; cut < len(whole); cut += step {
			n, torn, err := read(t, whole[:cut])
			switch {
			case err != nil && cut >= 4:
				t.Fatalf("%s: cut at %d: %v", name, cut, err)
			case name == "zstd" && cut >= first && n < each:
				t.Errorf("%s: cut at %d: only %d lines of a whole frame", name, cut, n)
			case name == "zstd" && cut > first && cut < len(frames(t, text[0], text[1])) && !torn:
				t.Errorf("%s: cut at %d, and the reader does not tell", name, cut)
			case name == "plain" && n != bytes.Count(whole[:cut], []byte("\n")) && n != bytes.Count(whole[:cut+1], []byte("\n")):
				t.Errorf("plain: cut at %d: %d lines", cut, n)
			}
		}
	}
}

// TestDamageIsAnError: what is damaged before the end is never passed over.
func TestDamageIsAnError(t *testing.T) {
	log := frames(t, someLines(50), someLines(50))
	found := 0
	for at := 8; at < len(log)-8; at += 7 {
		damaged := bytes.Clone(log)
		damaged[at] ^= 0x55
		if n, torn, err := read(t, damaged); err != nil {
			found++
		} else if n == 100 && !torn {
			t.Errorf("byte %d of %d was changed, and nobody noticed", at, len(log))
		}
	}
	if found == 0 {
		t.Error("no damage was an error")
	}
	long := strings.Repeat("x", line.MaxBytes+1)
	if _, _, err := read(t, []byte(long+"\n")); err == nil || !strings.Contains(err.Error(), "1: is longer than") {
		t.Errorf("a line of 4 MiB: %v", err)
	}
	if _, _, err := read(t, []byte("{}\n")); err == nil || !strings.HasPrefix(err.Error(), "1: time") {
		t.Errorf("got %v", err)
	}
}

func TestKeys(t *testing.T) {
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const old, fresh = "000102030405060708090a0b0c0d0e0f", "ffeeddccbbaa99887766554433221100ffee"
	keys, err := line.ReadKeys(file("# keys\nk2 " + fresh + "\n\nk1 " + old + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	subject := consent.Subject{Controller: "example", ID: "u"}
	// openssl: printf 'example\0u' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102030405060708090a0b0c0d0e0f
	const want = "74c1995d1ef9c6d3d3f081109e0561ea004c66227d9858448a46412f9afc97f9"
	if got := string(keys.Of("k1").Name(subject)); got != want {
		t.Errorf("HMAC %s, want %s", got, want)
	}
	if got := keys.Current(); got.ID != "k2" || string(got.Name(subject)) == want || keys.Of("k3") != nil {
		t.Errorf("the key in use is %s", got.ID)
	}
	for content, want := range map[string]string{
		"": "holds no key", "k1": ":1: the key k1 must be", "k1 00": ":1: the key k1", "a/b " + old: ":1: want an id",
		"k1 " + old + "\nk1 " + fresh: ":2: the id k1 stands twice", "k1 " + old + "zz": ":1: the key k1",
	} {
		_, err := line.ReadKeys(file(content))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
		if err != nil && strings.Contains(err.Error(), old) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
}

// FuzzParse: no text brings the reader down, and what it reads it reads again from what it writes.
func FuzzParse(f *testing.F) {
	for _, text := range strings.SplitAfter(someLines(20), "\n") {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := line.Parse(text)
		if err != nil {
			return
		}
		again, err := line.Parse(line.Append(nil, &l))
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, line.Append(nil, &l), err)
		}
		if diff := cmp.Diff(l, again, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(line.Line{}, "Context")); diff != "" {
			t.Fatalf("%q (-first +again):\n%s", text, diff)
		}
	})
}

// FuzzReader: no file brings it down, or holds it up.
func FuzzReader(f *testing.F) {
	f.Add([]byte(someLines(3)))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0})
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoder.EncodeAll([]byte(someLines(3)), nil))
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := line.NewReader(bytes.NewReader(log))
		if err != nil {
			return
		}
		defer r.Close()
		for range len(log) + 1<<20 {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				return
			}
		}
		t.Error("the log has no end")
	})
}

func ExampleParse() {
	l, err := line.Parse([]byte(`{"time":"2026-03-01T12:00:00Z","request":{"controller":"example","subject_id":"u",` +
		`"purpose":"marketing_email"},"response":{"decision":"DENY","reasons":[{"code":"OBJECTED"}]},"state_revision":17}`))
	fmt.Println(l.Decision.Effect, l.Decision.Reasons[0].Code, l.Decision.StateRevision, err)
	// Output: DENY OBJECTED 17 <nil>
}
