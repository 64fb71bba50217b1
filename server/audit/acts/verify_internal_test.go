package acts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTamperingIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	l := mustOpen(t, Config{File: path})
	for i := range 6 {
		l.mustWrite(t, explained(fmt.Sprintf("subject-%d", i)))
	}
	mustClose(t, l)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")[:6]
	whole := verified(t, path)
	for _, test := range []struct {
		name  string
		lines []string
		want  string // empty: it cannot be found, but by the last hash
	}{
		{"a line is changed", []string{lines[0], strings.Replace(lines[1], "subject-1", "subject-9", 1), lines[2]},
			":3: the line before"},
		{"a line is removed", []string{lines[0], lines[2], lines[3]}, ":2: lines 2 to 2 are missing"},
		{"lines are swapped", []string{lines[0], lines[2], lines[1]}, ":2: lines 2 to 2 are missing"},
		{"a line is twice", []string{lines[0], lines[1], lines[1]}, ":3: it has the number 2 after 2"},
		{"the first is removed and the second numbered as it", []string{strings.Replace(lines[1], `"seq":2`, `"seq":1`, 1), lines[2]},
			":1: the line before"},
		{"a line is removed and the next renumbered", []string{lines[0], strings.Replace(lines[2], `"seq":3`, `"seq":2`, 1)},
			":2: the line before"},
		{"no line", []string{lines[0], "garbage\n", lines[2]}, ":2: the line is damaged"},
		{"the end is cut off", lines[:4], ""},
	} {
		changed := filepath.Join(t.TempDir(), "changed.jsonl")
		if err := os.WriteFile(changed, []byte(strings.Join(test.lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Verify(changed)
		switch {
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want == "" && (len(r.Faults) > 0 || r.Sum == whole.Sum):
			t.Errorf("%s: %+v", test.name, r)
		case test.want != "" && (len(r.Faults) == 0 || !strings.Contains(r.Faults[0].String(), test.want)):
			t.Errorf("%s: faults %v, want %q", test.name, r.Faults, test.want)
		}
	}
}

// FuzzVerify: whatever a file has, it is told and never a panic, and Open goes on after it with a chain of its own.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("{\"seq\":1}\n{\"seq\":2"))
	f.Add([]byte("\n\n\x00\n"))
	f.Add([]byte("{\"seq\":18446744073709551615,\"prev\":\"\"}\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "acts.jsonl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := Verify(path)
		if err != nil {
			t.Fatal(err)
		}
		l := mustOpen(t, Config{File: path})
		l.mustWrite(t, explained("s"))
		mustClose(t, l)
		after, err := Verify(path)
		if err != nil || after.Torn || after.Lines != before.Lines+1 {
			t.Errorf("before %+v, after %+v, error %v", before, after, err)
		}
		if len(before.Faults) == 0 && len(after.Faults) > 0 {
			t.Errorf("a whole file became %v", after.Faults)
		}
	})
}
