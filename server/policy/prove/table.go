package prove

import (
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// table is what the invariants read of a controller's table.
type table struct{ *tree.Table }

// accepts reports whether a pack accepts the controller's own rule, by a setting of the controller or the row.
func (t *table) accepts(purpose string, setting tree.Setting) bool {
	return t.Settings[setting] == "controller_policy" || t.Purposes[purpose].Settings[setting] == "controller_policy"
}

// pack reports whether the controller applies a pack to everyone or, where the place is unknown, as its home pack.
func (t *table) pack(name tree.Pack, jurisdiction string) bool {
	return slices.Contains(t.PacksForEveryone, name) || jurisdiction == "" && t.HomePack == name
}

const day = consent.Instant(24 * time.Hour)

func parseInstant(s string) (consent.Instant, error) {
	t, err := time.Parse(time.RFC3339, s)
	return consent.InstantOf(t), err
}
