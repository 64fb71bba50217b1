package explain

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Change is what would turn the answer: events that would have to happen, or another request.
type Change struct {
	// Texts are the single changes, all of which it takes, each a phrase.
	Texts []string
	// Then is what the decision would be.
	Then consent.Decision
}

// candidate is a change that may turn an answer.
type candidate struct {
	text string
	// family: of several changes of one family the first that works is told, the ones after it ask more.
	family string
	events []consent.Event
	// request changes a copy of the request; nil: it stays.
	request func(*consent.Request)
	// plain: rules that nearly held are tried under it.
	plain bool
}

func happens(text, family string, facts ...consent.Fact) candidate {
	c := candidate{text: text, family: family, plain: true}
	for _, f := range facts {
		c.events = append(c.events, consent.Event{Source: "explanation", Fact: f})
	}
	return c
}

// proven adds evidence to the events.
func (c candidate) proven() candidate {
	for i := range c.events {
		c.events[i].Evidence = "explanation"
	}
	return c
}

func asked(text, family string, change func(*consent.Request)) candidate {
	return candidate{text: text, family: family, request: change, plain: true}
}

// easing lists what may turn a DENY.
func (t *teller) easing() []candidate {
	r := t.request
	if known := t.becomesKnown(); len(known) > 0 {
		return known
	}
	list := t.consents()
	list = append(list, t.lifts()...)
	list = append(list, t.profiles()...)
	list = append(list, t.otherRequests()...)
	for _, p := range t.purposes() {
		if p != r.Purpose {
			c := consent.Consent{Purpose: p, Status: consent.Given, NoticeVersion: t.hints(p).NoticeVersion}
			list = append(list, happens("a consent to "+p, "consent."+p, c))
			c.Explicit = true
			list = append(list, happens("an explicit consent to "+p, "consent."+p, c))
		}
	}
	return list
}

// becomesKnown lists what makes a person known of whom nothing was ever recorded, where that is all it takes.
func (t *teller) becomesKnown() []candidate {
	if t.Snapshot.State.Known() {
		return nil
	}
	c := happens("anything on record for the subject, such as an account", "known",
		consent.Profile{AccountStatus: consent.AccountActive})
	if q, _ := t.under(c); t.decide(q).Effect != consent.Allow {
		return nil
	}
	return []candidate{c}
}

// grant is a way to give a consent.
type grant struct {
	named, explicit, proven, twoSteps bool
	country                           bool
	by                                consent.Actor
}

// consents lists the ways to consent to the purpose, the simplest first.
func (t *teller) consents() (list []candidate) {
	r := t.request.Recipient
	var grants []grant
	for i := range 1 << 6 {
		g := grant{named: i&1 != 0, country: i&2 != 0, explicit: i&4 != 0, proven: i&8 != 0, twoSteps: i&16 != 0}
		if i&32 != 0 {
			g.by = consent.ByParent
		}
		if g.named && r.ID == "" || g.country && r.Country == "" {
			continue
		}
		grants = append(grants, g)
	}
	slices.SortStableFunc(grants, func(a, b grant) int { return a.demands() - b.demands() })
	for _, g := range grants {
		list = append(list, t.consentBy(g))
	}
	return list
}

// demands counts what a grant asks beyond a plain one.
func (g grant) demands() (n int) {
	for _, more := range []bool{g.named, g.country, g.explicit, g.proven, g.twoSteps, g.by != consent.BySubject} {
		if more {
			n++
		}
	}
	return n
}

func (t *teller) consentBy(g grant) candidate {
	r := t.request
	c := consent.Consent{
		Purpose: r.Purpose, Status: consent.Given, NoticeVersion: t.hints(r.Purpose).NoticeVersion, Explicit: g.explicit, GivenBy: g.by,
	}
	text := "a consent to " + r.Purpose
	if g.explicit {
		text = "an explicit consent to " + r.Purpose
	}
	if version := c.NoticeVersion; version > 1 {
		text += fmt.Sprintf(", to version %d of the notice", version)
	}
	if g.by == consent.ByParent {
		text += ", given by a parent"
	}
	if g.named {
		c.Recipients = []string{r.Recipient.ID}
		text += ", that names the recipient " + r.Recipient.ID
	}
	if g.country {
		c.Countries = []string{r.Recipient.Country}
		text += ", for transfers to " + r.Recipient.Country
	}
	facts := []consent.Fact{c}
	if g.twoSteps {
		asked := c
		asked.Status = consent.Requested
		facts = []consent.Fact{asked, c}
		text += ", in two steps: asked for, then confirmed"
	}
	made := happens(text, "consent."+r.Purpose, facts...)
	if g.proven {
		made = made.proven()
		made.text += ", with evidence that what stands against it was shown"
	}
	made.plain = g.demands() <= 1
	return made
}

// lifts lists the undoing of what stands against the person's data.
func (t *teller) lifts() (list []candidate) {
	s := t.Snapshot.State
	for _, m := range s.Objections {
		if m.Raised && m.Purpose == "" {
			list = append(list, happens("lifting the objection for "+t.request.Purpose+" alone", "objection.",
				consent.Objection{Purposes: []string{t.request.Purpose}, Lifted: true}))
		}
		if m.Raised {
			list = append(list, happens("lifting the objection to "+covered(m.Purpose), "objection."+m.Purpose,
				consent.Objection{Purposes: only(m.Purpose), Lifted: true}))
		}
	}
	for _, m := range s.Restrictions {
		if m.Raised && m.Purpose == "" {
			text := fmt.Sprintf("lifting the restriction (%s) for %s alone", phrase(m.Ground.String()), t.request.Purpose)
			list = append(list, happens(text, "restriction."+m.Ground.String(),
				consent.Restriction{Ground: m.Ground, Purposes: []string{t.request.Purpose}, Lifted: true}))
		}
		if m.Raised {
			text := fmt.Sprintf("lifting the restriction for %s (%s)", covered(m.Purpose), phrase(m.Ground.String()))
			list = append(list, happens(text, "restriction."+m.Ground.String()+m.Purpose,
				consent.Restriction{Ground: m.Ground, Purposes: only(m.Purpose), Lifted: true}))
		}
	}
	for i, m := range s.OptOuts {
		if kind := consent.OptOutKind(i + 1); m.Raised {
			list = append(list, happens("lifting the opt-out of "+optOutNames[kind]+", with evidence", "opt_out."+kind.String(),
				consent.OptOut{Kind: kind, Lifted: true}).proven())
		}
	}
	switch {
	case s.Completed.Open:
		list = append(list, happens("restarting after the erasure, with evidence that the person came back", "erasure",
			consent.Erasure{Stage: consent.ErasureRestarted}).proven())
	case s.Erasure.Value.Stands():
		list = append(list, happens("cancelling the erasure", "erasure", consent.Erasure{Stage: consent.ErasureCancelled}))
	}
	return list
}

func only(purpose string) []string {
	if purpose == "" {
		return nil
	}
	return []string{purpose}
}

// adult is the age that no rule asks more than.
const adult = 21

// profiles lists what else may come to be known of the person.
func (t *teller) profiles() (list []candidate) {
	s := t.Snapshot.State
	if s.AccountStatus.Value == consent.AccountClosed {
		list = append(list, happens("opening the account again", "account", consent.Profile{AccountStatus: consent.AccountActive}))
	}
	if s.LastActivityAt.At != 0 {
		list = append(list, happens("the account being used again", "activity", consent.Profile{LastActivityAt: t.Now}))
	}
	if until := s.RetentionUntil.Value; until != 0 && until <= t.Now {
		later := t.Now + min(consent.Instant(365*24*time.Hour), math.MaxInt64-t.Now)
		list = append(list, happens("a later end of retention", "retention", consent.Profile{RetentionUntil: later}))
	}
	if s.Age.At != 0 && s.Age.Value.Max != consent.Unbounded {
		age := consent.Age{Min: adult, Max: consent.Unbounded}
		list = append(list, happens("the subject being old enough", "age", consent.Profile{Age: &age}))
	}
	sale := consent.Relationship{LastSaleAt: t.Now, SellingEntity: t.request.Subject.Controller, OptOutOffered: true}
	return append(list, happens("a sale by the controller with a way to opt out", "relationship",
		consent.Profile{Relationship: &sale}))
}

// otherRequests lists requests that ask less, or say more.
func (t *teller) otherRequests() (list []candidate) {
	r := t.request
	hints := t.hints(r.Purpose)
	if len(r.DataCategories) > 0 {
		list = append(list, asked("naming no data category", "data", func(r *consent.Request) { r.DataCategories = nil }))
	}
	if permitted := t.Decision.PermittedDataCategories; len(permitted) > 0 && len(permitted) < len(r.DataCategories) {
		list = append(list, asked("asking only for "+strings.Join(permitted, ", "), "data",
			func(r *consent.Request) { r.DataCategories = permitted }))
	}
	if len(hints.Allowed) > 0 {
		list = append(list, asked("asking only for data among "+strings.Join(hints.Allowed, ", "), "data",
			func(r *consent.Request) { r.DataCategories = hints.Allowed[:1] }))
	}
	list = append(list, t.otherRecipients()...)
	for _, key := range hints.Flags {
		if r.Context[key] != true {
			list = append(list, asked(fmt.Sprintf("a request of which context.%s is true", key), "context."+key,
				func(r *consent.Request) { r.Context = with(r.Context, key, true) }))
		}
	}
	for key := range r.Context {
		list = append(list, asked(fmt.Sprintf("a request without context.%s", key), "context."+key,
			func(r *consent.Request) { r.Context = with(r.Context, key, nil) }))
	}
	return list
}

// otherRecipients lists recipients of other kinds and places. A request that names none gets them only where it needs
// one.
func (t *teller) otherRecipients() (list []candidate) {
	r := t.request
	needed := slices.ContainsFunc(t.Decision.Reasons, func(r consent.Reason) bool {
		return r.Code == consent.RecipientNotPermitted
	})
	if r.Recipient.Kind != 0 {
		list = append(list, asked("keeping the data with the controller", "recipient",
			func(r *consent.Request) { r.Recipient = consent.Recipient{} }))
	}
	if r.Recipient.Country != "" {
		list = append(list, asked("a recipient in the country itself", "country",
			func(r *consent.Request) { r.Recipient.Country = "" }))
	}
	for kind := consent.Processor; kind <= consent.Authority && needed; kind++ {
		if kind != r.Recipient.Kind {
			list = append(list, asked("a recipient that is "+article(kind.String()), "recipient",
				func(r *consent.Request) { r.Recipient.Kind = kind }))
		}
	}
	return list
}

func article(name string) string {
	if strings.ContainsRune("AEIOU", rune(name[0])) {
		return "an " + phrase(name)
	}
	return "a " + phrase(name)
}

// with returns a copy of a context with another value; nil takes the key away.
func with(m map[string]any, key string, value any) map[string]any {
	next := maps.Clone(m)
	if next == nil {
		next = map[string]any{}
	}
	if delete(next, key); value != nil {
		next[key] = value
	}
	return next
}

// ending lists what may turn an ALLOW.
func (t *teller) ending() []candidate {
	p := t.request.Purpose
	yes := true
	list := []candidate{
		happens("a withdrawal of the consent to "+p, "consent."+p, consent.Consent{Purpose: p, Status: consent.Withdrawn}),
		happens("an objection to "+p, "objection", consent.Objection{Purposes: []string{p}}),
		happens("an objection to all purposes", "objection", consent.Objection{}),
		happens("a restriction of the processing", "restriction", consent.Restriction{Ground: consent.AccuracyContested}),
		happens("an opt-out of "+optOutNames[consent.SaleOrSharing], "opt_out.sale", consent.OptOut{Kind: consent.SaleOrSharing}),
		happens("an opt-out of "+optOutNames[consent.SensitiveDataUse], "opt_out.sensitive",
			consent.OptOut{Kind: consent.SensitiveDataUse}),
		happens("the browser sending Global Privacy Control", "gpc", consent.Signals{GPC: &yes}),
		happens("the browser sending Do Not Track", "dnt", consent.Signals{DNT: &yes}),
		happens("a request for erasure", "erasure", consent.Erasure{Stage: consent.ErasureRequested}),
		happens("the closing of the account", "account", consent.Profile{AccountStatus: consent.AccountClosed}),
	}
	for _, other := range t.purposes() {
		if other != p {
			list = append(list, happens("a withdrawal of the consent to "+other, "consent."+other,
				consent.Consent{Purpose: other, Status: consent.Withdrawn}))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.request.Context)) {
		list = append(list, asked(fmt.Sprintf("a request without context.%s", key), "context."+key,
			func(r *consent.Request) { r.Context = with(r.Context, key, nil) }))
	}
	return list
}

// under returns the question under some changes, which happen one after the other, later than all that is on record;
// false where one of them would not be recorded, because an erasure stands.
func (t *teller) under(changes ...candidate) (policy.Question, bool) {
	request, state, now := *t.request, t.Snapshot.State, t.Now
	// Each in a second of its own: what restricts counts to the end of its second.
	at := max(now, state.Newest.At)
	var fresh []consent.Entry
	for _, c := range changes {
		for _, e := range c.events {
			at += consent.Instant(time.Second)
			e.ID, e.OccurredAt = fmt.Sprintf("explanation-%d", at), at
			fresh = append(fresh, consent.Entry{Event: e, SubjectID: request.Subject.ID, Shared: t.graph.Shared(request.Subject.ID)})
		}
		if c.request != nil {
			c.request(&request)
		}
	}
	if len(fresh) > 0 {
		ledger := func() ([]consent.Entry, error) { return t.entries, nil }
		if consent.Admit(state, fresh, ledger) != nil {
			return policy.Question{}, false
		}
		// The error is the ledger's.
		state, _ = consent.Advance(state, fresh, ledger)
		now = max(now, at)
	}
	return policy.Question{Request: &request, Snapshot: &consent.Snapshot{State: state}, Now: now}, true
}

// changesTo finds the changes that bring about an effect: single ones or, where none does, pairs or, where no pair
// does, the fewest that a greedy search finds.
func (t *teller) changesTo(effect consent.Effect, list []candidate) ([]Change, error) {
	found, err := t.search(effect, singles(list))
	if err != nil || len(found) > 0 || effect == consent.Deny {
		return found, err
	}
	if found, err = t.search(effect, pairs(list[:min(len(list), maxTried)])); err != nil || len(found) > 0 {
		return found, err
	}
	return t.greedy(effect, list)
}

// maxTried bounds the changes that are tried in pairs, and those under which rules are: a person may have objected to
// thousands of purposes. The shipped policies have fewer than a hundred.
const maxTried = 150

func singles(list []candidate) (sets [][]candidate) {
	for i := range list {
		sets = append(sets, list[i:i+1])
	}
	return sets
}

func pairs(list []candidate) (sets [][]candidate) {
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[i].family != list[j].family {
				sets = append(sets, []candidate{list[i], list[j]})
			}
		}
	}
	slices.SortStableFunc(sets,
		func(a, b []candidate) int { return len(a[0].text) + len(a[1].text) - len(b[0].text) - len(b[1].text) })
	return sets
}

// search tries sets of changes in their order, and each combination of families until one of it works.
func (t *teller) search(effect consent.Effect, sets [][]candidate) (found []Change, err error) {
	worked := map[string]bool{}
	for _, set := range sets {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		family := ""
		for _, c := range set {
			family += c.family + "\n"
		}
		q, ok := t.under(set...)
		if worked[family] || !ok {
			continue
		}
		if d := t.decide(q); d.Effect == effect && !failed(&d) {
			worked[family] = true
			found = append(found, change(d, set))
		}
	}
	return found, nil
}

func change(d consent.Decision, set []candidate) Change {
	c := Change{Then: d}
	for _, one := range set {
		c.Texts = append(c.Texts, one.text)
	}
	return c
}

func failed(d *consent.Decision) bool { return d.Reasons[0].Code == consent.PolicyError }

// greedy adds the change that leaves the fewest reasons until none to deny is left, then drops what was not needed.
func (t *teller) greedy(effect consent.Effect, list []candidate) ([]Change, error) {
	var taken []candidate
	left := len(t.Decision.Reasons) + 1
	for range list {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		best, reached := t.best(taken, list, &left)
		if best == nil {
			return nil, nil
		}
		taken = append(taken, *best)
		if reached {
			taken, d := t.needed(effect, taken)
			return []Change{change(d, taken)}, nil
		}
	}
	return nil, nil
}

// best returns the candidate that, with those taken, leaves fewer reasons than left; nil if none does.
func (t *teller) best(taken, list []candidate, left *int) (best *candidate, reached bool) {
	for i := range list {
		q, ok := t.under(append(slices.Clone(taken), list[i])...)
		if !ok {
			continue
		}
		d := t.decide(q)
		if n := len(d.Reasons); d.Effect == consent.Allow || n < *left && !failed(&d) {
			best, *left, reached = &list[i], n, d.Effect == consent.Allow
		}
		if reached {
			break
		}
	}
	return best, reached
}

// needed drops the changes without which the effect stays.
func (t *teller) needed(effect consent.Effect, taken []candidate) ([]candidate, consent.Decision) {
	for i := 0; i < len(taken); {
		rest := slices.Delete(slices.Clone(taken), i, i+1)
		if q, ok := t.under(rest...); ok && t.decide(q).Effect == effect {
			taken = rest
			continue
		}
		i++
	}
	q, _ := t.under(taken...)
	return taken, t.decide(q)
}
