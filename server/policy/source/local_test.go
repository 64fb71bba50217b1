package source_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/source"
)

func TestADirectoryIsItsPolicyFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.rego", "b_test.rego", "c/data.yaml", "d/e/data.json", "f.yml", "README.md", "a.rego~", ".hidden.rego", ".git/x.yaml",
		"#a.rego#", "4913",
	} {
		write(t, filepath.Join(dir, name), []byte("x"))
	}
	if err := os.Symlink("a.rego", filepath.Join(dir, "link.rego")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("user@host.1:2", filepath.Join(dir, ".#a.rego")); err != nil { // as Emacs locks files
		t.Fatal(err)
	}
	files, err := open(t, source.Config{Location: dir}).Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a.rego", "b_test.rego", "c/data.yaml", "d/e/data.json", "f.yml", "link.rego"}
	if diff := cmp.Diff(want, paths(files)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestDirectoriesRefused(t *testing.T) {
	link := func(target, name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, row := range map[string]struct {
		make func(t *testing.T, dir string)
		says []string
	}{
		"nothing there":    {func(t *testing.T, dir string) { remove(t, dir) }, []string{"no such directory or file"}},
		"a link to itself": {link("x.rego", "x.rego"), []string{"x.rego:", "leads back to itself"}},
		"a loop of two": {func(t *testing.T, dir string) { link("y", "x")(t, dir); link("x", "y")(t, dir) },
			[]string{"x:", "leads back"}},
		"a link out of it":           {link("../../etc/hostname", "x.rego"), []string{"x.rego:", "leaves the directory"}},
		"an absolute link out":       {link("/etc/hostname", "x.rego"), []string{"x.rego:", "leaves the directory"}},
		"a link to nothing":          {link("gone.rego", "x.rego"), []string{"x.rego:", "leads nowhere"}},
		"a link to its own folder":   {link(".", "x"), []string{"x:", "are not followed: put the folder itself there"}},
		"a link to the folder above": {link("..", "x"), []string{"x:", "leaves the directory"}},
		"a link to a folder, out of a hidden one": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "..1/d/a.rego"), nil)
			link("../../d", "..1/d/x")(t, dir)
			link("..1/d", "d")(t, dir)
		}, []string{"d/x:", "are not followed: put the folder itself there"}},
		"links to folders in each other": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "..1/d/a.rego"), nil)
			link(".", "..1/d/x")(t, dir)
			link("..1/d", "d")(t, dir)
		}, []string{"d/x:", "are not followed: put the folder itself there"}},
		"a link to a folder": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "d/a.rego"), nil)
			link("d", "x")(t,
				dir)
		}, []string{"x:", "are not followed: put the folder itself there"}},
		"a large file": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "big.json"), make([]byte, 2<<20)) },
			[]string{"big.json:", "larger than 1 MiB", "--policies-max-size"}},
		"large together": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "a.json"), make([]byte, 600<<10))
			write(t, filepath.Join(dir, "b.json"), make([]byte, 600<<10))
		}, []string{"b.json:", "larger than 1 MiB"}},
		"a whole disk": {func(t *testing.T, dir string) {
			for i := range 10_001 {
				write(t, filepath.Join(dir, "photo-"+strconv.Itoa(i)), nil)
			}
		}, []string{"more than 10000 files and folders"}},
		"a named pipe": {func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "x.rego"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"x.rego:", "no ordinary file"}},
		"a socket in its place": {func(t *testing.T, dir string) {
			remove(t, dir)
			if err := syscall.Mkfifo(dir, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"neither a directory nor a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "policies")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			row.make(t, dir)
			_, err := open(t, source.Config{Location: dir, MaxBytes: 1 << 20}).Read(context.Background())
			expect(t, err, row.says...)
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
	t.Run("unsigned by nature", func(t *testing.T) {
		_, public := keys(t, "ES256")
		_, err := open(t, source.Config{Location: t.TempDir(),
			Key: source.Key{File: public, Algorithm: "ES256"}}).Read(context.Background())
		expect(t, err, "no signature", "opa build --signing-key")
	})
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// following reads a source whenever there may be something new; what it reads goes to seen.
func following(t *testing.T, s source.Source) (seen chan *source.Files) {
	t.Helper()
	if _, err := s.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	return watching(t, s)
}

// watching is following for a source that was read.
func watching(t *testing.T, s source.Source) (seen chan *source.Files) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	seen = make(chan *source.Files, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.Next(ctx) == nil {
			if files, err := s.Read(ctx); err == nil {
				seen <- files
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return seen
}

// await waits until the files have this one with this content, and returns how long it took.
func await(t *testing.T, seen chan *source.Files, name, content string) time.Duration {
	t.Helper()
	began, deadline := time.Now(), time.After(20*time.Second)
	for {
		select {
		case files := <-seen:
			for _, f := range files.List() {
				if f.Path == name && string(f.Content) == content {
					return time.Since(began)
				}
			}
		case <-deadline:
			t.Fatalf("%s never read %q", name, content)
		}
	}
}

// Each way in which editors and deployments change files is seen without polling.
func TestChangesAreSeen(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string) (file string){
		"written over": func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "a.rego"), []byte("new"))
			return "a.rego"
		},
		"renamed over, as editors do": func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "a.rego.tmp"), []byte("new"))
			rename(t, filepath.Join(dir, "a.rego.tmp"), filepath.Join(dir, "a.rego"))
			return "a.rego"
		},
		"moved away and written, as others do": func(t *testing.T, dir string) string {
			rename(t, filepath.Join(dir, "a.rego"), filepath.Join(dir, "a.rego~"))
			write(t, filepath.Join(dir, "a.rego"), []byte("new"))
			return "a.rego"
		},
		"in a folder that is new": func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "b/c/d.rego"), []byte("new"))
			return "b/c/d.rego"
		},
		"the folder replaced": func(t *testing.T, dir string) string {
			write(t, dir+".new/a.rego", []byte("new"))
			rename(t, dir, dir+".old")
			rename(t, dir+".new", dir)
			return "a.rego"
		},
		"a link inside turned, as Kubernetes does": func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "..2/a.rego"), []byte("new"))
			if err := os.Symlink("..2", filepath.Join(dir, "..tmp")); err != nil {
				t.Fatal(err)
			}
			rename(t, filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))
			return "linked.rego"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			write(t, filepath.Join(dir, "a.rego"), []byte("old"))
			write(t, filepath.Join(dir, "..1/a.rego"), []byte("old"))
			for link, target := range map[string]string{"..data": "..1", "linked.rego": "..data/a.rego"} {
				if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			seen := following(t, open(t, source.Config{Location: dir, Poll: time.Hour}))
			file := change(t, dir)
			t.Logf("seen after %v", await(t, seen, file, "new"))
		})
	}
}

// A link to the folder is followed, and seen when it is turned to another one.
func TestATurnedLinkIsSeen(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "v1/a.rego"), []byte("old"))
	write(t, filepath.Join(dir, "v2/a.rego"), []byte("new"))
	link := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(filepath.Join(dir, "v1"), link); err != nil {
		t.Fatal(err)
	}
	seen := following(t, open(t, source.Config{Location: link, Poll: time.Hour}))
	if err := os.Symlink(filepath.Join(dir, "v2"), link+".tmp"); err != nil {
		t.Fatal(err)
	}
	rename(t, link+".tmp", link)
	await(t, seen, "a.rego", "new")
	write(t, filepath.Join(dir, "v2/a.rego"), []byte("newer"))
	await(t, seen, "a.rego", "newer")
}

func TestABurstIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.rego"), []byte("old"))
	seen := following(t, open(t, source.Config{Location: dir, Poll: time.Hour}))
	for i := range 200 {
		write(t, filepath.Join(dir, "b", strings.Repeat("c", 1+i%40)+".rego"), []byte(strings.Repeat("x", i)))
	}
	write(t, filepath.Join(dir, "a.rego"), []byte("new"))
	await(t, seen, "a.rego", "new")
	// What watching the new folder and the last events may add is one reading more, not two hundred.
	if more := len(seen); more > 2 {
		t.Errorf("%d readings more", more)
	}
}

func TestAPathIsPolledToo(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.rego"), []byte("old"))
	s := open(t, source.Config{Location: dir, Poll: time.Millisecond})
	if err := s.Next(context.Background()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := open(t, source.Config{Location: dir}).Next(ctx); err == nil {
		t.Error("Next did not end with its context")
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestFilesRefused(t *testing.T) {
	for _, names := range [][]string{{"../a.rego"}, {"/a.rego"}, {"a//b.rego"}, {`a\b.rego`}, {""}, {"."}, {"a.rego", "a.rego"},
		{"a.rego", "a.rego/b.rego"}} {
		if _, err := source.NewFiles(named(names)); err == nil {
			t.Errorf("%q: accepted", names)
		}
	}
	if _, err := source.NewFiles(named([]string{"b/c.rego", "a.rego", "b.rego"})); err != nil {
		t.Error(err)
	}
}

func named(names []string) (files []consent.PolicyFile) {
	for _, n := range names {
		files = append(files, consent.PolicyFile{Path: n})
	}
	return files
}
