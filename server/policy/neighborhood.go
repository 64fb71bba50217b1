package policy

import (
	"context"
	"reflect"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// Neighborhood decides requests that differ little from one, the center, at part of the cost: what depends on nothing
// that differs is neither built nor evaluated again. It finds by itself what differs. Its decisions are those of
// Set.Evaluate. It is not safe for concurrent use.
type Neighborhood struct {
	set        *Set
	controller *controller
	neighbors  *engine.Neighbors
	masks      inputMasks
	scratch    *scratch
	center     center
}

// center is a question, its input field by field, and its answer.
type center struct {
	request  consent.Request
	state    *consent.State
	now      consent.Instant
	parts    inputParts
	scratch  *scratch
	decision consent.Decision
	// decided says that there is a decision.
	decided bool
}

// inputMasks are what the engine says depends on the fields of an input.
type inputMasks struct {
	request   [requestFields]engine.Fields
	subject   [subjectFields]engine.Fields
	recipient [recipientFields]engine.Fields
	context   map[string]engine.Fields
}

// Neighborhood returns a neighborhood without a center for requests to one controller; nil where the compiled engine
// does not evaluate its policy, or there is none.
func (s *Set) Neighborhood(controller string) *Neighborhood {
	c, ok := s.controllers[controller]
	if !ok || c.compiled == nil {
		return nil
	}
	n := &Neighborhood{
		set: s, controller: c,
		neighbors: c.compiled.Neighbors(requestKeys[requestSubject], requestKeys[requestRecipient], requestKeys[requestContext]),
		scratch:   s.generation.newScratch(), center: center{scratch: s.generation.newScratch()},
	}
	n.masks = masksOf(n.neighbors)
	return n
}

func masksOf(neighbors *engine.Neighbors) inputMasks {
	m := inputMasks{context: map[string]engine.Fields{}}
	for i, key := range requestKeys {
		m.request[i] = neighbors.Field(key, "")
	}
	for i, key := range subjectKeys {
		m.subject[i] = neighbors.Field(requestKeys[requestSubject], key)
	}
	for i, key := range recipientKeys {
		m.recipient[i] = neighbors.Field(requestKeys[requestRecipient], key)
	}
	return m
}

// Center decides like Set.Evaluate. The request and the state must stay as they are until the next center.
func (n *Neighborhood) Center(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (consent.Decision, error) {
	c, in := &n.center, n.set.generation.records
	c.request, c.state, c.now, c.decided = *request, state, now, false
	c.scratch.builder.Reset()
	c.parts = inputParts{}
	in.buildRequest(c.scratch, request, now, &c.parts)
	in.buildSubject(c.scratch.builder, request.Subject.ID, &consent.Snapshot{State: state}, now, &c.parts)
	input := in.assemble(c.scratch.builder, &c.parts)
	err := n.neighbors.Center(ctx, engine.Request{Input: input}, func(r engine.Result) (err error) {
		c.decision, err = n.set.generation.answer.read(r.Value, request)
		return err
	})
	if err != nil {
		return n.set.Evaluate(ctx, request, state, now) // which has words for what failed
	}
	c.decided = true
	return c.decision, nil
}

// Evaluate decides like Set.Evaluate.
func (n *Neighborhood) Evaluate(
	ctx context.Context, request *consent.Request, state *consent.State, now consent.Instant,
) (d consent.Decision, err error) {
	if !n.center.decided {
		return n.set.Evaluate(ctx, request, state, now)
	}
	n.scratch.builder.Reset()
	parts := n.center.parts
	changed := n.changeRequest(request, now, &parts) | n.changeSubject(request.Subject.ID, state, now, &parts)
	if changed&n.neighbors.Read() == 0 && slices.Equal(request.DataCategories, n.center.request.DataCategories) {
		return n.center.decision, nil
	}
	input := n.set.generation.records.assemble(n.scratch.builder, &parts)
	err = n.neighbors.Eval(ctx, engine.Request{Input: input}, changed, func(r engine.Result) (err error) {
		d, err = n.set.generation.answer.read(r.Value, request)
		return err
	})
	if err != nil {
		return n.set.Evaluate(ctx, request, state, now)
	}
	return d, nil
}

// changeRequest replaces what differs from the center's request, and says what depends on it.
func (n *Neighborhood) changeRequest(r *consent.Request, now consent.Instant, p *inputParts) (changed engine.Fields) {
	old, b, in := &n.center.request, n.scratch.builder, n.set.generation.records
	set := func(field int, v engine.Value) {
		p.request[field] = v
		changed |= n.masks.request[field]
	}
	if r.Subject.Controller != old.Subject.Controller {
		set(requestController, b.String(r.Subject.Controller))
	}
	if r.Purpose != old.Purpose {
		set(requestPurpose, b.String(r.Purpose))
	}
	if !slices.Equal(r.DataCategories, old.DataCategories) {
		set(requestCategories, in.strings(b, r.DataCategories))
	}
	if now != n.center.now {
		set(requestNow, b.Int(int64(now)))
	}
	if r.Recipient != old.Recipient {
		p.request[requestRecipient] = in.recipientOf(b, r.Recipient)
		changed |= n.recipientChange(r.Recipient)
	}
	if fields := n.contextChange(r.Context); fields != 0 {
		p.request[requestContext] = in.contextOf(n.scratch, r.Context)
		changed |= fields
	}
	return changed
}

// recipientChange is what depends on the fields of a recipient other than the center's.
func (n *Neighborhood) recipientChange(r consent.Recipient) (changed engine.Fields) {
	old := n.center.request.Recipient
	if (r.Kind == 0) != (old.Kind == 0) {
		return n.masks.request[requestRecipient]
	}
	differences := [recipientFields]bool{
		recipientKind: r.Kind != old.Kind, recipientID: r.ID != old.ID, recipientCountry: r.Country != old.Country,
	}
	for i, differs := range differences {
		if differs {
			changed |= n.masks.recipient[i]
		}
	}
	return changed
}

func (n *Neighborhood) contextChange(m map[string]any) (changed engine.Fields) {
	old := n.center.request.Context
	for key, v := range m {
		if was, ok := old[key]; !ok || !reflect.DeepEqual(v, was) {
			changed |= n.contextField(key)
		}
	}
	for key := range old {
		if _, ok := m[key]; !ok {
			changed |= n.contextField(key)
		}
	}
	return changed
}

func (n *Neighborhood) contextField(key string) engine.Fields {
	f, ok := n.masks.context[key]
	if !ok {
		f = n.neighbors.Field(requestKeys[requestContext], key)
		n.masks.context[key] = f
	}
	return f
}

// changeSubject replaces what differs from the center's subject, and says what depends on it.
func (n *Neighborhood) changeSubject(id string, s *consent.State, now consent.Instant, p *inputParts) (changed engine.Fields) {
	old, b, in := n.center.state, n.scratch.builder, n.set.generation.records
	for field := range preparedFields {
		if !sameField(s, old, field) {
			p.subject[field] = in.field(b, s, field)
			changed |= n.masks.subject[field]
		}
	}
	if id != n.center.request.Subject.ID {
		p.subject[subjectID] = b.String(id)
		changed |= n.masks.subject[subjectID]
	}
	if s.Age != old.Age || now != n.center.now {
		p.subject[subjectAgeMin], p.subject[subjectAgeMax] = nil, nil
		in.buildAge(b, s, now, p)
		changed |= n.masks.subject[subjectAgeMin] | n.masks.subject[subjectAgeMax]
	}
	return changed
}

// sameField reports whether two states agree in all that records.field reads for a field.
func sameField(a, b *consent.State, field int) bool {
	switch field {
	case subjectKnown:
		return a.Known() == b.Known()
	case subjectJurisdiction:
		return a.Jurisdiction.Value == b.Jurisdiction.Value
	case subjectAccountStatus:
		return a.AccountStatus.Value == b.AccountStatus.Value
	case subjectLastActivityAt:
		return a.LastActivityAt.Value == b.LastActivityAt.Value
	case subjectRetentionUntil:
		return a.RetentionUntil.Value == b.RetentionUntil.Value
	case subjectErasure:
		return a.Erasure.Value == b.Erasure.Value
	case subjectErasureAt:
		return a.Erasure.At == b.Erasure.At
	case subjectSignals:
		return a.GPC == b.GPC && a.DNT == b.DNT
	case subjectOptOuts:
		return a.OptOuts == b.OptOuts
	case subjectConsents:
		sameAge := a.Age == b.Age || len(a.Consents) == 0 // records say how old the subject was
		return sameAge && slices.EqualFunc(a.Consents, b.Consents, sameConsents)
	case subjectObjections:
		return slices.Equal(a.Objections, b.Objections)
	case subjectRestrictions:
		return slices.Equal(a.Restrictions, b.Restrictions)
	case subjectRelationship:
		return a.Relationship == b.Relationship
	}
	return false
}

func sameConsents(a, b consent.PurposeConsents) bool {
	return a.Purpose == b.Purpose && sameRecord(&a.Own, &b.Own) &&
		slices.EqualFunc(a.Recipients, b.Recipients, func(a, b consent.RecipientRecord) bool {
			return a.Recipient == b.Recipient && sameRecord(&a.Record, &b.Record)
		})
}

func sameRecord(a, b *consent.Record) bool {
	return a.Status == b.Status && a.Denied == b.Denied && a.GivenBy == b.GivenBy && a.Explicit == b.Explicit &&
		a.Evidence == b.Evidence && a.NoticeVersion == b.NoticeVersion && a.ExpiresAt == b.ExpiresAt &&
		a.GivenAt == b.GivenAt && a.DeniedAt == b.DeniedAt && a.RequestedAt == b.RequestedAt &&
		a.RequestedBeforeGivenAt == b.RequestedBeforeGivenAt && slices.Equal(a.Countries, b.Countries)
}
