package admission

import (
	"io/fs"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// DefaultTestTimeout bounds how long the set's own tests may take.
const DefaultTestTimeout = 60 * time.Second

// Options say how a set is admitted. The zero value is the production setting.
type Options struct {
	// Now is the instant around which situations are made; zero means the system's clock.
	Now consent.Instant
	// TestTimeout bounds the set's own tests, the first time; zero means DefaultTestTimeout.
	TestTimeout time.Duration
	// Workers is how many purposes are proven at once; zero means half the processors, so that checks find the
	// other half.
	Workers int
	// Known is a set of policies whose shared rules are known to fire for some controller: where one of them
	// stands unchanged and this set's controllers have no use for it, that is no warning. Nil: there is none.
	Known fs.FS
	// TrustKnown says that Known was proven and tested elsewhere, as the embedded policies are by this package's
	// test: units that mean what they mean there are not proven again.
	TrustKnown bool
	// SkipTests leaves the set's own tests and cases out: for those who run them otherwise.
	SkipTests bool
}
