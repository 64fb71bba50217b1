// Package caller says who asks, and what they ask to do.
//
// A caller is found once for a connection (a client certificate) or for a credential (a token, a key), and travels in
// the context of the call from then on. Who is found is not who may: that is decided by the policies of access.
package caller

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Kind is how a caller was recognised.
type Kind string

// The kinds of callers, as policies of access see them.
const (
	// KindAnonymous is anybody: nothing was asked of them. It is the zero value's meaning.
	KindAnonymous Kind = "anonymous"
	// KindCertificate is the holder of a client certificate's key; the id is its one SPIFFE URI or DNS name.
	KindCertificate Kind = "certificate"
	// KindToken is the bearer of a JSON Web Token; the id is its subject, the issuer who issued it.
	KindToken Kind = "token"
	// KindKey is the bearer of an API key; the id is the name of the key's owner in the file of keys.
	KindKey Kind = "key"
)

// Caller is who asks. It is immutable and shared between calls, so that it may be compared by its address; all of it
// may be read concurrently.
type Caller struct {
	Kind Kind
	// ID is unique among the callers of a kind and an issuer; empty for an anonymous one.
	ID string
	// Issuer vouches for the id: the iss of a token; empty for other kinds.
	Issuer string
	// Claims are those of a token, as JSON is decoded; nil for other kinds.
	Claims map[string]any
}

// Anonymous is the caller where authentication is off.
var Anonymous = &Caller{Kind: KindAnonymous}

// String names the caller in logs and records: kind:id, and the issuer after a space where there is one.
func (c *Caller) String() string {
	switch {
	case c == nil || c.Kind == "" || c.Kind == KindAnonymous:
		return string(KindAnonymous)
	case c.Issuer == "":
		return string(c.Kind) + ":" + c.ID
	default:
		return string(c.Kind) + ":" + c.ID + " " + c.Issuer
	}
}

type contextKey struct{}

// With returns a context of calls by c.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns who asks; it is never nil, and Anonymous where nobody was recognised.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(contextKey{}).(*Caller); ok && c != nil {
		return c
	}
	return Anonymous
}

// Action is what a caller asks to do.
type Action string

// The actions, as policies of access see them.
const (
	// Check asks for decisions.
	Check Action = "check"
	// Explain asks why, with the events behind it.
	Explain Action = "explain"
	// Read reads a subject's state and ledger.
	Read Action = "read"
	// Record records events, links and partings of now.
	Record Action = "record"
	// Import records events of a source that is an import, whose evidence is of the past.
	Import Action = "import"
	// Export reads the states or events of all subjects.
	Export Action = "export"
	// Watch follows which cached answers are out of date.
	Watch Action = "watch"
	// PolicyRead reads the policies in force and before.
	PolicyRead Action = "policy.read"
	// PolicyCheck puts policies through admission, and compares them.
	PolicyCheck Action = "policy.check"
	// PolicyActivate puts policies in force.
	PolicyActivate Action = "policy.activate"
	// Admin is what concerns the node as a whole: its backup, its record of processing, its metrics.
	Admin Action = "admin"
)

// Actions are all of them, in the order above.
func Actions() []Action {
	return []Action{Check, Explain, Read, Record, Import, Export, Watch, PolicyRead, PolicyCheck, PolicyActivate, Admin}
}

// Act is one thing that a caller asks to do. Fields that an action has no use for are empty, which is no wildcard: it
// is an act on no controller, or for no purpose in particular.
type Act struct {
	Action     Action
	Controller string
	Purpose    string
	Recipient  consent.Recipient
}
