package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/backup"
	"github.com/consentd/consentd/server/store/pebble"
)

// verified is what verify tells, as JSON has it.
type verified struct {
	Path     string   `json:"path"`
	StoreID  string   `json:"store_id"`
	Format   int      `json:"format"`
	Revision uint64   `json:"revision"`
	Files    int      `json:"files"`
	IDs      int      `json:"ids"`
	People   int      `json:"people"`
	Shared   int      `json:"shared_ids"`
	Events   int      `json:"events"`
	Outdated int      `json:"states_of_older_rules"`
	Faults   []string `json:"faults"`
	More     int      `json:"more_faults"`
}

func (v *verified) write(w io.Writer) {
	files := "no manifest: a data directory"
	if v.Files > 0 {
		files = fmt.Sprintf("%d, all as the manifest says", v.Files)
	}
	fields(w, [][2]string{
		{"Store", v.StoreID}, {"Format", fmt.Sprint(v.Format)}, {"Revision", fmt.Sprint(v.Revision)}, {"Files", files},
		{"Ids", fmt.Sprint(v.IDs)}, {"People of several ids", fmt.Sprint(v.People)}, {"Shared ids", fmt.Sprint(v.Shared)},
		{"Events", fmt.Sprint(v.Events)}, {"States of older rules", orNothing(v.Outdated)},
	})
	for _, fault := range v.Faults {
		fmt.Fprintln(w, "fault: "+clean(fault))
	}
	if v.More > 0 {
		fmt.Fprintf(w, "and %d more\n", v.More)
	}
	if len(v.Faults) == 0 {
		fmt.Fprintln(w, "\nevery event is in place, and every state is what its ledger folds to")
	}
}

func orNothing(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look whether a backup, or the data directory of a stopped server, is whole; no server is asked",
		Long: `Look whether a backup is whole, or the data directory of a server that is stopped: a directory, an archive, or - for an
archive on standard input. Archives are unpacked into a temporary directory (environment TMPDIR). Files are compared with
the manifest. Then every event is looked for where its id says and in each ledger that it belongs to, links on both sides,
revisions for gaps, and each state is folded anew from its ledger and compared. Nothing is changed. Exits 1, with the first
faults, where something is wrong.`,
		Example: `  consentctl verify /backups/2026-03-01.tar
  consentctl verify /var/lib/consentd`,
		RunE: func(_ *cobra.Command, args []string) error {
			found, err := a.verify(args[0])
			if err != nil {
				return err
			}
			if err := a.printValue(found, found.write); err != nil {
				return err
			}
			if len(found.Faults) > 0 {
				return errRefused
			}
			return nil
		},
	}
	return a.takes(cmd, argument{name: "FROM"})
}

// verify looks at a backup or a data directory. A file that is not as the manifest says is a fault, and the store is
// not opened then.
func (a *app) verify(from string) (*verified, error) {
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(from, backup.ManifestName)); errors.Is(err, fs.ErrNotExist) {
			return verifyStore(from, from, backup.Manifest{})
		}
		m, err := backup.FromDir(from)(backup.Discard)
		if err != nil {
			return notWhole(from, err), nil
		}
		return verifyStore(from, from, m)
	}
	parent, err := os.MkdirTemp("", "consentctl-verify-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(parent) }() // of the system's temporary files
	dir := filepath.Join(parent, "data")
	var found *verified
	err = a.fromBackup(from, func(source backup.Source) (err error) {
		m, err := backup.Target{Dir: dir, Last: pebble.Marks}.Write(source)
		if err != nil {
			found = notWhole(from, err)
			return nil
		}
		found, err = verifyStore(from, dir, m)
		return err
	})
	return found, err
}

// notWhole is a backup that does not hold what its manifest says.
func notWhole(from string, err error) *verified {
	return &verified{Path: from, Faults: cleanLines(err.Error())}
}

func verifyStore(from, dir string, m backup.Manifest) (*verified, error) {
	r, err := pebble.Verify(dir)
	if err != nil {
		return nil, err
	}
	v := &verified{
		Path: from, StoreID: hex.EncodeToString(r.ID[:]), Format: r.Format, Revision: uint64(r.Revision), Files: len(m.Files),
		IDs: r.IDs, People: r.People, Shared: r.Shared, Events: r.Events, Outdated: r.Outdated, Faults: r.Faults, More: r.More,
	}
	if m.Files != nil && (m.StoreID != v.StoreID || m.Revision != v.Revision) {
		v.Faults = append(v.Faults, fmt.Sprintf("the manifest names store %s at revision %d", m.StoreID, m.Revision))
	}
	return v, nil
}
