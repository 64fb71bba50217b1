package explain

import (
	"context"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Past says as of when to answer, on two axes of time.
type Past struct {
	// At: what had occurred by then counts. An event that is dated after its recording had occurred when it was
	// recorded.
	At consent.Instant
	// KnownAt: what was recorded by then counts; an annulment has this axis alone. With KnownAt the same as At, the
	// state is the one that checks read then.
	KnownAt consent.Instant
}

// AsOf says as of when a state is, and what of the ledger lies between the two instants.
type AsOf struct {
	Past
	// Person is who the id named, as linked then.
	Person consent.Person
	// Later are the entries that count though they were recorded after At: nobody could know of them then.
	Later []consent.Entry
	// Unknown are those that had occurred by At and do not count, because they were recorded after KnownAt.
	Unknown []consent.Entry
}

// of returns the entries that count as of the past, in their order, and what lies between.
func (p Past) of(entries []consent.Entry) (kept []consent.Entry, as AsOf) {
	as.Past = p
	occurred := make(map[string]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		if f, ok := e.Event.Fact.(consent.Annulment); ok {
			// It comes after what it annuls, and says nothing where that had not occurred.
			occurred[e.Event.ID] = occurred[f.EventID]
		} else {
			occurred[e.Event.ID] = countsFrom(*e) <= p.At
		}
		switch {
		case !occurred[e.Event.ID]:
			continue
		case e.RecordedAt > p.KnownAt:
			as.Unknown = append(as.Unknown, *e)
			continue
		case e.RecordedAt > p.At:
			as.Later = append(as.Later, *e)
		}
		kept = append(kept, *e)
	}
	return kept, as
}

// StateAsOf folds what of a ledger counts as of the past. The times from which its events count are those of ever.
func StateAsOf(entries []consent.Entry, p Past) consent.Snapshot {
	kept, _ := p.of(entries)
	return fold(kept)
}

// SubjectAsOf returns a subject's state as of the past. Errors are the ledger's.
func (x *Explainer) SubjectAsOf(ctx context.Context, subject consent.Subject, p Past) (consent.Snapshot, AsOf, error) {
	g, as, err := x.ledgers(ctx, subject).past(subject.ID, p)
	if err != nil {
		return consent.Snapshot{}, AsOf{}, err
	}
	return fold(g.Entries(subject.ID)), as, nil
}

// Deciding are the policies behind an answer as of the past.
type Deciding struct {
	Revision string
	// Now is whether they are in force now, Then whether they were at the instant; From and Until are those of the span
	// then.
	Now, Then   bool
	From, Until consent.Instant
}

// History has the sets that were in force; *archive.Archive is one. Its errors are *consent.PolicyNotKeptError,
// consent.ErrUnavailable, wrapped, and the context's.
type History interface {
	// At returns the span in which an instant lies.
	At(context.Context, consent.Instant) (consent.PolicySpan, error)
	// Set returns a kept set by its revision.
	Set(ctx context.Context, revision string) (*policy.Set, error)
}

// policies returns the set that decides as of an instant: the one that was in force then, unless that of now is asked
// for. Where the one of then is not kept that is an error, never another set.
func (x *Explainer) policies(ctx context.Context, at consent.Instant, current bool) (*policy.Set, Deciding, error) {
	active := x.config.Active()
	span, err := x.config.History.At(ctx, at)
	switch {
	case current && (err != nil || span.Revision != active.Revision()):
		return active, Deciding{Revision: active.Revision(), Now: true}, nil
	case err != nil:
		return nil, Deciding{}, err
	}
	d := Deciding{Revision: span.Revision, Then: true, From: span.From, Until: span.Until, Now: span.Revision == active.Revision()}
	if d.Now {
		return active, d, nil
	}
	set, err := x.config.History.Set(ctx, span.Revision)
	if e, ok := asNotKept(err); ok {
		return nil, d, &consent.PolicyNotKeptError{Revision: span.Revision, At: at, Why: e.Why}
	}
	return set, d, err
}

// PurposesQuestion is a question about all purposes of a subject, as of the past.
type PurposesQuestion struct {
	// Request names the subject and has the context; its purpose does not count.
	Request *consent.Request
	Past    Past
	// Current asks for the policies of now instead of those of then.
	Current bool
}

// Purposes are the decisions on all purposes as of the past, sorted by purpose.
type Purposes struct {
	Decisions []authz.PurposeDecision
	AsOf      AsOf
	Policies  Deciding
}

// PurposesAsOf decides all purposes as of the past. Errors are those of Explain.
func (x *Explainer) PurposesAsOf(ctx context.Context, q PurposesQuestion) (Purposes, error) {
	set, deciding, err := x.policies(ctx, q.Past.At, q.Current)
	if err != nil {
		return Purposes{}, err
	}
	snapshot, as, err := x.SubjectAsOf(ctx, q.Request.Subject, q.Past)
	if err != nil {
		return Purposes{}, err
	}
	decisions, err := x.config.Authorizer.ListPurposesOn(ctx, q.Request,
		authz.Ground{Snapshot: snapshot, Policies: set, Now: q.Past.At})
	return Purposes{Decisions: decisions, AsOf: as, Policies: deciding}, err
}
