package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/consentd/consentd/server/app"
)

// exposure is the most that the unit may be exposed by systemd's measure, in tenths: 0 is sealed, 100 is unprotected.
const exposure = "12"

// unit is a copy of the unit that names a program which is on this machine, as verify looks for it.
func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("systemd/consentd.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "consentd.service")
	text = bytes.Replace(text, []byte("ExecStart=/usr/bin/consentd "), []byte("ExecStart=/bin/true "), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// settingsOf are those of a unit, by name, the last of each.
func settingsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Za-z]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	return all
}

func TestUnitIsSoundAndSealed(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not there")
	}
	for name, args := range map[string][]string{
		"verify":   {"verify", "--man=no"},
		"security": {"security", "--offline=true", "--no-pager", "--threshold=" + exposure},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "systemd-analyze", append(args, unit(t))...).CombinedOutput()
			if err != nil || name == "verify" && len(bytes.TrimSpace(out)) > 0 { // it warns, and exits with 0
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestUnitLetsTheServerDrain: it gives the server longer to stop than the server gives its calls.
func TestUnitLetsTheServerDrain(t *testing.T) {
	stop, err := time.ParseDuration(settingsOf(t, "systemd/consentd.service")["TimeoutStopSec"] + "s")
	if err != nil || stop < app.DefaultDrainTimeout+20*time.Second {
		t.Errorf("killed %v after it was told to stop, %v: it drains for %v", stop, err, app.DefaultDrainTimeout)
	}
}
