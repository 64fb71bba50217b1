package decisionlog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/consentd/consentd/server/audit/line"
)

// logs are the files of a log: the retired ones in their order, then the current one.
func logs(t *testing.T, name string) []string {
	t.Helper()
	s := &fileSink{name: name}
	all := s.retired()
	slices.Reverse(all)
	return append(all, name)
}

// TestRotationUnderLoad: files follow each other while many write, and no line is lost, torn or there twice.
func TestRotationUnderLoad(t *testing.T) {
	for _, name := range []string{"decisions.jsonl", "decisions.jsonl.zst"} {
		file := filepath.Join(t.TempDir(), name)
		l := open(t, Config{Sink: file, Overflow: Block, Buffer: minBuffer, FileSize: 1 << 20})
		l.sink.(*fileSink).maxSize = 100 << 10 // the writer has not begun: nothing was recorded
		const workers, each = 4, 5000
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for n := range each {
					if err := l.Recorded(t.Context(), decided(w*each+n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		files := logs(t, file)
		seen := map[string]bool{}
		for _, f := range files {
			for _, got := range readFile(t, f) {
				if seen[got.Decision.ID] {
					t.Fatalf("%s is there twice", got.Decision.ID)
				}
				seen[got.Decision.ID] = true
			}
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", f, info.Mode(), err)
			}
		}
		if len(files) < 4 || len(seen) != workers*each {
			t.Errorf("%s: %d files, %d lines of %d", name, len(files), len(seen), workers*each)
		}
	}
}

// TestTheOldestFilesGo: all files together keep to their bound.
func TestTheOldestFilesGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "decisions.jsonl")
	for _, other := range []string{"decisions-notes.jsonl", "decisions.jsonl.zst", "other-20260301T120000.000000000Z.jsonl"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), other), make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newFileSink(file, Config{FileSize: 10_000, FileAge: time.Hour, FileTotal: 35_000})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := s.Write(&batch{data: []byte(strings.Repeat("x", 999) + "\n")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if files := logs(t, file); len(files) != 3 {
		t.Errorf("%d files: %v", len(files), files)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 6 {
		t.Errorf("%d files, want those of the log and three others: %v", len(entries), err)
	}
}

// TestAgeEndsAFile and a new process begins a new one: the last may end in the middle of a line.
func TestAgeEndsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "decisions.jsonl")
	c := Config{FileSize: 1 << 20, FileAge: time.Hour, FileTotal: 1 << 30}
	s, err := newFileSink(file, c)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, want := range []int{1, 2, 2} { // an empty file is not retired
		if i == 0 {
			if err := s.Write(&batch{data: []byte("{}\n")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Tick(now.Add(time.Duration(i) * 61 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := len(logs(t, file)); got != want {
			t.Errorf("%d files, want %d", got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = newFileSink(file, c); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files := logs(t, file)
	if last, err := os.ReadFile(files[len(files)-2]); len(files) != 3 || err != nil || string(last) != "torn" {
		t.Errorf("%v: %q, %v", files, last, err)
	}
}

// fullDisk takes a part of what it is given, and no more until there is room.
type fullDisk struct {
	*os.File
	room int
	// stuck is whether what was written cannot be cut off again.
	stuck bool
}

func (f *fullDisk) Write(b []byte) (int, error) {
	if len(b) <= f.room {
		f.room -= len(b)
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:f.room])
	f.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *fullDisk) Truncate(size int64) error {
	if f.stuck {
		return syscall.EIO
	}
	return f.File.Truncate(size)
}

// TestAFullDiskLosesNothing: what could not be written is written when it can be, and files have no torn lines in them
// where the disk took a part of what it was given; but for one that cannot be cut, which is left behind.
func TestAFullDiskLosesNothing(t *testing.T) {
	for _, name := range []string{"decisions.jsonl", "decisions.jsonl.zst"} {
		for _, stuck := range []bool{false, true} {
			file := filepath.Join(t.TempDir(), name)
			s, err := newFileSink(file, Config{FileSize: 1 << 30, FileAge: time.Hour, FileTotal: 2 << 30})
			if err != nil {
				t.Fatal(err)
			}
			disk := &fullDisk{File: s.file.(*os.File), room: 300, stuck: stuck}
			s.file = disk
			l := line.Line{Time: sampleDecided().Now, Decision: *sampleDecided().Decision, Request: *sampleDecided().Request}
			write := func() error {
				b := &batch{data: line.Append(nil, &l)}
				return errors.Join(s.Write(b), s.Tick(time.Now().Add(time.Second)))
			}
			if err := write(); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("%s: %v", name, err)
			}
			disk.room = 1 << 20
			for range 3 {
				if err := write(); err != nil {
					t.Fatalf("%s, stuck %v: %v", name, stuck, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			want := map[bool]int{true: 4, false: 3}[s.encoder != nil] // a frame keeps its lines, a plain file's writer does
			if got := len(readFile(t, file)); got != want {
				t.Errorf("%s, stuck %v: %d lines, want %d", name, stuck, got, want)
			}
			if files := logs(t, file); (len(files) == 2) != stuck {
				t.Errorf("%s, stuck %v: %v", name, stuck, files)
			}
		}
	}
}

// TestAFileThatOthersTakeAwayIsReplaced: by a program that rotates logs, or by mistake.
func TestAFileThatOthersTakeAwayIsReplaced(t *testing.T) {
	for _, name := range []string{"decisions.jsonl", "decisions.jsonl.zst"} {
		file := filepath.Join(t.TempDir(), name)
		l := open(t, Config{Sink: file})
		record(t, l, 10)
		written := func(file string) func() bool {
			return func() bool {
				info, err := os.Stat(file)
				return err == nil && info.Size() > 0
			}
		}
		eventually(t, "the first lines are there", written(file))
		if err := os.Rename(file, file+".1"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "there is another file", func() bool { _, err := os.Stat(file); return err == nil })
		record(t, l, 20)
		eventually(t, "the next lines are there", written(file))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		eventually(t, "there is another file", func() bool { _, err := os.Stat(file); return err == nil })
		record(t, l, 30)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if moved, last := readFile(t, file+".1"), readFile(t, file); len(moved) != 10 || len(last) != 30 {
			t.Errorf("%s: %d lines in the file that was moved, %d in the last", name, len(moved), len(last))
		}
	}
}
