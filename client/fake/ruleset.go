package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
)

// ruleset is one text of rules: what decides, in place of policies. It is immutable but for the counts of its rules.
type ruleset struct {
	name, text, revision string
	rules                []*rule
	// listed says that the text lists the controllers.
	listed bool
	// purposes are those that a controller declares, sorted, by its id; of one that is listed with purposes these alone.
	purposes map[string][]string
	// closed are the controllers that are listed with their purposes.
	closed map[string]bool
	// since is when it came in force.
	since consent.Instant
}

// finish computes what follows from the rules.
func (s *ruleset) finish(name, text string) {
	s.name, s.text = name, text
	if s.name == "" {
		s.name = "rules"
	}
	sum := sha256.Sum256([]byte(name + "\x00" + text))
	s.revision, s.closed = hex.EncodeToString(sum[:]), map[string]bool{}
	if !s.listed {
		shipped, _ := fs.ReadDir(policies.FS, "controllers") // it is in the binary
		for _, folder := range shipped {
			s.purposes[folder.Name()] = nil
		}
		for _, r := range s.rules {
			if r.Controller != "" {
				s.purposes[r.Controller] = nil
			}
		}
	}
	for id, declared := range s.purposes {
		s.closed[id] = len(declared) > 0
		if !s.closed[id] {
			declared = s.named(id)
		}
		slices.Sort(declared)
		s.purposes[id] = slices.Compact(declared)
	}
}

// named are the purposes that the rules name for a controller.
func (s *ruleset) named(controller string) (names []string) {
	for _, r := range s.rules {
		if r.Purpose != "" && (r.Controller == "" || r.Controller == controller) {
			names = append(names, r.Purpose)
		}
	}
	return names
}

// Revision implements authz.Policies.
func (s *ruleset) Revision() string { return s.revision }

// Purposes implements authz.Policies.
func (s *ruleset) Purposes(controller string) ([]string, error) {
	declared, ok := s.purposes[controller]
	if !ok {
		return nil, fmt.Errorf("%w: %s", consent.ErrUnknownController, controller)
	}
	return declared, nil
}

// Declared implements authz.Policies: the store in memory never fails, so nothing is declared for that.
func (s *ruleset) Declared(string, string) (consent.Purpose, bool) { return consent.Purpose{}, false }

// asking is a call that rules are asked for. It lies in the call's context, and is the call's own.
type asking struct {
	// look says that no rule is used up by the call, nor makes it wait.
	look bool
	// found are the requests' rules among rules, of those that were found as the call arrived.
	rules *ruleset
	found map[*consent.Request]*rule
	// rule is the one that answered last, err its error, where it has one.
	rule *rule
	err  error
	// errs are the errors of all, by their requests: a batch's decisions are given out after the last was made.
	errs map[*consent.Request]error
}

type askingKey struct{}

// ask returns a context whose decisions tell what rule made them.
func ask(ctx context.Context, look bool) (context.Context, *asking) {
	a := &asking{look: look}
	return context.WithValue(ctx, askingKey{}, a), a
}

// among is a request's rule: the one found as the call arrived, unless others came into force since.
func (a *asking) among(s *ruleset, request *consent.Request) *rule {
	if r, found := a.found[request]; found && a.rules == s {
		return r
	}
	return s.find(question{callCheck, request}, a.look)
}

// Decide implements authz.Policies. A rule's error is left in the asking; the decision denies.
func (s *ruleset) Decide(
	ctx context.Context, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant,
) consent.Decision {
	a, ok := ctx.Value(askingKey{}).(*asking)
	if !ok {
		a = &asking{}
	}
	declared := slices.Contains(s.purposes[request.Subject.Controller], request.Purpose)
	a.rule, a.err = a.among(s, request), nil
	switch r := a.rule; {
	case r == nil:
		return s.unruled(declared)
	case !a.look && !wait(ctx, now.Time().Add(r.delay)):
		return consent.Failed() // the context has ended, and nobody gets it
	case r.err != nil:
		a.err = r.err
		if a.errs == nil {
			a.errs = map[*consent.Request]error{}
		}
		a.errs[request] = r.err
		return consent.Failed()
	case s.closed[request.Subject.Controller] && !declared:
		return s.unruled(false)
	default:
		return r.answer(request, snapshot.State, now)
	}
}

// unruled is the decision where no rule matches.
func (s *ruleset) unruled(declared bool) consent.Decision {
	if declared {
		return consent.Decision{Basis: consent.BasisConsent, Reasons: []consent.Reason{{Code: consent.ConsentMissing, Clause: s.name}}}
	}
	return consent.Decision{Reasons: []consent.Reason{{Code: consent.PurposeNotDeclared, Clause: s.name}}}
}

// find is the first rule that matches and has an answer left; nil: there is none.
func (s *ruleset) find(q question, look bool) *rule {
	for _, r := range s.rules {
		if r.matches(q) && r.take(look) {
			return r
		}
	}
	return nil
}

// wait waits until an instant; false: the context ended first.
func wait(ctx context.Context, until time.Time) bool {
	left := time.Until(until)
	if left <= 0 {
		return true
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// newestNotice is a fake's version of each notice: no program shows a newer one, and is told of none.
const newestNotice = math.MaxInt32

// describe is what the server tells of its policies.
func (s *ruleset) describe() consent.Policy {
	sum := sha256.Sum256([]byte(s.text))
	p := consent.Policy{
		Revision: s.revision, ActivatedAt: s.since,
		Files: []consent.PolicyFile{{Path: s.name, SHA256: hex.EncodeToString(sum[:]), Content: []byte(s.text)}},
	}
	for _, id := range s.controllers() {
		c := consent.Controller{ID: id, Name: id}
		for _, name := range s.purposes[id] {
			c.Purposes = append(c.Purposes, consent.Purpose{
				Name: name, Basis: consent.BasisConsent, Clause: s.name, NoticeVersion: newestNotice,
			})
		}
		p.Controllers = append(p.Controllers, c)
	}
	return p
}

// controllers are the ids of the controllers, sorted.
func (s *ruleset) controllers() []string {
	return slices.Sorted(maps.Keys(s.purposes))
}
