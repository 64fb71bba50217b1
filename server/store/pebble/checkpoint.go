package pebble

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/consent"
)

// checkpointDir is where a checkpoint is made, below the store's directory: tables are linked, not copied.
const checkpointDir = "checkpoint.tmp"

const checkpointing = "making a checkpoint of the store"

// Checkpoint calls f with a directory that holds the store as of a revision: every change that was acknowledged before
// Checkpoint was called, and nothing that is not durable. Writes wait while it is made, some milliseconds, and go on
// while f runs. The directory is removed when f returns, whose error is returned as it is; until then the tables in it
// take their room on the disk, also where the store has no use for them any more.
//
// The errors are consent.ErrBackupRuns while another checkpoint is there, consent.ErrUnavailable, and the context's.
func (s *Store) Checkpoint(ctx context.Context, f func(dir string, revision consent.Revision) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return unavailable(checkpointing, errClosed)
	}
	if !s.checkpoint.TryLock() {
		s.gate.RUnlock()
		return consent.ErrBackupRuns
	}
	s.checkpoints.Add(1)
	s.gate.RUnlock()
	release := sync.OnceFunc(func() {
		s.removeCheckpoint()
		s.checkpoint.Unlock()
		s.checkpoints.Done()
	})
	ready := make(chan made, 1)
	go func() { ready <- s.makeCheckpoint() }()
	select {
	case m := <-ready:
		defer release()
		if m.err != nil {
			return unavailable(checkpointing, m.err)
		}
		return f(s.checkpointPath(), m.revision)
	case <-ctx.Done():
		go func() { // once it is made, or is stopped for good with a store that failed
			<-ready
			release()
		}()
		return ctx.Err()
	case <-s.log.halted:
		s.checkpoints.Done()
		return unavailable(checkpointing, s.Err())
	}
}

type made struct {
	revision consent.Revision
	err      error
}

// makeCheckpoint empties the log into tables first, as far as it has come, so that the copy of it that writes wait for
// is short. The log is copied: while nobody writes to it, so that the copy has no torn end.
func (s *Store) makeCheckpoint() (m made) {
	defer recovered(checkpointing, &m.err)
	if m.err = s.Err(); m.err != nil {
		return m
	}
	var flushed <-chan struct{}
	if flushed, m.err = s.db.AsyncFlush(); m.err != nil {
		return m
	}
	<-flushed
	s.committing.Lock()
	defer s.committing.Unlock()
	m.revision, m.err = s.head.revision, s.db.Checkpoint(s.checkpointPath())
	return m
}

func (s *Store) checkpointPath() string { return s.files.PathJoin(s.dir, checkpointDir) }

// removeCheckpoint removes what is left of one. What cannot be removed is logged, and removed by the next.
func (s *Store) removeCheckpoint() {
	err := s.files.RemoveAll(s.checkpointPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.log.Warn("a checkpoint of the store cannot be removed, and takes room: remove it", "path", s.checkpointPath(), "error", err)
	}
}

// Owns reports whether a name in the data directory is the store's own: a backup has it from a checkpoint, or not at
// all.
func Owns(name string) bool {
	patterns := []string{
		"*.sst", "*.log", "*.blob", "*.dbtmp", "MANIFEST-*", "OPTIONS-*", "CURRENT*", "LOCK", "marker.*", "temporary.*", checkpointDir,
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, _ := path.Match(pattern, name)
		return matched
	})
}

// Marks reports whether a file of a checkpoint is one without which a directory is no store: who copies a checkpoint
// writes these last.
func Marks(name string) bool {
	matched, _ := path.Match("marker.manifest.*", name)
	return matched
}
