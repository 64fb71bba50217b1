package pebble

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// listing is all files of a directory with their contents.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestVerifyFindsNothingInGoodStores(t *testing.T) {
	for name, want := range map[string]Report{
		"format-1": {Format: 1, Revision: 1340, IDs: 307, Outdated: 307},
		"format-2": {Format: 2, Revision: 303, IDs: 60},
		"format-3": {Format: 3, Revision: 115, IDs: 39, People: 4, Shared: 1},
		"format-4": {Format: 4, Revision: 115, IDs: 39, People: 4, Shared: 1},
		"format-5": {Format: 5, Revision: 115, IDs: 39, People: 4, Shared: 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, name)
			before := listing(t, dir)
			got, err := Verify(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Faults) > 0 || got.Events < int(got.Revision) {
				t.Errorf("%d events, faults: %s", got.Events, strings.Join(got.Faults, "\n"))
			}
			want.ID, want.Events = got.ID, got.Events
			if diff := cmp.Diff(want, *got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
				t.Errorf("verifying changed the directory (-before +after):\n%s", diff)
			}
		})
	}
}

// Whatever is taken from a store, or put in another's place, is a fault.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	person := consent.Subject{Controller: "example", ID: "account:1"}
	for name, tt := range map[string]struct {
		change func(t *testing.T, db *engine.DB)
		want   string
	}{
		"a lost event": {func(t *testing.T, db *engine.DB) {
			deleteOne(t, db, eventPrefix(consent.Subject{Controller: "example", ID: "consents"}), 0)
		}, "is not in the ledger of consents"},
		"a lost withdrawal": {func(t *testing.T, db *engine.DB) {
			deleteOne(t, db, eventPrefix(consent.Subject{Controller: "example", ID: "consents"}), 3)
		}, "the state of consents of example is not what its ledger folds to"},
		"a lost link": {func(t *testing.T, db *engine.DB) {
			deleteOne(t, db, eventPrefix(consent.Subject{Controller: "example", ID: "device:b"}), 0)
		}, "is missing in the ledger of device:b"},
		"a lost state": {func(t *testing.T, db *engine.DB) {
			deleteOne(t, db, stateKey(consent.Subject{Controller: "example", ID: "device:b"}), 0)
		}, "device:b of example is listed by a person that it does not name"},
		"the state of another": {func(t *testing.T, db *engine.DB) {
			copyValue(t, db, stateKey(consent.Subject{Controller: "example", ID: "stops"}),
				stateKey(consent.Subject{Controller: "example", ID: "profile"}))
		}, "the state of profile of example is not what"},
		"another person": {func(t *testing.T, db *engine.DB) {
			copyValue(t, db, stateKey(consent.Subject{Controller: "example", ID: "account:4"}), stateKey(person))
		}, "account:1 of example is kept as"},
		"a lost id": {func(t *testing.T, db *engine.DB) {
			deleteOne(t, db, idKey("example", "event-1"), 0)
		}, "can be found by their ids"},
		"a lower revision": {func(t *testing.T, db *engine.DB) {
			set(t, db, revisionKey, []byte{0, 0, 0, 0, 0, 0, 0, 9})
		}, "the store's newest is 9"},
		"a higher revision": {func(t *testing.T, db *engine.DB) {
			set(t, db, revisionKey, []byte{0, 0, 0, 0, 0, 0, 0, 116})
		}, "revision 116 of 116 has no event"},
		"a lost mark":  {func(t *testing.T, db *engine.DB) { deleteOne(t, db, markKey(40), 0) }, "revision 40 has no mark, 41 has"},
		"another mark": {func(t *testing.T, db *engine.DB) { copyValue(t, db, markKey(7), markKey(8)) }, "revision 8 is not the one"},
		"no last mark": {func(t *testing.T, db *engine.DB) { deleteOne(t, db, markKey(115), 0) }, "revision 115 of 115 has no mark"},
		"another chain": {func(t *testing.T, db *engine.DB) {
			set(t, db, chainKey, bytes.Repeat([]byte{7}, 32))
		}, "the chain at revision 115 is not that of the ledger"},
		"no chain": {func(t *testing.T, db *engine.DB) { deleteOne(t, db, chainKey, 0) }, "the chain of the history is missing"},
		"another time of recording": {func(t *testing.T, db *engine.DB) {
			editOne(t, db, eventPrefix(consent.Subject{Controller: "example", ID: "consents"}), func(value []byte) { value[1] ^= 1 })
		}, "revision 1 is not the one that the chain of the history has"},
		"garbage": {func(t *testing.T, db *engine.DB) {
			set(t, db, stateKey(person), []byte{1, 2, 3})
		}, "the state of account:1 of example cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, "format-5")
			changed(t, dir, tt.change)
			got, err := Verify(dir)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(got.Faults, "\n"); !strings.Contains(text, tt.want) {
				t.Errorf("faults do not say %q:\n%s", tt.want, text)
			}
		})
	}
}

// changed opens a store's database and changes it.
func changed(t *testing.T, dir string, change func(*testing.T, *engine.DB)) {
	t.Helper()
	options := engineOptions(Options{}, newMonitor(Options{}))
	options.FS = vfs.Default
	db, err := engine.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	change(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// deleteOne deletes the nth key with a prefix.
func deleteOne(t *testing.T, db *engine.DB, prefix []byte, n int) {
	t.Helper()
	iter, err := db.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		t.Fatal(err)
	}
	valid := iter.First()
	for range n {
		valid = iter.Next()
	}
	key := bytes.Clone(iter.Key())
	if err := errors.Join(iter.Close(), db.Delete(key, engine.Sync)); err != nil || !valid {
		t.Fatal(valid, err)
	}
}

// editOne changes the value of the first key with a prefix.
func editOne(t *testing.T, db *engine.DB, prefix []byte, edit func(value []byte)) {
	t.Helper()
	iter, err := db.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		t.Fatal(err)
	}
	valid := iter.First()
	key, value := bytes.Clone(iter.Key()), bytes.Clone(iter.Value())
	edit(value)
	if err := errors.Join(iter.Close(), db.Set(key, value, engine.Sync)); err != nil || !valid {
		t.Fatal(valid, err)
	}
}

func copyValue(t *testing.T, db *engine.DB, from, to []byte) {
	t.Helper()
	value, closer, err := db.Get(from)
	if err != nil {
		t.Fatal(err)
	}
	set(t, db, to, bytes.Clone(value))
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, db *engine.DB, key, value []byte) {
	t.Helper()
	if err := db.Set(key, value, engine.Sync); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	open := filepath.Join(t.TempDir(), "data")
	s, err := Open(open, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	_, err = Verify(open)
	oneUsefulLine(t, err, open, "in use", "stop that one")
	_, err = Verify(filepath.Join(t.TempDir(), "data"))
	oneUsefulLine(t, err, "cannot be opened")
	empty := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(empty)
	oneUsefulLine(t, err, "cannot be opened")
}
