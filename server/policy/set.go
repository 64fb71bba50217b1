package policy

import (
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// Set is a loaded set of policies. It is immutable and may be used concurrently.
type Set struct {
	options     Options
	journal     *journal
	shadow      observer // nil: nobody decides again
	generation  *generation
	description consent.Policy
	controllers map[string]*controller
	// stranger stands for every controller that the set does not know.
	stranger *controller
	tree     *tree.Tree
	access   *AccessRules // nil: the set has none
	// compiler and data are what topdown evaluates, for explanations.
	compiler *ast.Compiler
	data     storage.Store
	book     func() *book // computed when it is first asked for
	// detached is that of Detached; else nil.
	detached *detachment
}

// detachment is what a set that nobody watches keeps for itself.
type detachment struct {
	// wrong says that its policy failed by topdown too.
	wrong atomic.Bool
}

// controller is what a Set keeps per controller.
type controller struct {
	id       string
	purposes []string
	// declared are the same, in the same order, as they are declared.
	declared []consent.Purpose
	table    *tree.Table
	horizon  horizon
	// compiled is nil where topdown evaluates.
	compiled  *engine.Entrypoint
	reference rego.PreparedEvalQuery
	// failures counts the denials because the policy failed, of which not all are logged.
	failures atomic.Uint64
}

// observer sees answers of the compiled engine.
type observer interface {
	// due reports whether the nth is to be seen.
	due(n uint64) bool
	// observe is given an input and the answer, which are valid until it returns.
	observe(c *controller, input, answer engine.Value)
}

// Describe returns the revision, files and controllers. ActivatedAt is absent: Active knows it. The result must not be
// changed.
func (s *Set) Describe() consent.Policy { return s.description }

// Revision is the digest of all policy files: 32 hexadecimal digits.
func (s *Set) Revision() string { return s.description.Revision }

// Tree is what the set was made of.
func (s *Set) Tree() *tree.Tree { return s.tree }

// Access returns the set's rules of access; nil: it has none.
func (s *Set) Access() *AccessRules { return s.access }

// Purposes returns the purposes that the controller declares or prohibits, sorted, or consent.ErrUnknownController. The
// result must not be changed.
func (s *Set) Purposes(id string) ([]string, error) {
	c, ok := s.controllers[id]
	if !ok {
		return nil, consent.ErrUnknownController
	}
	return c.purposes, nil
}

// Declared returns a purpose as its controller declares it; false: it does not. It is a lookup.
func (s *Set) Declared(controller, purpose string) (consent.Purpose, bool) {
	c, ok := s.controllers[controller]
	if !ok {
		return consent.Purpose{}, false
	}
	i, ok := slices.BinarySearch(c.purposes, purpose)
	if !ok {
		return consent.Purpose{}, false
	}
	return c.declared[i], true
}

// Rules are those of which Fired can tell that they fired: all that some controller's decision may need. Only a set
// that was loaded with TrackRules has them.
func (s *Set) Rules() []engine.Rule {
	for _, c := range s.controllers {
		if c.compiled != nil {
			return c.compiled.Rules()
		}
	}
	return nil
}

// Detached returns a set that decides the same by the same program, but is not counted, logs nothing and has no shadow:
// for those who ask it millions of questions that no one asked. topdown decides where the compiled engine reports an
// error, until one is the policy's: from then on it is not asked for OPA's words, which take a thousand times as long;
// Refer has them.
func (s *Set) Detached() *Set {
	detached := *s
	detached.journal, detached.shadow = &journal{logger: slog.New(slog.DiscardHandler)}, nil
	detached.detached = &detachment{}
	return &detached
}
