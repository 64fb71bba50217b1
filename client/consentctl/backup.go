package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/backup"
	"github.com/consentd/consentd/server/store/pebble"
)

// backupTimeout is how long a backup may take unless --timeout says otherwise.
const backupTimeout = 12 * time.Hour

// stdio is what names standard input or output in place of a file.
const stdio = "-"

// copied is what backup and restore tell, as JSON has it.
type copied struct {
	Path     string    `json:"path"`
	StoreID  string    `json:"store_id"`
	Revision uint64    `json:"revision"`
	MadeAt   time.Time `json:"made_at"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
}

func copiedOf(path string, m *backup.Manifest) copied {
	return copied{path, m.StoreID, m.Revision, m.MadeAt, len(m.Files), m.Bytes()}
}

func (c copied) fields(w io.Writer) {
	fields(w, [][2]string{
		{"Store", c.StoreID}, {"Revision", fmt.Sprint(c.Revision)}, {"Made at", c.MadeAt.UTC().Format(time.RFC3339)},
		{"Files", fmt.Sprint(c.Files)}, {"Bytes", fmt.Sprint(c.Bytes)}, {"Path", c.Path},
	})
}

func (a *app) backupCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy the data of a running server to a directory, a tar archive, or standard output",
		Long: `Copy the data of a running server, which goes on: the store as of one revision, with every event that was acknowledged
before, the policies that were in force, and all else in its data directory. The archive's last entry is a manifest with the
digest of each file; the copy is compared with it as it comes, and is there whole or not at all. It is as sensitive as the
data directory.`,
		Example: `  consentctl backup --to /backups/2026-03-01
  consentctl backup --to /backups/2026-03-01.tar
  consentctl backup --to - | zstd > backup.tar.zst`,
	}
	cmd.Flags().StringVar(&to, "to", "", "a directory that is empty or not there, a new file FILE.tar, or - for standard output")
	must(cmd.MarkFlagRequired("to"))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !cmd.Flags().Changed("timeout") {
			a.timeout = backupTimeout
		}
		return a.with(cmd, func(ctx context.Context, c *client.Client) error {
			m, err := a.backup(to, func(w io.Writer) error {
				_, err := c.Backup(ctx, w)
				return err
			})
			if err != nil {
				return err
			}
			done := copiedOf(to, &m)
			if to == stdio { // which has the archive
				_, err := fmt.Fprintf(a.stderr, "store %s, revision %d, %d files, %d bytes\n",
					done.StoreID, done.Revision, done.Files, done.Bytes)
				return err
			}
			return a.printValue(done, done.fields)
		})
	}
	return a.takes(cmd)
}

// backup writes the archive that fetch writes to where it is wanted.
func (a *app) backup(to string, fetch func(io.Writer) error) (backup.Manifest, error) {
	switch {
	case to == stdio:
		return received(fetch, func(r io.Reader) (backup.Manifest, error) {
			return backup.FromTar(io.TeeReader(r, a.stdout))(backup.Discard)
		})
	case strings.HasSuffix(to, ".tar"):
		return toFile(to, fetch)
	}
	target := backup.Target{Dir: to, Last: pebble.Marks, Manifest: true}
	return received(fetch, func(r io.Reader) (backup.Manifest, error) { return target.Write(backup.FromTar(r)) })
}

// received has take read what fetch writes. Where fetch fails its error is the cause of the other.
func received(fetch func(io.Writer) error, take func(io.Reader) (backup.Manifest, error)) (backup.Manifest, error) {
	reader, writer := io.Pipe()
	fetched := make(chan error, 1)
	go func() {
		err := fetch(writer)
		writer.CloseWithError(err)
		fetched <- err
	}()
	m, err := take(reader)
	if err == nil {
		_, err = io.Copy(io.Discard, reader) // the archive's padding
	}
	reader.CloseWithError(err)
	if cause := <-fetched; cause != nil && !errors.Is(cause, err) {
		err = cause
	}
	if err != nil {
		return backup.Manifest{}, err
	}
	return m, nil
}

// toFile writes a new archive: under another name until it is whole and on disk.
func toFile(to string, fetch func(io.Writer) error) (m backup.Manifest, err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("--to %s: it is there already: name a new file", to)
	}
	f, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".unfinished-*")
	if err != nil {
		return m, fmt.Errorf("--to %s: %w", to, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	m, err = received(fetch, func(r io.Reader) (backup.Manifest, error) {
		return backup.FromTar(io.TeeReader(r, f))(backup.Discard)
	})
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	// A link, unlike a rename, takes no other file's place.
	if err := os.Link(f.Name(), to); err != nil {
		return m, fmt.Errorf("--to %s: %w", to, err)
	}
	return m, os.Remove(f.Name())
}

func (a *app) restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Make a data directory of a backup; no server is asked",
		Long: `Make a data directory of a backup: of a directory, an archive, or - for an archive on standard input. DIR must be empty or
not there: nothing is ever overwritten. It is there whole, compared with the manifest and on disk, or not at all. Then start a
server with --data-dir DIR. What was recorded after the backup is lost: consistency tokens of it are refused.`,
		Example: `  consentctl restore /backups/2026-03-01.tar /var/lib/consentd`,
		RunE: func(_ *cobra.Command, args []string) error {
			target := backup.Target{Dir: args[1], Last: pebble.Marks}
			return a.fromBackup(args[0], func(from backup.Source) error {
				m, err := target.Write(from)
				if err != nil {
					return err
				}
				done := copiedOf(args[1], &m)
				return a.printValue(done, done.fields)
			})
		},
	}
	return a.takes(cmd, argument{name: "FROM"}, argument{name: "DIR"})
}

// fromBackup opens a backup.
func (a *app) fromBackup(name string, use func(backup.Source) error) error {
	if name == stdio {
		return use(backup.FromTar(a.stdin))
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return use(backup.FromDir(name))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return use(backup.FromTar(f))
}
