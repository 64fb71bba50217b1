package deploy

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the manifests anew")

// manifests are what the chart comes to with some values, for those who use no Helm.
var manifests = map[string]struct{ values, head string }{
	"consentd.yaml": {head: `# What the chart of server/deploy/helm/consentd comes to with its own values, for those who use no Helm.
`},
	"nodes.yaml": {values: manyNodes, head: `# Three nodes that share a PostgreSQL database, whose URL is the key url of the Secret consentd-store: what the chart of
# server/deploy/helm/consentd comes to with the values for that, for those who use no Helm. server/NODES.md tells the rest.
# Before another version is applied the Job of the one before must be gone: kubectl delete job consentd-migrate. Until it has
# ended, pods of the new version do not start.
`},
}

const generated = "# Generated: go -C .tools/deploy test . -run TestManifest -update\n"

// TestManifest: the plain manifests are those of the chart.
func TestManifest(t *testing.T) {
	for name, m := range manifests {
		files, err := release{name: "consentd", values: m.values}.render(t)
		must(t, err)
		var text strings.Builder
		text.WriteString(m.head + generated)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			for _, document := range documentsOf(files[name]) {
				text.WriteString("---\n" + strings.TrimSpace(document) + "\n")
			}
		}
		file := root + "/server/deploy/kubernetes/" + name
		if *update {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, []byte(text.String()), 0o644))
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text.String() {
			t.Errorf("%s is not what the chart comes to (%v): go -C .tools/deploy test . -run TestManifest -update", file, err)
		}
	}
}
