// Package access permits what callers ask to do, or refuses it.
//
// What a caller may do is decided by the policy of access: the rules of the set of policies in force, or where it has
// none those that ship, over the table of that set and the operator's own, whose grants add up. So an upgrade neither
// locks out nor opens up a server with policies of its own, and the operator's grants change without a rollout of
// policies; the file is followed as it changes, is no part of the policy revision, and a bad one changes nothing.
//
// It fails closed: a policy that errs or answers neither true nor false permits nothing, and is logged and counted. An
// anonymous caller is permitted nothing, whatever the policy says. Where callers are not authenticated at all,
// everything is permitted to everybody: the development default, decided in Gate.Permit and nowhere else.
//
// Answers are remembered (memo), so that a call that is repeated costs an atomic load and a comparison. A changed set
// or table begins with an empty memory, before the activation or the reload returns: from then on nothing is permitted
// by the one before. What a policy that errs is asked is not remembered.
package access

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

// Config says where grants come from. The zero value permits everything to everybody: for a server that does not ask
// who calls.
type Config struct {
	// File is the operator's table of access, YAML, followed as it changes. Empty: there is none.
	File string
	// Required is whether callers are authenticated. Only then are they kept to what is granted.
	Required bool
}

// Validate returns all faults of c.
func (c Config) Validate() error {
	if c.File == "" {
		return nil
	}
	if _, err := os.Stat(c.File); err != nil {
		return fmt.Errorf("access: cannot read %q: name a YAML file of grants", c.File)
	}
	return nil
}

// Sources are what a gate works on.
type Sources struct {
	// Policies is the set in force; required, and so is Shipped, the policies that ship.
	Policies func() *policy.Set
	Shipped  fs.FS
	// Changed is called when the operator's table is another, and what it permits is in force. It must be quick, and must
	// not ask the gate for its counters. Nil: nobody is told.
	Changed func()
	// Options are those by which rules of access are compiled that are not the set's own.
	Options policy.Options
	// Logger gets one line per change, and per failure that is not the same as the last. Nil: there is no log.
	Logger *slog.Logger
}

// Stats count since a gate was opened.
type Stats struct {
	// Denied counts refusals by action.
	Denied map[caller.Action]uint64
	// Evaluated counts questions that were not remembered, Errors those of them to which the policy had no answer.
	Evaluated, Errors uint64
	// Loaded counts the tables of the operator's that were taken in after the first, Failed those that were not;
	// Failing is whether the file cannot be used, and the last good one is in force.
	Loaded, Failed uint64
	Failing        bool
	// Grants is how many there are.
	Grants int
}

// Gate permits acts. Open makes it; all methods may be called concurrently.
type Gate struct {
	config  Config
	sources Sources
	inForce atomic.Pointer[ruling]
	counts  struct {
		evaluated, errors atomic.Uint64
		denied            []atomic.Uint64 // in the order of caller.Actions
	}
	shipped func() (*policy.AccessRules, error)

	// mu is held by who replaces the policy in force, and guards what follows.
	mu    sync.Mutex
	table *tree.Access
	file  following

	watching sync.WaitGroup
	stop     context.CancelFunc
}

// ruling is a policy of access with what is remembered of it.
type ruling struct {
	policy *policy.Access // nil: there is none that works, and nothing is permitted
	memo   *memo
	// claims and recipient are whether answers depend on them.
	claims, recipient bool
}

// Open reads the operator's table and makes the policy in force. The file is not followed until Follow. The error says
// what is wrong with the file, each fault with its line.
func Open(c Config, s Sources) (*Gate, error) {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Changed == nil {
		s.Changed = func() {}
	}
	g := &Gate{config: c, sources: s, stop: func() {}}
	g.counts.denied = make([]atomic.Uint64, len(caller.Actions()))
	g.shipped = sync.OnceValues(g.readShipped)
	switch {
	case c.Required:
	case c.File != "":
		return nil, fmt.Errorf("access: %q grants nothing while callers are not authenticated: have callers authenticated by "+
			"client certificates, tokens or keys, or leave access out", c.File)
	default:
		return g, nil
	}
	if err := g.openFile(); err != nil {
		return nil, err
	}
	if err := g.PoliciesChanged(); err != nil {
		return nil, err
	}
	if g.inForce.Load().policy.Grants() == 0 {
		s.Logger.Warn("no caller is granted anything: name callers in the table of access, see --access", "access", c.File)
	}
	return g, nil
}

func (g *Gate) readShipped() (*policy.AccessRules, error) {
	t, err := tree.Read(g.sources.Shipped)
	if err != nil {
		return nil, err
	}
	return policy.ReadAccessRules(t, g.sources.Options)
}

// PoliciesChanged makes the policy of access that of the set in force. Whoever put it in force calls it.
func (g *Gate) PoliciesChanged() error {
	if !g.config.Required {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.remake()
}

// remake replaces the policy in force; g.mu is held. What cannot be made, which admission should have found, leaves
// none: nothing is permitted.
func (g *Gate) remake() error {
	p, err := g.combine()
	if err != nil {
		g.inForce.Store(&ruling{memo: newMemo()})
		g.sources.Logger.Error("the policy of access cannot be made, and nothing is permitted: put other policies in force",
			"error", err)
		return fmt.Errorf("the policy of access: %w", err)
	}
	g.inForce.Store(&ruling{policy: p, memo: newMemo(), claims: p.Rules().Claims, recipient: p.Rules().Recipient})
	return nil
}

// combine makes the policy of access of what is there.
func (g *Gate) combine() (p *policy.Access, err error) {
	set := g.sources.Policies()
	rules := set.Access()
	if rules == nil {
		if rules, err = g.shipped(); err != nil {
			return nil, err
		}
	}
	return rules.Over(set.Tree().Access, g.table)
}

// Permit returns nil where a caller may do something. Else it is a *consent.ForbiddenError, which says who may not do
// what on what; of a caller whom nobody recognised it wraps consent.ErrUnauthenticated. It does not depend on what is
// stored.
func (g *Gate) Permit(_ context.Context, c *caller.Caller, act caller.Act) error {
	switch {
	case !g.config.Required:
		return nil
	case c == nil || c.Kind == "" || c.Kind == caller.KindAnonymous:
		g.deny(act.Action)
		return fmt.Errorf("%s: %w", act.Action, consent.ErrUnauthenticated)
	case g.permits(c, act):
		return nil
	}
	g.deny(act.Action)
	return &consent.ForbiddenError{
		Caller: c.String(), Action: string(act.Action), Controller: act.Controller, Purpose: act.Purpose,
	}
}

func (g *Gate) permits(c *caller.Caller, act caller.Act) bool {
	r := g.inForce.Load()
	q := question{kind: c.Kind, id: c.ID, issuer: c.Issuer, act: act}
	if r.claims {
		q.whole = c
	}
	if !r.recipient {
		q.act.Recipient = consent.Recipient{}
	}
	permitted, known := r.memo.find(&q)
	if known {
		return permitted
	}
	return g.evaluate(r, c, q)
}

// evaluate asks the policy, and remembers what it answers.
func (g *Gate) evaluate(r *ruling, c *caller.Caller, q question) bool {
	g.counts.evaluated.Add(1)
	permitted, err := false, errNoPolicy
	if r.policy != nil {
		permitted, err = r.policy.Permits(c, q.act)
	}
	if err != nil {
		if n := g.counts.errors.Add(1); n&(n-1) == 0 { // every first, second, fourth, …: calls must not fill the disk
			g.sources.Logger.Error("the policy of access failed, and so refused", "action", q.act.Action,
				"caller", c.String(), "errors", n, "error", err)
		}
		return false
	}
	r.memo.keep(&q, permitted)
	return permitted
}

var errNoPolicy = errors.New("there is no policy of access in force")

func (g *Gate) deny(action caller.Action) {
	for i, known := range actions {
		if known == action {
			g.counts.denied[i].Add(1)
		}
	}
}

var actions = caller.Actions()

// Stats returns the counters.
func (g *Gate) Stats() Stats {
	s := Stats{
		Denied: map[caller.Action]uint64{}, Evaluated: g.counts.evaluated.Load(), Errors: g.counts.errors.Load(),
	}
	for i, action := range actions {
		s.Denied[action] = g.counts.denied[i].Load()
	}
	if r := g.inForce.Load(); r != nil && r.policy != nil {
		s.Grants = r.policy.Grants()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Loaded, s.Failed, s.Failing = g.file.loaded, g.file.failed, g.file.fault != nil
	return s
}
