package acts

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// file is what the writer needs of a file, which is opened for appending.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

func openFile(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// writer writes lines to the file, and begins another when it is full. It is one goroutine's.
type writer struct {
	config Config
	// file is nil where it must be opened again; info tells whether it is still the one at its path.
	file file
	info os.FileInfo
	lock io.Closer
	// written is how far the file was written, durable how far it is on disk; between them are unsynced lines, which
	// nobody waits for.
	written, durable mark
	unsynced         uint64
	// number is that of the newest numbered file.
	number int
}

// mark is a place in the file, between two lines.
type mark struct {
	size  int64
	chain chain
}

// start finds where the chain goes on, cuts off what a crash left of a line, and opens the file. Its errors go on from
// the file's name.
func (w *writer) start() (err error) {
	path := w.config.File
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err = errors.Join(err, syncDir(filepath.Dir(filepath.Dir(path)))); err != nil {
		return fmt.Errorf("cannot be made: choose another or correct its parent's permissions: %w", err)
	}
	if w.lock, err = lock(path + ".lock"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.lock.Close())
		}
	}()
	numbered, err := w.numbered()
	if err != nil {
		return fmt.Errorf("cannot be read: choose another or correct its permissions: %w", err)
	}
	for _, name := range append(numbered, path) {
		if err := w.resume(name); err != nil {
			return fmt.Errorf("cannot be gone on with: %w", err)
		}
	}
	w.written = w.durable
	if err := w.open(); err != nil {
		return fmt.Errorf("cannot be written: choose another, free space or correct its permissions: %w", err)
	}
	return nil
}

// numbered returns the numbered file that is the newest, if there is one, and takes its number.
func (w *writer) numbered() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(w.config.File))
	if err != nil {
		return nil, err
	}
	before, after := w.nameParts()
	for _, e := range entries {
		digits, found := strings.CutPrefix(e.Name(), before)
		n, err := strconv.Atoi(strings.TrimSuffix(digits, after))
		if found && err == nil && n > w.number && e.Name() == filepath.Base(w.numberedName(n)) {
			w.number = n
		}
	}
	if w.number == 0 {
		return nil, nil
	}
	return []string{w.numberedName(w.number)}, nil
}

// nameParts are what stands before and after the number in the name of a numbered file.
func (w *writer) nameParts() (before, after string) {
	base := filepath.Base(w.config.File)
	after = filepath.Ext(base)
	return strings.TrimSuffix(base, after) + "-", after
}

func (w *writer) numberedName(n int) string {
	before, after := w.nameParts()
	return filepath.Join(filepath.Dir(w.config.File), fmt.Sprintf("%s%06d%s", before, n, after))
}

// resume takes the end of a file, if it is there and has lines, as that of the chain.
func (w *writer) resume(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		w.durable.size = 0
		return nil
	}
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errors.New("it is no regular file: name one"), err, f.Close())
	}
	last, end, total, err := lastLine(f)
	if err == nil && end < total && path == w.config.File {
		w.config.Logger.Warn("the audit of acts ended in a line that was never finished, which is cut off: no act that was "+
			"answered is in it", "file", path, "bytes", total-end)
		err = errors.Join(f.Truncate(end), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	w.durable.size = end
	if last != nil {
		w.follow(path, last)
	}
	return nil
}

// follow has the chain go on after a line.
func (w *writer) follow(path string, last []byte) {
	l, err := parse(last)
	if err != nil {
		w.config.Logger.Error("the last line of the audit of acts is damaged, and is left as it is: consentctl audit verify tells more",
			"file", path, "error", err)
		l.Seq = w.durable.chain.seq
	}
	w.durable.chain = chain{seq: l.Seq, sum: sha256.Sum256(last)}
}

// lastLine returns the last finished line of a file, nil where there is none, where it ends, and the file's size.
func lastLine(f *os.File) (last []byte, end, total int64, err error) {
	if total, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, 0, 0, err
	}
	var tail []byte
	for at := total; ; {
		stop := bytes.LastIndexByte(tail, '\n')
		if start := bytes.LastIndexByte(tail[:max(stop, 0)], '\n'); stop >= 0 && (start >= 0 || at == 0) {
			return tail[start+1 : stop], at + int64(stop) + 1, total, nil
		}
		if at == 0 {
			return nil, 0, total, nil
		}
		block := make([]byte, min(at, 64<<10))
		at -= int64(len(block))
		if _, err := f.ReadAt(block, at); err != nil {
			return nil, 0, 0, err
		}
		tail = slices.Concat(block, tail)
	}
}

// open opens the file, where it is not open, and cuts off what is beyond the lines that count.
func (w *writer) open() error {
	if w.file != nil {
		return nil
	}
	f, err := w.config.open(w.config.File)
	if err != nil {
		return err
	}
	info, err := os.Stat(w.config.File)
	if err == nil && info.Size() > w.written.size {
		err = f.Truncate(w.written.size)
	}
	if err == nil {
		err = syncDir(filepath.Dir(w.config.File))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if missing := w.written.size - info.Size(); missing > 0 {
		w.config.Logger.Error("the audit of acts was removed or cut while it was written; it goes on in the same chain",
			"file", w.config.File, "bytes_missing", missing)
		w.written.size, w.durable.size = info.Size(), info.Size()
	}
	w.file, w.info = f, info
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write appends lines. After an error neither they nor the unsynced ones before are in the file; lost says how many of
// the latter there were.
func (w *writer) write(lines []line) (lost uint64, err error) {
	next := w.written.chain
	var text []byte
	for _, l := range lines {
		if text, err = next.append(text, l); err != nil {
			return 0, err
		}
	}
	w.look()
	if err := w.open(); err != nil {
		return w.giveUp(err)
	}
	if size := w.written.size; size > 0 && size+int64(len(text)) > w.config.Rotate {
		if lost, err := w.rotate(); err != nil {
			return lost, err
		}
	}
	if _, err = w.file.Write(text); err != nil {
		return w.giveUp(err)
	}
	w.written = mark{w.written.size + int64(len(text)), next}
	w.unsynced += uint64(len(lines))
	return 0, nil
}

// sync returns when all lines are on disk. After an error the unsynced ones are lost.
func (w *writer) sync() (lost uint64, err error) {
	if w.file == nil || w.unsynced == 0 {
		return 0, nil
	}
	if err := w.file.Sync(); err != nil {
		return w.giveUp(err)
	}
	w.durable, w.unsynced = w.written, 0
	return 0, nil
}

// giveUp goes back to what is on disk. What reached the file beyond is cut off: at once if that is possible, at the
// next opening if not. It is not synced again: after a failed fsync the system may take lost pages for written.
func (w *writer) giveUp(err error) (lost uint64, _ error) {
	lost, w.written, w.unsynced = w.unsynced, w.durable, 0
	if w.file != nil {
		err = errors.Join(err, w.file.Truncate(w.durable.size), w.file.Close())
		w.file = nil
	}
	return lost, err
}

// look lets go of a file that is not at its path any more: somebody moved or removed it.
func (w *writer) look() {
	if w.file == nil {
		return
	}
	if now, err := os.Stat(w.config.File); err == nil && os.SameFile(now, w.info) {
		return
	}
	w.config.Logger.Error("somebody moved or removed the audit of acts; another file is begun, in the same chain",
		"file", w.config.File)
	_ = errors.Join(w.file.Sync(), w.file.Close()) // all that was waited for is on disk
	w.file, w.unsynced = nil, 0
	w.written.size = 0
	w.durable = w.written
}

// rotate numbers the file and begins another.
func (w *writer) rotate() (lost uint64, err error) {
	name := w.numberedName(w.number + 1)
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return w.giveUp(fmt.Errorf("%s is there already: move it away", name))
	}
	if lost, err := w.sync(); err != nil {
		return lost, err
	}
	_ = w.file.Close() // all lines in it are on disk
	w.file = nil
	if err := os.Rename(w.config.File, name); err != nil {
		return 0, err
	}
	w.number, w.written.size, w.durable.size = w.number+1, 0, 0
	return 0, w.open()
}

func (w *writer) close() error {
	_, err := w.sync()
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
	}
	return errors.Join(err, w.lock.Close())
}
