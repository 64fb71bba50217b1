package acts

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// disk opens files that fail as it says.
type disk struct {
	// room is how many bytes are left; negative: no end.
	room atomic.Int64
	// syncFails has every fsync fail; syncs counts those that did not.
	syncFails atomic.Bool
	syncs     atomic.Int64
	// hang keeps fsyncs until it is closed, hangWrites writes; nil: they go on.
	hang, hangWrites chan struct{}
}

type diskFile struct {
	*os.File
	disk *disk
}

func (f diskFile) Write(b []byte) (int, error) {
	if f.disk.hangWrites != nil {
		<-f.disk.hangWrites
	}
	room := f.disk.room.Load()
	if room < 0 || int64(len(b)) <= room {
		return f.File.Write(b)
	}
	n, _ := f.File.Write(b[:room])
	return n, syscall.ENOSPC
}

func (f diskFile) Sync() error {
	if f.disk.hang != nil {
		<-f.disk.hang
	}
	if f.disk.syncFails.Load() {
		return syscall.EIO
	}
	f.disk.syncs.Add(1)
	return f.File.Sync()
}

func (d *disk) open(path string) (file, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return diskFile{f.(*os.File), d}, nil
}

// TestDiskFull: what reads is refused, what records goes on and is counted, and all of it goes on by itself.
func TestDiskFull(t *testing.T) {
	for _, test := range []struct {
		name       string
		fill, mend func(*disk)
	}{
		{"no space", func(d *disk) { d.room.Store(40) }, func(d *disk) { d.room.Store(-1) }},
		{"fsync fails", func(d *disk) { d.syncFails.Store(true) }, func(d *disk) { d.syncFails.Store(false) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, log, path := &disk{}, &logBuffer{}, filepath.Join(t.TempDir(), "acts.jsonl")
			d.room.Store(-1)
			l := mustOpen(t, Config{File: path, open: d.open, Logger: slog.New(slog.NewTextHandler(log, nil))})
			l.mustWrite(t, explained("before"))
			test.fill(d)
			for range 3 {
				if err := l.Write(t.Context(), explained("refused")); !errors.Is(err, consent.ErrUnaudited) {
					t.Errorf("error %v", err)
				}
			}
			for range 2 {
				l.Note(Act{Method: "RecordEvents", Subject: "missed", Outcome: "OK"})
			}
			waitUntil(t, func() bool { return l.Stats().Missed == 2 })
			if s := l.Stats(); !s.Failing || s.Lines != 1 {
				t.Errorf("stats %+v", s)
			}
			test.mend(d)
			l.mustWrite(t, explained("after"))
			if s := l.Stats(); s.Failing || s.Missed != 2 {
				t.Errorf("stats %+v", s)
			}
			mustClose(t, l)
			if r := verified(t, path); r.Lines != 3 || r.Missed != 2 {
				t.Errorf("verified %+v", r)
			}
			if text, _ := os.ReadFile(path); bytes.Contains(text, []byte("refused")) {
				t.Errorf("the file has an act that was refused:\n%s", text)
			}
			if got := strings.Count(log.String(), "cannot be written"); got != 1 || !strings.Contains(log.String(), "written again") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// TestNotedLinesAreSyncedSoon, and counted as missing where that fails.
func TestNotedLinesAreSyncedSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		d.room.Store(-1)
		l := mustOpen(t, Config{File: path, open: d.open})
		for range 3 {
			l.Note(Act{Method: "RecordEvents", Outcome: "OK"})
		}
		if n := len(read(t, path)); n != 3 || d.syncs.Load() != 0 {
			t.Errorf("%d lines when Note has returned, %d fsyncs", n, d.syncs.Load())
		}
		time.Sleep(noteSync)
		synctest.Wait()
		if d.syncs.Load() != 1 {
			t.Errorf("%d fsyncs after a second", d.syncs.Load())
		}
		d.syncFails.Store(true)
		for range 2 {
			l.Note(Act{Method: "RecordEvents", Subject: "lost", Outcome: "OK"})
		}
		time.Sleep(noteSync)
		synctest.Wait()
		if s := l.Stats(); !s.Failing || s.Missed != 2 {
			t.Errorf("after an fsync that failed: %+v", s)
		}
		d.syncFails.Store(false)
		l.mustWrite(t, explained("after"))
		mustClose(t, l)
	})
	if r := verified(t, path); r.Lines != 5 || r.Missed != 2 {
		t.Errorf("verified %+v", r)
	}
}

// waitUntil polls a condition.
func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to hold")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestDiskHangs: who records does not wait for ever, and who reads no longer than they want.
func TestDiskHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hangWrites: make(chan struct{})}
		d.room.Store(-1)
		l := mustOpen(t, Config{File: path, open: d.open})
		began := time.Now()
		l.Note(Act{Method: "RecordEvents"})
		if took := time.Since(began); took != noteWait || !l.Stats().Failing {
			t.Errorf("the first that was noted took %v", took)
		}
		l.Note(Act{Method: "RecordEvents"})
		if took := time.Since(began); took != noteWait {
			t.Errorf("the second took %v", took-noteWait)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Write(ctx, explained("s")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(d.hangWrites)
		synctest.Wait()
		if s := l.Stats(); s.Failing || s.Lines != 3 || s.Missed != 0 {
			t.Errorf("after the disk answers: %+v", s)
		}
		mustClose(t, l)
	})
}
