package limit

import (
	"testing"
	"testing/fstest"
)

func TestMemoryLimitOfTheControlGroup(t *testing.T) {
	const v2 = "0::/a/b\n"
	const v1 = "12:cpu,cpuacct:/a\n7:memory:/a/b\n0::/\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64
		from  string
	}{
		{"none", nil, 0, ""},
		{"v2", map[string]string{"proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "1073741824\n"}, 1 << 30,
			"/sys/fs/cgroup/a/b/memory.max"},
		{"v2, a group above has less", map[string]string{
			"proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.max": "1048576\n",
		}, 1 << 20, "/sys/fs/cgroup/a/memory.max"},
		{"v2, only a group above has one", map[string]string{
			"proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1048576\n",
		}, 1 << 20, "/sys/fs/cgroup/a/memory.max"},
		{"v2, unlimited", map[string]string{"proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "max\n"}, 0, ""},
		{"v2 in a namespace", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20,
			"/sys/fs/cgroup/memory.max"},
		{"v2, a group that is not seen", map[string]string{
			"proc/self/cgroup": "0::/../other\n", "sys/fs/cgroup/memory.max": "1048576\n",
		}, 1 << 20, "/sys/fs/cgroup/memory.max"},
		{"v1", map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "1048576\n"}, 1 << 20,
			"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes"},
		{"v1, mounted from the container's group", map[string]string{
			"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n",
		}, 1 << 20, "/sys/fs/cgroup/memory/memory.limit_in_bytes"},
		{"v1, unlimited", map[string]string{
			"proc/self/cgroup": v1, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0, ""},
		{"nonsense", map[string]string{"proc/self/cgroup": "x\n::\n0::/\n", "sys/fs/cgroup/memory.max": "much\n"}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range test.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, from := cgroupLimit(files); got != test.want || from != test.from {
				t.Errorf("got %d from %q, want %d from %q", got, from, test.want, test.from)
			}
		})
	}
}
