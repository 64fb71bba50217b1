package policy

import (
	"log/slog"

	"github.com/consentd/consentd/server/policy/engine"
)

// Engine says what evaluates policies.
type Engine uint8

// The engines.
const (
	// Compiled evaluates programs compiled from OPA's plan (package engine), and falls back to topdown.
	Compiled Engine = iota
	// Topdown evaluates by OPA's own evaluator, the reference.
	Topdown
	// Delegating is Compiled, but for the built-in functions: all are OPA's. No setting names it; tests of what
	// OPA's functions do to a server are what it is for.
	Delegating
)

// ParseEngine returns the engine of that name: compiled or topdown.
func ParseEngine(name string) (Engine, bool) {
	switch name {
	case "compiled":
		return Compiled, true
	case "topdown":
		return Topdown, true
	}
	return 0, false
}

// DefaultShadowRate is how many decisions are made for one that topdown makes again.
const DefaultShadowRate = 1024

// Options configure a Loader. The zero value is the production setting.
type Options struct {
	// Logger receives policy errors and differences; nil: slog.Default().
	Logger *slog.Logger
	// Engine is what evaluates.
	Engine Engine
	// ShadowRate is N where one in N decisions of the compiled engine is made again by topdown, off the request path,
	// and compared. Zero means DefaultShadowRate, negative none.
	ShadowRate int
	// MaxSteps bounds the steps of one compiled evaluation; zero means engine.DefaultMaxSteps.
	MaxSteps int64
	// TrackRules lets Set.Fired tell which rules fired. It makes evaluations slower: for admission and tests.
	TrackRules bool

	// native replaces built-ins of the compiled engine, for tests.
	native map[string]engine.Native
}
