// Package follow keeps what was made of files those files', while the server runs.
//
// The files are read twice a second and compared with what was read before. Notifications of the file system would be
// no cheaper and miss more: a link that is turned somewhere in the path, as Kubernetes does for secrets, a network file
// system, a system that has no watch left. Contents are taken in when two readings in a row agree, so that no
// half-written file is taken for a whole one, and none with those of another time: a change counts within about a
// second.
//
// Contents that cannot be used (a file is gone, too large, or not what it should be) change nothing: the last good ones
// stay, all of them, and one line in the log and Stats say why.
package follow

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// look is how often the file is read.
const look = 500 * time.Millisecond

// Source is a file, and the setting that names it, such as api-keys. Both are required.
type Source struct{ Setting, Path string }

// Config says which files to follow.
type Config struct {
	// Files are read together and count together. Lines of the log begin with the first one's setting. At least one is
	// required.
	Files []Source
	// MaxBytes bounds each file; required.
	MaxBytes int64
	// Take makes contents, in the order of Files, what counts, or says what is wrong with them, beginning with the
	// setting; then what counted before must go on to. It is called by one goroutine at a time, never with the contents
	// that count already. Required.
	Take func(contents [][]byte) error
	// Counts are attributes for the log, as slog takes them, of what counts now. Nil: there are none.
	Counts func() []any
	// Logger gets one line per change, and per failure that is not the same as the last. Nil: there is no log.
	Logger *slog.Logger
}

// Stats tell how following the files goes.
type Stats struct {
	// Loaded counts the contents that were taken in since the start, the first one not among them; Failed those that
	// were not.
	Loaded, Failed uint64
	// Failing is whether the files have contents that cannot be used.
	Failing bool
}

// Files are followed. Open makes them; all methods are safe for concurrent use.
type Files struct {
	config Config

	mu struct {
		sync.Mutex
		// seen is of the last reading, tried of the last that was tried, good of the one that counts.
		seen, tried, good digest
		stats             Stats
		// fault is why what was tried cannot be used; nil: it counts.
		fault error
	}

	following sync.WaitGroup
	stop      context.CancelFunc
}

// Open reads the files and takes them in. They are not followed until Follow. The error says what is wrong with them.
func Open(c Config) (*Files, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Counts == nil {
		c.Counts = func() []any { return nil }
	}
	f := &Files{config: c, stop: func() {}}
	first := c.read()
	if err := f.take(first); err != nil {
		return nil, err
	}
	f.mu.seen, f.mu.tried, f.mu.good = first.digest, first.digest, first.digest
	return f, nil
}

// Follow takes in what becomes of the files, from now on until Close. Call it once.
func (f *Files) Follow() {
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.following.Go(func() {
		looks := time.NewTicker(look)
		defer looks.Stop()
		for {
			select {
			case <-looks.C:
				f.look()
			case <-ctx.Done():
				return
			}
		}
	})
}

// Close ends following the files.
func (f *Files) Close() {
	f.stop()
	f.following.Wait()
}

// Reload reads the files now and takes in what they have. It reports whether others count than before; the error is why
// they cannot.
func (f *Files) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.mu.good
	now := f.config.read()
	f.mu.seen = now.digest
	f.try(now)
	return f.mu.good != before, f.mu.fault
}

// Stats tell how following the files goes.
func (f *Files) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.stats
}

// look reads the files, and tries what they have if the last reading had the same.
func (f *Files) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.config.read()
	stable := now.digest == f.mu.seen
	f.mu.seen = now.digest
	if stable && now.digest != f.mu.tried {
		f.try(now)
	}
}

// try takes a reading in, if it is good; f.mu is held.
func (f *Files) try(now reading) {
	f.mu.tried = now.digest
	if now.digest == f.mu.good {
		if f.mu.fault != nil {
			f.log(slog.LevelInfo, "the file has what counts again")
		}
		f.mu.fault, f.mu.stats.Failing = nil, false
		return
	}
	if err := f.take(now); err != nil {
		f.failed(err)
		return
	}
	f.mu.good, f.mu.fault, f.mu.stats.Failing = now.digest, nil, false
	f.mu.stats.Loaded++
	f.log(slog.LevelInfo, "the file was taken in")
}

// failed notes why contents cannot be used, and logs it unless it is what was wrong before; f.mu is held.
func (f *Files) failed(err error) {
	if f.mu.fault == nil || f.mu.fault.Error() != err.Error() {
		f.mu.stats.Failed++
		f.log(slog.LevelError, "the file cannot be used, what it had before goes on to count", "error", err)
	}
	f.mu.fault, f.mu.stats.Failing = err, true
}

func (f *Files) log(level slog.Level, says string, about ...any) {
	first := f.config.Files[0]
	about = append(append(about, "file", first.Path), f.config.Counts()...)
	f.config.Logger.Log(context.Background(), level, first.Setting+": "+says, about...)
}

func (f *Files) take(r reading) error {
	if r.err != nil {
		return r.err
	}
	return f.config.Take(r.contents)
}

// digest is that of the contents, or of why they cannot be read.
type digest [sha256.Size]byte

// reading is what the files had at one time.
type reading struct {
	digest   digest
	contents [][]byte
	err      error
}

func (c Config) read() (r reading) {
	all := sha256.New()
	for _, s := range c.Files {
		content, err := s.read(c.MaxBytes)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Setting, err)
			return reading{digest: sha256.Sum256([]byte("fault: " + err.Error())), err: err}
		}
		one := sha256.Sum256(content)
		all.Write(one[:])
		r.contents = append(r.contents, content)
	}
	r.digest = digest(all.Sum(nil))
	return r
}

func (s Source) read(most int64) ([]byte, error) {
	info, err := os.Stat(s.Path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: name one that can be read", s.Path) // a pipe would wait for ever
	}
	if err != nil {
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	}
	file, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	case int64(len(content)) > most:
		return nil, fmt.Errorf("%s has more than %d bytes: see that it is the right one", s.Path, most)
	}
	return content, nil
}
