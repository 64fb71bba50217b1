package source

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The times of a path that is watched. A save is read once nothing happened for quiet, and at the latest after
// patience, so that a burst of saves is read once; then twice, stable apart, until two readings agree, so that no
// half-written file is taken for a whole one. Together they leave half a second of the second in which a save is to be
// live.
const (
	quiet    = 100 * time.Millisecond
	patience = 400 * time.Millisecond
	stable   = 40 * time.Millisecond
	readings = 25
	// lookEvery is how often a path is looked at where the system gives no notifications.
	lookEvery = 500 * time.Millisecond
)

// local is a directory or a bundle file; which of them is seen at each reading.
//
// It watches every folder on the way to the path, the tree below it, and what symbolic links on the way and in the tree
// lead to, so that files and folders that are replaced by renaming, and links that are turned, are seen. What is missed
// nevertheless is found by polling.
type local struct {
	path   string
	unpack unpacker
	poll   time.Duration
	logger *slog.Logger
	// watcher is nil where the system has none left.
	watcher *fsnotify.Watcher
	// blind is whether something could not be watched; it is then looked at more often.
	blind bool
	// resolved is path without symbolic links, along what is on the way to it, as of the last reading.
	resolved string
	along    []string
}

func newLocal(path string, c Config, unpack unpacker) *local {
	l := &local{path: path, unpack: unpack, poll: c.Poll, logger: c.Logger}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		l.cannotWatch(path, err)
		return l
	}
	l.watcher = watcher
	return l
}

// Name implements Source.
func (l *local) Name() string { return l.path }

// Close implements Source.
func (l *local) Close() error {
	if l.watcher == nil {
		return nil
	}
	return l.watcher.Close()
}

// Read implements Source. It never returns ErrUnchanged.
func (l *local) Read(ctx context.Context) (*Files, error) {
	l.watch()
	return agreed(ctx, l.readOnce)
}

// agreed reads until two readings in a row agree, on the files or on why there are none.
func agreed(ctx context.Context, read func() (*Files, error)) (*Files, error) {
	last, lastErr := read()
	for range readings {
		if err := pause(ctx, stable); err != nil {
			return nil, err
		}
		files, err := read()
		switch {
		case err != nil && lastErr != nil && err.Error() == lastErr.Error():
			return nil, err
		case err == nil && lastErr == nil && files.Digest() == last.Digest():
			return files, nil
		}
		last, lastErr = files, err
	}
	return nil, errors.New("the files kept changing while they were read: save them again when what writes them has ended")
}

func (l *local) readOnce() (*Files, error) {
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such directory or file")
	case err != nil:
		return nil, cannotRead(err)
	case info.IsDir() && l.unpack.key != nil:
		return nil, errors.New("a directory carries no signature, and policies-key asks for one: " +
			"give a bundle signed by `opa build --signing-key`")
	case info.IsDir():
		return ReadDir(l.path, l.unpack.maxBytes)
	case !info.Mode().IsRegular():
		return nil, errors.New("is neither a directory nor a file")
	case info.Size() > l.unpack.maxBytes:
		return nil, tooLarge("the bundle is", l.unpack.maxBytes)
	}
	content, err := os.ReadFile(l.path)
	if err != nil {
		return nil, cannotRead(err)
	}
	return l.unpack.unpack(content)
}

// Next implements Source.
func (l *local) Next(ctx context.Context) error {
	look := time.NewTimer(l.interval())
	defer look.Stop()
	for {
		select {
		case e := <-l.events():
			if l.concerns(e.Name) {
				return l.settle(ctx)
			}
		case <-l.lost():
			return nil // events were lost: look
		case <-look.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *local) interval() time.Duration {
	if l.blind {
		return min(l.poll, lookEvery)
	}
	return l.poll
}

// settle waits until nothing happens any more, or for patience.
func (l *local) settle(ctx context.Context) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	still := time.NewTimer(quiet)
	defer still.Stop()
	for {
		select {
		case e := <-l.events():
			if l.concerns(e.Name) {
				still.Reset(quiet)
			}
		case <-l.lost():
		case <-still.C:
			return nil
		case <-deadline.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *local) events() chan fsnotify.Event {
	if l.watcher == nil {
		return nil
	}
	return l.watcher.Events
}

func (l *local) lost() chan error {
	if l.watcher == nil {
		return nil
	}
	return l.watcher.Errors
}

// concerns reports whether something that happened to a path can have changed what is read.
func (l *local) concerns(name string) bool {
	return slices.Contains(l.along, name) || within(l.path, name) || within(l.resolved, name)
}

func within(folder, name string) bool {
	return name == folder || strings.HasPrefix(name, folder+string(filepath.Separator))
}

// watch watches what is there now, and nothing else. It comes before reading, so that nothing changes unseen in
// between.
func (l *local) watch() {
	if l.watcher == nil {
		return
	}
	wanted := map[string]bool{}
	l.along, l.resolved = walkPath(l.path)
	for _, name := range l.along {
		_, err := os.Readlink(name)
		l.add(wanted, filepath.Dir(name), err == nil || name == l.path || name == l.resolved)
	}
	visited := 0
	l.watchBelow(wanted, l.resolved, &visited)
	for _, dir := range l.watcher.WatchList() {
		if !wanted[dir] {
			_ = l.watcher.Remove(dir) // it may be gone
		}
	}
}

// watchBelow watches the folders below one, hidden ones aside, and those that links lead to.
func (l *local) watchBelow(wanted map[string]bool, folder string, visited *int) {
	_ = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if *visited++; *visited > maxEntries {
			return fs.SkipAll // the reading refuses it
		}
		if err != nil {
			return nil // what cannot be read is reported by the reading
		}
		if name != folder && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			l.add(wanted, name, true)
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			l.watchTarget(wanted, name, visited)
		}
		return nil
	})
}

// watchTarget watches what a link inside the directory leads to.
func (l *local) watchTarget(wanted map[string]bool, link string, visited *int) {
	target, err := filepath.EvalSymlinks(link)
	if err != nil || !within(l.resolved, target) || within(target, link) {
		return // the reading refuses it
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() && !wanted[target] {
		l.watchBelow(wanted, target, visited)
		return
	}
	l.add(wanted, filepath.Dir(target), true)
}

// walkPath returns all paths on the way to a path, those that its symbolic links lead along too, and where it ends.
func walkPath(path string) (along []string, end string) {
	const most = 40 // as the system has it
	separator := string(filepath.Separator)
	rest, at, links := strings.Split(strings.TrimPrefix(path, separator), separator), separator, 0
	for len(rest) > 0 && links <= most {
		at, rest = filepath.Join(at, rest[0]), rest[1:]
		along = append(along, at)
		target, err := os.Readlink(at)
		if err != nil {
			continue // no link, or nothing there
		}
		if links++; filepath.IsAbs(target) {
			at = separator
		} else {
			at = filepath.Dir(at)
		}
		rest = append(strings.Split(strings.Trim(filepath.Clean(target), separator), separator), rest...)
	}
	return along, at
}

// add watches a folder. One that cannot be watched is looked at instead where it is needed, not where it is a folder on
// the way.
func (l *local) add(wanted map[string]bool, dir string, needed bool) {
	if wanted[dir] {
		return
	}
	wanted[dir] = true
	if err := l.watcher.Add(dir); err != nil && needed && !errors.Is(err, fs.ErrNotExist) {
		l.cannotWatch(dir, err)
	}
}

func (l *local) cannotWatch(path string, err error) {
	if !l.blind {
		l.logger.Warn("policies cannot be watched and are looked at instead", "path", path, "every", min(l.poll, lookEvery), "error", err)
	}
	l.blind = true
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
