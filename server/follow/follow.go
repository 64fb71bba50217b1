// Package follow keeps what was made of a file that file's, while the server runs.
//
// The file is read twice a second and compared with what was read before. Notifications of the file system would be no
// cheaper and miss more: a link that is turned somewhere in the path, as Kubernetes does for secrets, a network file
// system, a system that has no watch left. A content is taken in when two readings in a row agree, so that no
// half-written file is taken for a whole one: a change counts within about a second.
//
// A content that cannot be used (the file is gone, too large, or not what it should be) changes nothing: the last good
// one stays, and one line in the log and Stats say why.
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

// Config says which file to follow.
type Config struct {
	// Setting is what names the file, such as api-keys: errors and the log begin with it. Required.
	Setting string
	// Path is the file's; required.
	Path string
	// MaxBytes bounds the file; required.
	MaxBytes int64
	// Take makes a content what counts, or says what is wrong with it, and then what counted before must go on to. It is
	// called by one goroutine at a time, never with the content that counts already. Required.
	Take func(content []byte) error
	// Logger gets one line per change, and per failure that is not the same as the last. Nil: there is no log.
	Logger *slog.Logger
}

// Stats tell how following the file goes.
type Stats struct {
	// Loaded counts the contents that were taken in since the start, the first one not among them; Failed those that
	// were not.
	Loaded, Failed uint64
	// Failing is whether the file has a content that cannot be used.
	Failing bool
}

// File is a file that is followed. Open makes it; all methods are safe for concurrent use.
type File struct {
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

// Open reads the file and takes it in. It is not followed until Follow. The error says what is wrong with it.
func Open(c Config) (*File, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	f := &File{config: c, stop: func() {}}
	first := c.read()
	if err := first.take(c); err != nil {
		return nil, err
	}
	f.mu.seen, f.mu.tried, f.mu.good = first.digest, first.digest, first.digest
	return f, nil
}

// Follow takes in what becomes of the file, from now on until Close. Call it once.
func (f *File) Follow() {
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

// Close ends following the file.
func (f *File) Close() {
	f.stop()
	f.following.Wait()
}

// Reload reads the file now and takes in what it has. It reports whether that is another content than before; the error
// is why it cannot be used.
func (f *File) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.mu.good
	now := f.config.read()
	f.mu.seen = now.digest
	f.try(now)
	return f.mu.good != before, f.mu.fault
}

// Stats tell how following the file goes.
func (f *File) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.stats
}

// look reads the file, and tries what it has if the last reading had the same.
func (f *File) look() {
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
func (f *File) try(now reading) {
	f.mu.tried = now.digest
	if now.digest == f.mu.good {
		if f.mu.fault != nil {
			f.config.Logger.Info(f.config.Setting+": the file has what counts again", "file", f.config.Path)
		}
		f.mu.fault, f.mu.stats.Failing = nil, false
		return
	}
	if err := now.take(f.config); err != nil {
		f.failed(err)
		return
	}
	f.mu.good, f.mu.fault, f.mu.stats.Failing = now.digest, nil, false
	f.mu.stats.Loaded++
	f.config.Logger.Info(f.config.Setting+": the file was taken in", "file", f.config.Path)
}

// failed notes why a content cannot be used, and logs it unless it is what was wrong before; f.mu is held.
func (f *File) failed(err error) {
	if f.mu.fault == nil || f.mu.fault.Error() != err.Error() {
		f.mu.stats.Failed++
		f.config.Logger.Error(f.config.Setting+": the file cannot be used, what it had before goes on to count", "error", err)
	}
	f.mu.fault, f.mu.stats.Failing = err, true
}

// digest is that of the content, or of why it cannot be read.
type digest [sha256.Size]byte

// reading is what the file had at one time.
type reading struct {
	digest  digest
	content []byte
	err     error
}

func (c Config) read() reading {
	content, err := c.content()
	if err != nil {
		err = fmt.Errorf("%s: %w", c.Setting, err)
		return reading{digest: sha256.Sum256([]byte("fault: " + err.Error())), err: err}
	}
	return reading{digest: sha256.Sum256(content), content: content}
}

func (c Config) content() ([]byte, error) {
	info, err := os.Stat(c.Path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: name one that can be read", c.Path) // a pipe would wait for ever
	}
	if err != nil {
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	}
	file, err := os.Open(c.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, c.MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: name a file that can be read", err)
	case int64(len(content)) > c.MaxBytes:
		return nil, fmt.Errorf("%s has more than %d bytes: see that it is the right one", c.Path, c.MaxBytes)
	}
	return content, nil
}

func (r reading) take(c Config) error {
	if r.err != nil {
		return r.err
	}
	if err := c.Take(r.content); err != nil {
		return fmt.Errorf("%s: %w", c.Setting, err)
	}
	return nil
}
