package cases

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// DomainEvents converts events for a run that starts at start. Their ids begin with the prefix.
func DomainEvents(events []Event, prefix string, start time.Time) ([]consent.Event, error) {
	out := make([]consent.Event, len(events))
	for i := range events {
		fact, err := events[i].fact(prefix, start)
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
		out[i] = consent.Event{
			ID: events[i].IDIn(prefix, i), OccurredAt: consent.InstantOf(events[i].At.From(start)),
			Source: events[i].SourceOrDefault(), Evidence: events[i].Evidence, Fact: fact,
		}
	}
	return out, nil
}

// domainEntries converts events that are recorded one after another when the run starts.
func domainEntries(events []Event, prefix string, start time.Time) ([]consent.Entry, error) {
	converted, err := DomainEvents(events, prefix, start)
	entries := make([]consent.Entry, len(converted))
	for i := range converted {
		entries[i] = consent.Entry{Event: converted[i], RecordedAt: consent.InstantOf(start) + consent.Instant(i)}
	}
	return entries, err
}

// IDIn is the event's id in a run whose ids begin with the prefix: its own or, where it has none, its number.
func (e *Event) IDIn(prefix string, number int) string {
	if e.ID == "" {
		return idIn(prefix, strconv.Itoa(number))
	}
	return idIn(prefix, e.ID)
}

// AnnulledIn is the id of what an annulment names in such a run.
func (a *Annulment) AnnulledIn(prefix string) string { return idIn(prefix, a.EventID) }

func idIn(prefix, id string) string { return prefix + "-" + id }

// SourceOrDefault is the event's source; privacy_settings where the case names none.
func (e *Event) SourceOrDefault() string {
	if e.Source == "" {
		return "privacy_settings"
	}
	return e.Source
}

func (e *Event) fact(prefix string, start time.Time) (consent.Fact, error) {
	switch {
	case e.Consent != nil:
		return e.Consent.fact(start)
	case e.Objection != nil:
		return consent.Objection(*e.Objection), nil
	case e.Restriction != nil:
		ground, err := parse(e.Restriction.Ground, consent.ParseGround)
		return consent.Restriction{Ground: ground, Purposes: e.Restriction.Purposes, Lifted: e.Restriction.Lifted}, err
	case e.OptOut != nil:
		kind, err := parse(e.OptOut.Kind, consent.ParseOptOutKind)
		return consent.OptOut{Kind: kind, Lifted: e.OptOut.Lifted}, err
	case e.Signals != nil:
		return consent.Signals(*e.Signals), nil
	case e.Erasure != nil:
		stage, err := parse(e.Erasure.Stage, consent.ParseStage)
		return consent.Erasure{Stage: stage}, err
	case e.Annulment != nil:
		return consent.Annulment{EventID: e.Annulment.AnnulledIn(prefix)}, nil
	}
	return e.Profile.fact(start)
}

func (c *Consent) fact(start time.Time) (consent.Fact, error) {
	status, err := parse(c.Status, consent.ParseStatus)
	if err != nil {
		return nil, err
	}
	actor, err := parse(c.GivenBy, consent.ParseActor)
	return consent.Consent{
		Purpose: c.Purpose, Status: status, NoticeVersion: c.NoticeVersion, Explicit: c.Explicit, GivenBy: actor,
		Recipients: c.Recipients, Countries: c.Countries, ExpiresAt: instant(c.ExpiresAt, start),
	}, err
}

func (p *Profile) fact(start time.Time) (consent.Fact, error) {
	status, err := parse(p.AccountStatus, consent.ParseAccountStatus)
	out := consent.Profile{
		Jurisdiction: p.Jurisdiction, AccountStatus: status,
		LastActivityAt: instant(p.LastActivityAt, start), RetentionUntil: instant(p.RetentionUntil, start),
	}
	if p.AgeMin != nil || p.AgeMax != nil {
		out.Age = &consent.Age{Min: bound(p.AgeMin), Max: bound(p.AgeMax)}
	}
	if r := p.Relationship; r != nil {
		out.Relationship = &consent.Relationship{
			LastSaleAt: instant(r.LastSaleAt, start), SellingEntity: r.SellingEntity, OptOutOffered: r.OptOutOffered,
		}
	}
	return out, err
}

func bound(v *uint32) int16 {
	if v == nil {
		return consent.Unbounded
	}
	return int16(*v)
}

func instant(t *Time, start time.Time) consent.Instant {
	if t == nil {
		return 0
	}
	return consent.InstantOf(t.From(start))
}

// parse turns a bare name into its value; the empty name into the zero value.
func parse[T any](name string, parser func(string) (T, bool)) (v T, err error) {
	if name == "" {
		return v, nil
	}
	v, ok := parser(name)
	if !ok {
		return v, fmt.Errorf("unknown name %q", name)
	}
	return v, nil
}

// Request converts the check of a case for a subject.
func (c *Case) Request(subject consent.Subject) (consent.Request, error) {
	r := consent.Request{
		Subject: subject, Purpose: c.Check.Purpose, DataCategories: c.Check.DataCategories, Context: jsonObject(c.Check.Context),
	}
	if recipient := c.Check.Recipient; recipient != nil {
		kind, err := parse(recipient.Kind, consent.ParseRecipientKind)
		if err != nil {
			return r, err
		}
		r.Recipient = consent.Recipient{Kind: kind, ID: recipient.ID, Country: recipient.Country}
	}
	return r, nil
}

// jsonObject gives values the types that a request's have.
func jsonObject(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	return jsonValue(m).(map[string]any)
}

func jsonValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64() // document.Read has refused what is none
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = jsonValue(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonValue(e)
		}
		return out
	}
	return v
}
