package replay

import (
	"context"
	"sync"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// names finds whom a log means by an HMAC. It names everybody on record under each key that lines ask for: a name tells
// nothing by itself.
type names struct {
	config Config

	mu sync.Mutex
	// known are the ids behind names, by key and controller; nil of a key: it was not asked for yet. Guarded by mu.
	known map[string]map[consent.Subject]string
}

func newNames(c Config) *names {
	return &names{config: c, known: map[string]map[consent.Subject]string{}}
}

// subject is whom a line is about; why says why that is not known.
func (n *names) subject(ctx context.Context, l *line.Line) (s consent.Subject, why string, err error) {
	s = l.Request.Subject
	if l.SubjectKey == "" {
		return s, "", nil
	}
	mac := n.config.Keys.Of(l.SubjectKey)
	if mac == nil {
		return s, NoKey, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known[l.SubjectKey] == nil {
		if n.known[l.SubjectKey], err = n.all(ctx, mac); err != nil {
			delete(n.known, l.SubjectKey)
			return s, "", err
		}
	}
	id, ok := n.known[l.SubjectKey][s]
	if !ok {
		return s, NotOnRecord, nil
	}
	return consent.Subject{Controller: s.Controller, ID: id}, "", nil
}

// all names every id on record.
func (n *names) all(ctx context.Context, mac *line.Mac) (map[consent.Subject]string, error) {
	known := map[consent.Subject]string{}
	add := func(s consent.Subject) {
		known[consent.Subject{Controller: s.Controller, ID: string(mac.Name(s))}] = s.ID
	}
	err := n.config.Store.Scan(ctx, "", func(s consent.Subject, snapshot consent.Snapshot) error {
		add(s)
		if snapshot.Person == (consent.PersonKey{}) {
			return nil
		}
		// A scan shows a person under one of its ids.
		person, err := n.config.Store.Person(ctx, s)
		for _, id := range person.IDs {
			add(consent.Subject{Controller: s.Controller, ID: id})
		}
		return err
	})
	return known, err
}
