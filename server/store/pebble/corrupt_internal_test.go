package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

const corruptSubjects = 40

// written is a store with tables and, unless it was closed, a log of 100 KiB, and what a reader of each subject sees.
func written(t *testing.T, closed bool) (files *vfs.MemFS, seen map[consent.Subject]consent.Snapshot) {
	files = vfs.NewCrashableMem()
	s, r := mustOpen(t, files, nil), rand.New(rand.NewPCG(1, 1))
	for i := range 4 * corruptSubjects {
		batch := grantOf(subject(i%corruptSubjects), fmt.Sprint(i))
		// Random, so that compression leaves tables of several blocks.
		evidence := make([]byte, 1<<10)
		for j := range evidence {
			evidence[j] = byte('0' + r.IntN(64))
		}
		batch.Events[0].Evidence = string(evidence)
		mustRecord(t, s, batch)
		if i == corruptSubjects || i == 2*corruptSubjects {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen = map[consent.Subject]consent.Snapshot{}
	for i := range corruptSubjects {
		got, err := s.Read(t.Context(), subject(i))
		if err != nil {
			t.Fatal(err)
		}
		seen[subject(i)] = got
	}
	if closed {
		mustClose(t, s)
	}
	return files.CrashClone(vfs.CrashCloneCfg{}), seen
}

// damages change the bytes of a file.
var damages = map[string]func(b []byte, r *rand.Rand) []byte{
	"a flipped bit": func(b []byte, r *rand.Rand) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	},
	"a zeroed block": func(b []byte, r *rand.Rand) []byte {
		from := r.IntN(len(b))
		clear(b[from:min(from+64, len(b))])
		return b
	},
	"garbage": func(b []byte, r *rand.Rand) []byte {
		from := r.IntN(len(b))
		for i := from; i < min(from+64, len(b)); i++ {
			b[i] = byte(r.IntN(256))
		}
		return b
	},
	"a lost end": func(b []byte, r *rand.Rand) []byte { return b[:r.IntN(len(b))] },
	"nothing":    func([]byte, *rand.Rand) []byte { return nil },
}

// Whatever happens to a file of a closed store, it refuses to open with one line, or refuses to read, or reads
// what was written.
func TestDamagedFiles(t *testing.T) {
	outcomes := damageAll(t, true)
	for _, outcome := range []string{refused, intact} {
		if outcomes[outcome] == 0 {
			t.Errorf("no damage ended as %q", outcome)
		}
	}
	if outcomes[shorter] > 0 {
		t.Errorf("changes were lost silently: %d", outcomes[shorter])
	}
}

// Damage in the middle of a table is noticed by whoever reads there.
func TestDamagedTableIsUnavailable(t *testing.T) {
	files, want := written(t, true)
	names, err := files.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, name := range names {
		b, err := files.UnsafeGetFileDataBuffer(files.PathJoin(dir, name))
		if err == nil && strings.HasSuffix(name, ".sst") && len(b) > 16<<10 {
			clear(b[len(b)/3 : len(b)/2])
			damaged++
		}
	}
	if got := readDamaged(t, files, want, "tables"); damaged == 0 || got != unreadable {
		t.Errorf("%d damaged tables ended as %q, want %q", damaged, got, unreadable)
	}
}

// After a crash the same holds, but for the end of the log: there damage cannot be told from a write that was cut
// off.
func TestDamagedFilesAfterACrash(t *testing.T) { damageAll(t, false) }

func damageAll(t *testing.T, closed bool) map[string]int {
	files, want := written(t, closed)
	names, err := files.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, name := range names {
		whole, err := files.UnsafeGetFileDataBuffer(files.PathJoin(dir, name))
		if err != nil || len(whole) == 0 {
			continue
		}
		for damage, apply := range damages {
			r := rand.New(rand.NewPCG(1, uint64(len(whole))))
			for range 8 {
				broken := vfs.NewMem()
				if _, err := vfs.Clone(files, broken, dir, dir, vfs.CloneSync); err != nil {
					t.Fatal(err)
				}
				writeFile(t, broken, name, string(apply(bytes.Clone(whole), r)))
				outcomes[readDamaged(t, broken, want, name+" with "+damage)]++
			}
		}
	}
	t.Log(outcomes)
	return outcomes
}

const refused, unreadable, intact, shorter = "refused", "unreadable", "intact", "shorter log"

// readDamaged opens and uses a damaged store, and says how that ended.
func readDamaged(t *testing.T, files vfs.FS, want map[consent.Subject]consent.Snapshot, what string) string {
	t.Helper()
	s, err := Open(dir, Options{FS: files})
	if err != nil {
		oneUsefulLine(t, err)
		return refused
	}
	defer s.Close()
	lost := s.Applied() < 4*corruptSubjects
	if lost && (!strings.Contains(what, ".log") || cutInside(s, what)) {
		t.Errorf("%s: applied %d", what, s.Applied())
	}
	outcome := intact
	if lost {
		outcome = shorter
	}
	for who, before := range want {
		got, err := s.Read(t.Context(), who)
		if err == nil {
			_, err = s.Events(t.Context(), who, consent.Page{Limit: 100})
		}
		if err != nil {
			if !errors.Is(err, consent.ErrUnavailable) {
				t.Errorf("%s: reading: %v", what, err)
			}
			outcome = unreadable
			continue
		}
		if diff := cmp.Diff(before.State, got.State); diff != "" && !lost {
			t.Fatalf("%s: a wrong state is read (-want +got):\n%s", what, diff)
		}
	}
	if _, err := s.Record(t.Context(), grantOf(subject(0), "new")); err != nil && !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("%s: recording: %v", what, err)
	}
	return outcome
}

// cutInside reports whether more is gone than the last 64 KiB of the log, unless the log itself was cut off.
func cutInside(s *Store, what string) bool {
	cut := strings.HasSuffix(what, "a lost end") || strings.HasSuffix(what, "nothing")
	return !cut && s.Applied() < 4*corruptSubjects-64
}
