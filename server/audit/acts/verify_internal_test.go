package acts

import (
	"os"
	"path/filepath"
	"testing"
)

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
