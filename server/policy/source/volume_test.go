package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/policy/source"
)

// volume is a folder as Kubernetes lays out a volume of a ConfigMap: files in a folder that is named by the time,
// ..data leads to it, and links in the volume lead through ..data to the first part of each path.
type volume struct {
	dir, current string
}

// update writes a new version of all files and puts it in force by turning ..data, as the kubelet does.
func (v *volume) update(t *testing.T, version string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		write(t, filepath.Join(v.dir, version, name), []byte(content))
	}
	symlink(t, version, filepath.Join(v.dir, "..data_tmp"))
	rename(t, filepath.Join(v.dir, "..data_tmp"), filepath.Join(v.dir, "..data"))
	for name := range files {
		first := name
		for filepath.Dir(first) != "." {
			first = filepath.Dir(first)
		}
		link := filepath.Join(v.dir, first)
		if _, err := os.Lstat(link); err != nil {
			symlink(t, filepath.Join("..data", first), link)
		}
	}
	if v.current != "" {
		remove(t, filepath.Join(v.dir, v.current))
	}
	v.current = version
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
}

// A volume whose keys have paths has links to folders; one of flat keys, mounted deep inside, has links to files. Both
// are read, and an update is read soon.
func TestVolumesOfKubernetes(t *testing.T) {
	for name, row := range map[string]struct{ mount, key string }{
		"keys with paths":           {".", "controllers/acme/data.yaml"},
		"a mount for each folder":   {"controllers/acme", "data.yaml"},
		"paths below such a mount":  {"controllers", "acme/data.yaml"},
		"deep paths, and one at it": {".", "lib/a/b/c/d.rego"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			v := &volume{dir: filepath.Join(dir, row.mount)}
			v.update(t, "..2026_01_01", map[string]string{row.key: "old", "root.rego": "x"})
			s := open(t, source.Config{Location: dir, Poll: time.Hour})
			files, err := s.Read(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(row.mount, row.key)
			if diff := cmp.Diff([]string{file, filepath.Join(row.mount, "root.rego")}, paths(files)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			seen := following(t, s)
			v.update(t, "..2026_01_02", map[string]string{row.key: "new", "root.rego": "x"})
			took := await(t, seen, file, "new")
			v.update(t, "..2026_01_03", map[string]string{row.key: "newer", "root.rego": "x"})
			took = max(took, await(t, seen, file, "newer"))
			t.Logf("seen after %v", took)
		})
	}
}

// A link or a folder anywhere on the way to the policies is seen when it is turned or replaced.
func TestATurnedWayIsSeen(t *testing.T) {
	for name, row := range map[string]struct {
		location string
		turn     func(t *testing.T, dir string)
	}{
		"a link in the middle": {"current/policies", func(t *testing.T, dir string) {
			symlink(t, "v2", filepath.Join(dir, "tmp"))
			rename(t, filepath.Join(dir, "tmp"), filepath.Join(dir, "current"))
		}},
		"a link behind a link": {"latest/policies", func(t *testing.T, dir string) {
			symlink(t, "v2", filepath.Join(dir, "tmp"))
			rename(t, filepath.Join(dir, "tmp"), filepath.Join(dir, "current"))
		}},
		"a folder in the middle": {"v1/policies", func(t *testing.T, dir string) {
			rename(t, filepath.Join(dir, "v1"), filepath.Join(dir, "v0"))
			rename(t, filepath.Join(dir, "v2"), filepath.Join(dir, "v1"))
		}},
		"a folder that was not there": {"v3/policies", func(t *testing.T, dir string) {
			rename(t, filepath.Join(dir, "v2"), filepath.Join(dir, "v3"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "v1/policies/a.rego"), []byte("old"))
			write(t, filepath.Join(dir, "v2/policies/a.rego"), []byte("new"))
			symlink(t, "v1", filepath.Join(dir, "current"))
			symlink(t, filepath.Join(dir, "current"), filepath.Join(dir, "latest"))
			s := open(t, source.Config{Location: filepath.Join(dir, row.location), Poll: time.Hour})
			_, _ = s.Read(context.Background()) // it may not be there yet
			seen := watching(t, s)
			row.turn(t, dir)
			t.Logf("seen after %v", await(t, seen, "a.rego", "new"))
		})
	}
}

// Kubernetes before 1.8 made real folders with links to files in them; a subPath of such a volume is a mount of one
// folder, whose links lead out of it.
func TestOldVolumesAndPartsOfVolumes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..1/my/a.rego"), []byte("old"))
	symlink(t, "..1", filepath.Join(dir, "..data"))
	symlink(t, "../..data/my/a.rego", filepath.Join(dir, "my/a.rego"))
	seen := following(t, open(t, source.Config{Location: dir, Poll: time.Hour}))
	write(t, filepath.Join(dir, "..2/my/a.rego"), []byte("new"))
	symlink(t, "..2", filepath.Join(dir, "..data_tmp"))
	rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
	await(t, seen, "my/a.rego", "new")
	_, err := open(t, source.Config{Location: filepath.Join(dir, "my")}).Read(context.Background())
	expect(t, err, "a.rego:", "the symbolic link leaves the directory: put a copy of its target in its place")
}
