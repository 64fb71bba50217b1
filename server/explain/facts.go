package explain

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Role says what a fact did to a decision.
type Role uint8

// The roles.
const (
	// NoEffect: without the fact, the decision is the same.
	NoEffect Role = iota
	// Shared: the fact has its effect, but so has another; without this one alone the decision is the same.
	Shared
	// Decisive: without the fact, the decision is another.
	Decisive
)

// Fact is something on record for a subject.
type Fact struct {
	// Key names it as the policies' input does, such as consents.marketing_email.
	Key string
	// Text is a sentence.
	Text string
	Role Role
	// Without is what the decision would be without it, where it is decisive.
	Without consent.Decision
	// Events are those that set it, in the order in which they occurred.
	Events []consent.Entry
}

// fact is a part of a state that can be taken away.
type fact struct {
	key string
	// value changes whenever an event sets the fact anew.
	value any
	// text is made when it is asked for.
	text func() string
	// remove takes it away from a copy of the state.
	remove func(*consent.State)
}

// factsOf lists what a state holds, in a fixed order.
func factsOf(s *consent.State) []fact {
	l := &lister{}
	l.profile(s)
	for i, name := range []string{"signals.gpc", "signals.dnt"} {
		g := []consent.Signal{s.GPC, s.DNT}[i]
		l.add(g.At != 0, fact{name, g, func() string { return signalText(i, g) }, func(s *consent.State) {
			*[]*consent.Signal{&s.GPC, &s.DNT}[i] = consent.Signal{}
		}})
	}
	for i, m := range s.OptOuts {
		kind := consent.OptOutKind(i + 1)
		l.add(m.At != 0, fact{"opt_outs." + kind.String(), m, func() string { return optOutText(kind, m) }, func(s *consent.State) {
			s.OptOuts[i] = consent.Mark{}
		}})
	}
	coverage := consent.CoverageOf(s.Objections)
	for i, m := range s.Objections {
		text := func() string { return objectionText(m, coverage[i]) }
		l.add(true, fact{"objections." + scope(m.Purpose), m, text, func(s *consent.State) {
			s.Objections = slices.DeleteFunc(s.Objections, func(o consent.PurposeMark) bool { return o.Purpose == m.Purpose })
		}})
	}
	restricted := s.RestrictionCoverage()
	for i, m := range s.Restrictions {
		key := "restrictions." + m.Ground.String() + "." + scope(m.Purpose)
		l.add(true, fact{key, m, func() string { return restrictionText(m, restricted[i]) }, func(s *consent.State) {
			s.Restrictions = slices.DeleteFunc(s.Restrictions, func(o consent.GroundMark) bool {
				return o.Ground == m.Ground && o.Purpose == m.Purpose
			})
		}})
	}
	for _, p := range s.Consents {
		l.consents(p, s.Completed)
	}
	return l.facts
}

// scope is how keys name what a mark covers.
func scope(purpose string) string {
	if purpose == "" {
		return "all"
	}
	return "purposes." + purpose
}

type lister struct{ facts []fact }

func (l *lister) add(present bool, f fact) {
	if present {
		l.facts = append(l.facts, f)
	}
}

func (l *lister) profile(s *consent.State) {
	dated(l, "jurisdiction", s.Jurisdiction, placeText, func(s *consent.State) { s.Jurisdiction = consent.Dated[string]{} })
	dated(l, "age", s.Age, ageText, func(s *consent.State) { s.Age = consent.Dated[consent.Age]{} })
	dated(l, "account_status", s.AccountStatus, accountText, func(s *consent.State) {
		s.AccountStatus = consent.Dated[consent.AccountStatus]{}
	})
	dated(l, "last_activity_at", s.LastActivityAt, activityText, func(s *consent.State) {
		s.LastActivityAt = consent.Dated[consent.Instant]{}
	})
	dated(l, "retention_until", s.RetentionUntil, retentionText, func(s *consent.State) {
		s.RetentionUntil = consent.Dated[consent.Instant]{}
	})
	dated(l, "relationship", s.Relationship, relationshipText, func(s *consent.State) {
		s.Relationship = consent.Dated[consent.Relationship]{}
	})
	e := erasure{s.Erasure, s.Completed}
	l.add(e != erasure{}, fact{"erasure", e, func() string { return erasureText(e) }, func(s *consent.State) {
		s.Erasure, s.Completed = consent.Dated[consent.Stage]{}, consent.Completion{}
	}})
}

// erasure is the newest stage of one, and the newest completion.
type erasure struct {
	Stage     consent.Dated[consent.Stage]
	Completed consent.Completion
}

func dated[T any](l *lister, key string, d consent.Dated[T], text func(consent.Dated[T]) string, remove func(*consent.State)) {
	l.add(d.At != 0, fact{key, d, func() string { return text(d) }, remove})
}

// consents lists a purpose's records: that of the purpose, those of its recipients, and the requests beside them.
func (l *lister) consents(p consent.PurposeConsents, completed consent.Completion) {
	key := "consents." + p.Purpose
	empty := p.Own.Status == 0 && len(p.Recipients) == 0
	l.add(empty, fact{key, true, func() string { return uncountedText(p.Purpose, completed) }, func(s *consent.State) {
		s.Consents = slices.DeleteFunc(s.Consents, func(o consent.PurposeConsents) bool { return o.Purpose == p.Purpose })
	}})
	l.record(key, p.Own, func() string { return recordText(p.Purpose, "", &p.Own) }, ownRecord(p.Purpose))
	for _, r := range p.Recipients {
		text := func() string { return recordText(p.Purpose, r.Recipient, &r.Record) }
		l.record(key+".recipients."+r.Recipient, r.Record, text, recipientRecord(p.Purpose, r.Recipient))
	}
}

// at changes a record of a state by f, which says whether to drop it.
type at func(s *consent.State, f func(*consent.Record) (drop bool))

func ownRecord(purpose string) at {
	return func(s *consent.State, f func(*consent.Record) bool) {
		for i := range s.Consents {
			if p := &s.Consents[i]; p.Purpose == purpose && f(&p.Own) {
				p.Own = consent.Record{}
			}
		}
		dropEmpty(s, purpose)
	}
}

func recipientRecord(purpose, recipient string) at {
	return func(s *consent.State, f func(*consent.Record) bool) {
		for i := range s.Consents {
			if p := &s.Consents[i]; p.Purpose == purpose {
				for j := range p.Recipients {
					if p.Recipients[j].Recipient == recipient && f(&p.Recipients[j].Record) {
						p.Recipients = slices.Delete(p.Recipients, j, j+1)
						break
					}
				}
			}
		}
		dropEmpty(s, purpose)
	}
}

func dropEmpty(s *consent.State, purpose string) {
	s.Consents = slices.DeleteFunc(s.Consents, func(p consent.PurposeConsents) bool {
		return p.Purpose == purpose && p.Own.Status == 0 && len(p.Recipients) == 0
	})
}

// record lists a record and, where it is more than a request, the requests beside it.
func (l *lister) record(key string, r consent.Record, text func() string, at at) {
	if r.Status == 0 {
		return
	}
	decided := r
	if r.Status != consent.Requested {
		decided.RequestedAt, decided.RequestedBeforeGivenAt = 0, 0
		l.add(r.RequestedAt != 0, fact{key + requestedSuffix, [2]consent.Instant{r.RequestedAt, r.RequestedBeforeGivenAt},
			func() string { return requestText(key, &r) }, func(s *consent.State) {
				at(s, func(r *consent.Record) bool {
					r.RequestedAt, r.RequestedBeforeGivenAt = 0, 0
					return false
				})
			}})
	}
	l.add(true, fact{key, decided, text, func(s *consent.State) { at(s, func(*consent.Record) bool { return true }) }})
}

// without returns a copy of the state without some facts.
func without(s *consent.State, facts ...fact) *consent.State {
	// The error is the ledger's, which no fresh entry asks for.
	next, _ := consent.Advance(s, nil, nil)
	for _, f := range facts {
		f.remove(next)
	}
	return next
}

// attribute folds the entries one by one and returns, for each fact of the last state, those that set it: the last one
// that changed it, before that the one that began a signal's run, and the request that came before a grant.
//
// It stops where the context ends; its caller looks at that.
func attribute(ctx context.Context, entries []consent.Entry) map[string][]consent.Entry {
	values, behind := map[string]any{}, map[string][]consent.Entry{}
	consent.Replay(entries, func(e *consent.Entry, state *consent.State) bool {
		for _, f := range factsOf(state) {
			if before, ok := values[f.key]; !ok || !reflect.DeepEqual(before, f.value) {
				if record, ok := strings.CutSuffix(f.key, requestedSuffix); ok && !isRequest(&e.Event) {
					behind[f.key] = requests(behind[f.key], behind[record])
				} else {
					behind[f.key] = append(continued(before, f.value, behind[f.key]), *e)
				}
				values[f.key] = f.value
			}
		}
		return ctx.Err() == nil
	})
	return behind
}

// requestedSuffix ends the keys of the requests beside a record.
const requestedSuffix = ".requested"

func isRequest(e *consent.Event) bool {
	c, ok := e.Fact.(consent.Consent)
	return ok && c.Status == consent.Requested
}

// requests are the entries behind the requests beside a record when a grant or a denial changes what they are to it:
// the same as before or, where until then they were all of the record, those of the record.
func requests(before, record []consent.Entry) []consent.Entry {
	if len(before) > 0 {
		return before
	}
	return slices.Clone(record)
}

// continued returns the entry that still stands behind a fact beside the newest: that which began a signal's run of
// true, that which completed an erasure, and the request before the last grant.
func continued(before, value any, entries []consent.Entry) []consent.Entry {
	switch v := value.(type) {
	case consent.Signal:
		old, ok := before.(consent.Signal)
		if ok && v.Value && old.Value && old.Since == v.Since {
			return entries[:1:1]
		}
	case erasure:
		old, ok := before.(erasure)
		if ok && v.Completed.At != 0 && v.Completed.At == old.Completed.At {
			return entries[:1:1]
		}
	case [2]consent.Instant:
		for i, e := range entries {
			if v[1] != 0 && v[1] != v[0] && countsFrom(e) == v[1] {
				return entries[i : i+1 : i+1]
			}
		}
	}
	return nil
}

// countsFrom is the time from which what grants or asks counts: it is never later than its recording.
func countsFrom(e consent.Entry) consent.Instant {
	if e.RecordedAt == 0 {
		return e.Event.OccurredAt
	}
	return min(e.Event.OccurredAt, e.RecordedAt)
}
