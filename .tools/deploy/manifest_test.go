package deploy

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the manifests anew")

const manifest = root + "/server/deploy/kubernetes/consentd.yaml"

const manifestHead = `# What the chart of server/deploy/helm/consentd comes to with its own values, for those who use no Helm.
# Generated: go -C .tools/deploy test . -run TestManifest -update
`

// TestManifest: the plain manifests are those of the chart.
func TestManifest(t *testing.T) {
	files, err := release{name: "consentd"}.render(t)
	must(t, err)
	var text strings.Builder
	text.WriteString(manifestHead)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, document := range documentsOf(files[name]) {
			text.WriteString("---\n" + strings.TrimSpace(document) + "\n")
		}
	}
	if *update {
		must(t, os.MkdirAll(root+"/server/deploy/kubernetes", 0o755))
		must(t, os.WriteFile(manifest, []byte(text.String()), 0o644))
	}
	if got, err := os.ReadFile(manifest); err != nil || string(got) != text.String() {
		t.Errorf("%s is not what the chart comes to (%v): go -C .tools/deploy test . -run TestManifest -update", manifest, err)
	}
}
