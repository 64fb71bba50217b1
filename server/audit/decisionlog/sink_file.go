package decisionlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The measures of a file.
const (
	// frameBytes and frameAge close a frame of zstd: with sweepEvery a line is in the file within a second.
	frameBytes = 1 << 20
	frameAge   = 700 * time.Millisecond
	// syncEvery is how long what was written may be lost with the machine's power; a kill of the process loses none of
	// it.
	syncEvery = 5 * time.Second
)

// appendable is what is needed of a file.
type appendable interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// fileSink writes lines to a file, and begins the next when it is full or old. The current file has the name that was
// configured; older ones have the time at which they ended in it, decisions-20260301T120000.000000000Z.jsonl, so that
// their order is that of their names.
//
// A line or frame is written by one write. Where the disk takes only part of it, the part is cut off again: but for the
// end of a process a file has whole lines and frames alone. A new process begins a new file, because the last may end
// in the middle.
type fileSink struct {
	name     string
	maxSize  int64
	maxAge   time.Duration
	maxTotal int64

	file   appendable
	info   os.FileInfo
	size   int64
	opened time.Time
	synced time.Time
	// dirty is whether something was written since synced.
	dirty bool

	// encoder makes frames; nil: the file is plain. frame are the lines of the next, and since when.
	encoder *zstd.Encoder
	frame   []byte
	since   time.Time
	packed  []byte
}

func newFileSink(name string, c Config) (*fileSink, error) {
	s := &fileSink{name: name, maxSize: c.FileSize, maxAge: c.FileAge, maxTotal: c.FileTotal}
	if strings.HasSuffix(name, ".zst") {
		var err error
		if s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(frameBytes)); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("%w: name a file in a directory that this user may write to", err)
	}
	if info, err := os.Stat(name); err == nil {
		switch {
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no regular file: name one, or stdout", name)
		case info.Size() > 0:
			if err := s.retire(); err != nil {
				return nil, err
			}
		}
	}
	if err := s.open(time.Now()); err != nil {
		return nil, fmt.Errorf("%w: name a file that this user may write to", err)
	}
	return s, nil
}

func (s *fileSink) open(now time.Time) error {
	file, err := os.OpenFile(s.name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	s.file, s.info, s.size, s.opened, s.synced, s.dirty = file, info, info.Size(), now, now, false
	return nil
}

func (s *fileSink) Write(b *batch) error {
	if s.encoder == nil {
		return s.put(b.data)
	}
	if len(s.frame) >= frameBytes {
		if err := s.closeFrame(); err != nil {
			return err
		}
	}
	if len(s.frame) == 0 {
		s.since = time.Now()
	}
	if s.frame = append(s.frame, b.data...); len(s.frame) >= frameBytes {
		_ = s.closeFrame() // the frame is still there, and the next call says what is wrong
	}
	return nil
}

// closeFrame writes the lines that wait as a frame.
func (s *fileSink) closeFrame() error {
	if len(s.frame) == 0 {
		return nil
	}
	s.packed = s.encoder.EncodeAll(s.frame, s.packed[:0])
	if err := s.put(s.packed); err != nil {
		return err
	}
	s.frame = s.frame[:0]
	return nil
}

// put writes data whole, or not at all.
func (s *fileSink) put(data []byte) error {
	now := time.Now()
	if s.file == nil {
		if err := s.open(now); err != nil {
			return err
		}
	}
	if n, err := s.file.Write(data); err != nil {
		if n > 0 {
			if cut := s.file.Truncate(s.size); cut != nil {
				return errors.Join(err, cut, s.rotate(now)) // the torn end stays behind
			}
		}
		return err
	}
	s.size += int64(len(data))
	s.dirty = true
	if s.size >= s.maxSize {
		_ = s.rotate(now) // it goes on growing until it can be; Tick tells
	}
	return nil
}

// Tick closes a frame, syncs and rotates when it is time.
func (s *fileSink) Tick(now time.Time) error {
	if s.encoder != nil && len(s.frame) > 0 && now.Sub(s.since) >= frameAge {
		if err := s.closeFrame(); err != nil {
			return err
		}
	}
	switch {
	case s.file == nil:
		return nil
	case s.gone():
		err := errors.Join(s.file.Sync(), s.file.Close())
		s.file = nil
		return errors.Join(err, s.open(now))
	case s.size >= s.maxSize, s.size > 0 && now.Sub(s.opened) >= s.maxAge:
		return s.rotate(now)
	case s.dirty && now.Sub(s.synced) >= syncEvery:
		if err := s.file.Sync(); err != nil {
			return err
		}
		s.synced, s.dirty = now, false
	}
	return nil
}

// gone reports whether another program removed or renamed the current file: what is written to it would be lost, or
// stand in a file that others rotate.
func (s *fileSink) gone() bool {
	named, err := os.Stat(s.name)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(named, s.info)
}

// rotate ends the current file and begins the next.
func (s *fileSink) rotate(now time.Time) error {
	err := errors.Join(s.file.Sync(), s.file.Close())
	s.file = nil
	if err == nil {
		err = s.retire()
	}
	return errors.Join(err, s.open(now))
}

// stem and suffix are the parts of the name around the time.
func (s *fileSink) parts() (stem, suffix string) {
	dir, base := filepath.Split(s.name)
	at := strings.IndexByte(strings.TrimPrefix(base, "."), '.')
	if at < 0 {
		return s.name, ""
	}
	at += len(base) - len(strings.TrimPrefix(base, "."))
	return dir + base[:at], base[at:]
}

const stamp = "20060102T150405.000000000Z"

// retire gives the current file its last name, and removes the oldest beyond the bound of all.
func (s *fileSink) retire() error {
	stem, suffix := s.parts()
	for at := time.Now().UTC(); ; at = at.Add(1) {
		name := stem + "-" + at.Format(stamp) + suffix
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := os.Rename(s.name, name); err != nil {
			return err
		}
		return s.prune()
	}
}

// retired are the older files, the newest first.
func (s *fileSink) retired() (names []string) {
	stem, suffix := s.parts()
	entries, _ := os.ReadDir(filepath.Dir(s.name)) // what cannot be read cannot be removed either
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), filepath.Base(stem)+"-")
		if middle, ok2 := strings.CutSuffix(middle, suffix); ok && ok2 {
			if _, err := time.Parse(stamp, middle); err == nil {
				names = append(names, filepath.Join(filepath.Dir(s.name), e.Name()))
			}
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

func (s *fileSink) prune() error {
	total := s.maxSize // for the file that begins now
	var faults []error
	for _, name := range s.retired() {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		if total += info.Size(); total > s.maxTotal {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				faults = append(faults, err)
			}
		}
	}
	return errors.Join(faults...)
}

func (s *fileSink) Close() error {
	var faults []error
	if s.encoder != nil {
		faults = append(faults, s.closeFrame())
	}
	if s.file != nil {
		faults = append(faults, s.file.Sync(), s.file.Close())
	}
	return errors.Join(faults...)
}
