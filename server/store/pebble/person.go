package pebble

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Person returns who an id names.
func (s *Store) Person(ctx context.Context, subject consent.Subject) (consent.Person, error) {
	return consent.Person{IDs: []string{subject.ID}}, ctx.Err()
}
