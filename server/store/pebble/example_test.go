package pebble_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// printer prints the changes that it is told of.
type printer string

func (p printer) Changed(c store.Change) { fmt.Println(p, c.Subject.ID, c.Revision) }

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := pebble.Open(dir, pebble.Options{Observers: store.Observers{Ahead: printer("ahead:"), After: printer("visible:")}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	who := consent.Subject{Controller: "example", ID: "user-42"}
	objection := consent.Event{ID: "e1", OccurredAt: 1, Source: "support", Fact: consent.Objection{}}
	recorded, err := s.Record(context.Background(), consent.Batch{Subject: who, Events: []consent.Event{objection}, RecordedAt: 2})
	if err != nil {
		log.Fatal(err)
	}
	got, err := s.Read(context.Background(), who)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("recorded:", recorded.Applied, "known:", got.State.Known(), "changed:", got.Changed)
	// Output:
	// ahead: user-42 1
	// visible: user-42 1
	// recorded: 1 known: true changed: 1
}
