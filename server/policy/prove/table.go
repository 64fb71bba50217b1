package prove

import (
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// table is what the invariants read of a controller's table (policies/controllers/<id>/data.yaml). policy.Load has decoded
// it strictly before.
type table struct {
	Notice           notice            `yaml:"notice"`
	PacksForEveryone []string          `yaml:"packs_for_everyone"`
	HomePack         string            `yaml:"home_pack"`
	Settings         map[string]string `yaml:"settings"`
	Age              struct {
		Minimum int  `yaml:"minimum"`
		Local   bool `yaml:"local"`
	} `yaml:"age"`
	Durations map[string]struct {
		Days int `yaml:"days"`
	} `yaml:"durations"`
	KeptAfterErasure []string `yaml:"kept_after_erasure"`
	Retention        struct {
		Counts bool `yaml:"counts"`
	} `yaml:"retention"`
	Purposes map[string]*row `yaml:"purposes"`
}

// row is the row of a purpose.
type row struct {
	Basis                 string            `yaml:"basis"`
	Prohibited            bool              `yaml:"prohibited"`
	Notice                *notice           `yaml:"notice"`
	Settings              map[string]string `yaml:"settings"`
	SoftOptIn             bool              `yaml:"soft_opt_in"`
	CountsAsSharing       bool              `yaml:"counts_as_sharing"`
	ConsentNamesRecipient bool              `yaml:"consent_names_recipient"`
	CoveredBy             string            `yaml:"covered_by"`
}

type notice struct {
	Version  uint32 `yaml:"version"`
	Material uint32 `yaml:"material"`
}

func (t *table) notice(purpose string) notice {
	if r := t.Purposes[purpose]; r != nil && r.Notice != nil {
		return *r.Notice
	}
	return t.Notice
}

// accepts reports whether a pack accepts the controller's own rule, by a setting of the controller or the row.
func (t *table) accepts(purpose, setting string) bool {
	return t.Settings[setting] == "controller_policy" || t.Purposes[purpose].Settings[setting] == "controller_policy"
}

// pack reports whether the controller applies a pack to everyone or, where the place is unknown, as its home pack.
func (t *table) pack(name, jurisdiction string) bool {
	return slices.Contains(t.PacksForEveryone, name) || jurisdiction == "" && t.HomePack == name
}

const day = consent.Instant(24 * time.Hour)

func parseInstant(s string) (consent.Instant, error) {
	t, err := time.Parse(time.RFC3339, s)
	return consent.InstantOf(t), err
}
