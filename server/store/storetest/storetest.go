// Package storetest holds the promises of package store, one named test each, to run against every store and every
// wrapper of one. It also generates random events and subjects.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Instance is a store under test.
type Instance struct {
	store.Store
	// Reopen opens the same data again, with the same observers, after Close, as a new process would: also what a store
	// has left behind that could not be closed because its disk failed.
	Reopen func(t testing.TB) store.Store
	// Break has every write to the disk or the database fail, until mend is called. A store that lacks it is excepted
	// from the promise FailedChangesKeepTheirRevisions.
	Break func() (mend func())
}

// Maker makes an empty store that tells observers of its changes. It need not close the store.
type Maker func(t testing.TB, observers store.Observers) Instance

// Except names a promise that a store does not keep, and why.
type Except struct{ Promise, Reason string }

// promises are all tests of the suite; their names are those of the subtests.
var promises = []struct {
	name  string
	check func(*suite)
}{
	{"IDsAreDistinctAndStay", idsAreDistinctAndStay},
	{"UnknownSubjectHasAnEmptyState", unknownSubjectHasAnEmptyState},
	{"ReadsItsOwnWrites", readsItsOwnWrites},
	{"SubjectsAreApart", subjectsAreApart},
	{"RevisionsHaveNoGap", revisionsHaveNoGap},
	{"AppliedNeverDecreases", appliedNeverDecreases},
	{"BatchTakesOneRevision", batchTakesOneRevision},
	{"BatchIsAllOrNothing", batchIsAllOrNothing},
	{"DuplicatesChangeNothing", duplicatesChangeNothing},
	{"DuplicatesBesideNewEvents", duplicatesBesideNewEvents},
	{"DuplicateWithinABatch", duplicateWithinABatch},
	{"OtherContentConflicts", otherContentConflicts},
	{"OtherSubjectConflicts", otherSubjectConflicts},
	{"OtherControllerDoesNotConflict", otherControllerDoesNotConflict},
	{"ConflictWithinABatch", conflictWithinABatch},
	{"ErasureRefusesWhatDoesNotRestrict", erasureRefusesWhatDoesNotRestrict},
	{"ErasureRefusesBackDatedEvents", erasureRefusesBackDatedEvents},
	{"ErasureCountsWithinABatch", erasureCountsWithinABatch},
	{"ErasureTakesDuplicates", erasureTakesDuplicates},
	{"ErasuresAreCancelledBeforeAndRestartedAfterCompletion", erasuresAreCancelledBeforeAndRestartedAfterCompletion},
	{"OutcomesTellWhatBecameOfEvents", outcomesTellWhatBecameOfEvents},
	{"AnnulledEventsCountNoMore", annulledEventsCountNoMore},
	{"AnnulmentNeedsAnEventThatCanBeAnnulled", annulmentNeedsAnEventThatCanBeAnnulled},
	{"StateIsTheFoldedLedger", stateIsTheFoldedLedger},
	{"LateEventsAreFoldedInOrder", lateEventsAreFoldedInOrder},
	{"AsOfMissesNoChange", asOfMissesNoChange},
	{"ObserverSeesEveryChangeInOrder", observerSeesEveryChangeInOrder},
	{"ObserverComesAfterTheChangeIsVisible", observerComesAfterTheChangeIsVisible},
	{"ObserverSeesChangesOfCancelledCalls", observerSeesChangesOfCancelledCalls},
	{"AheadSeesEveryChangeInOrder", aheadSeesEveryChangeInOrder},
	{"AheadComesBeforeTheChangeIsVisible", aheadComesBeforeTheChangeIsVisible},
	{"FailedChangesKeepTheirRevisions", failedChangesKeepTheirRevisions},
	{"AnnouncedRevisionsAreNobodyElses", announcedRevisionsAreNobodyElses},
	{"MarksNameTheHistory", marksNameTheHistory},
	{"OtherHistoriesHaveOtherMarks", otherHistoriesHaveOtherMarks},
	{"LatestReadsMissNothing", latestReadsMissNothing},
	{"PagesFollowTheOrderOfRecording", pagesFollowTheOrderOfRecording},
	{"PagesGoOnAfterNewEvents", pagesGoOnAfterNewEvents},
	{"BadPageTokensAreRefused", badPageTokensAreRefused},
	{"ScanShowsEverySubjectOnce", scanShowsEverySubjectOnce},
	{"ScanIsOfOneRevision", scanIsOfOneRevision},
	{"ScanEndsWithAnError", scanEndsWithAnError},
	{"LinkMakesOnePerson", linkMakesOnePerson},
	{"LinkAloneMakesNobodyKnown", linkAloneMakesNobodyKnown},
	{"UnlinkGivesEachItsOwnBack", unlinkGivesEachItsOwnBack},
	{"LinksStandInBothLedgers", linksStandInBothLedgers},
	{"LinksAreIdempotent", linksAreIdempotent},
	{"NewestLinkCounts", newestLinkCounts},
	{"AnnulledLinksCountNoMore", annulledLinksCountNoMore},
	{"StrangersLinkIsNotAnnulled", strangersLinkIsNotAnnulled},
	{"AnnulmentStaysAfterParting", annulmentStaysAfterParting},
	{"SharedRestrictsForAllAndGrantsForNone", sharedRestrictsForAllAndGrantsForNone},
	{"SecondLinkIsRefused", secondLinkIsRefused},
	{"PeopleHaveAtMost64IDs", peopleHaveAtMost64IDs},
	{"ErasureIsThePersons", erasureIsThePersons},
	{"ErasureStaysAfterParting", erasureStaysAfterParting},
	{"EventsOfAPersonComeTogether", eventsOfAPersonComeTogether},
	{"ChangesNameAllThatChanged", changesNameAllThatChanged},
	{"LinkIsOneChange", linkIsOneChange},
	{"PeopleSurviveReopening", peopleSurviveReopening},
	{"ScanShowsEachPersonOnce", scanShowsEachPersonOnce},
	{"EndedContextEndsCalls", endedContextEndsCalls},
	{"WhoRecordedIsKept", whoRecordedIsKept},
	{"ReopeningKeepsEverything", reopeningKeepsEverything},
	{"CloseWaitsForCalls", closeWaitsForCalls},
	{"ClosedStoreIsUnavailable", closedStoreIsUnavailable},
}

// Run checks every promise but the excepted ones, each as a subtest on a store of its own.
func Run(t *testing.T, newStore Maker, except ...Except) {
	reasons := map[string]string{}
	for _, e := range except {
		reasons[e.Promise] = e.Reason
	}
	for _, p := range promises {
		reason, excepted := reasons[p.name]
		delete(reasons, p.name)
		t.Run(p.name, func(t *testing.T) {
			if excepted {
				t.Skip(reason)
			}
			p.check(newSuite(t, newStore))
		})
	}
	for name := range reasons {
		t.Errorf("no promise is named %s", name)
	}
}

// suite is one subtest: a fresh store and what its observers were told. Its methods fail the test on errors.
type suite struct {
	*testing.T
	Instance
	// recorder is told after changes, ahead before them.
	*recorder
	ahead *recorder
	ctx   context.Context
	// make makes another store.
	make func() Instance
	// count numbers events.
	count int
	// broken says that the store may not be able to close.
	broken bool
}

func newSuite(t *testing.T, newStore Maker) *suite {
	s := &suite{T: t, recorder: &recorder{}, ahead: &recorder{}, ctx: t.Context()}
	s.Instance = newStore(t, store.Observers{Ahead: s.ahead, After: s.recorder})
	s.make = func() Instance { return newStore(t, store.Observers{Ahead: &recorder{}, After: &recorder{}}) }
	t.Cleanup(s.close)
	return s
}

// close closes the store.
func (s *suite) close() {
	s.Helper()
	if err := s.Store.Close(); err != nil && !s.broken {
		s.Errorf("closing: %v", err)
	}
}

// recorder is an observer that remembers the changes.
type recorder struct {
	mu      sync.Mutex
	changes []store.Change
	// hook is called with each change, if it is set.
	hook func(store.Change)
}

func (r *recorder) Changed(c store.Change) {
	r.mu.Lock()
	hook := r.hook
	r.changes = append(r.changes, c)
	r.mu.Unlock()
	if hook != nil {
		hook(c)
	}
}

func (r *recorder) setHook(hook func(store.Change)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = hook
}

func (r *recorder) seen() []store.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.changes)
}

// saw reports whether a change was observed.
func (r *recorder) saw(c store.Change) bool {
	return slices.ContainsFunc(r.seen(), func(seen store.Change) bool { return reflect.DeepEqual(seen, c) })
}

var someone = consent.Subject{Controller: "example", ID: "someone"}

const recordedAt = consent.Instant(1_800_000_000_000_000_000)

// event returns an event with an id of its own, a second later than those before it.
func (s *suite) event(fact consent.Fact) consent.Event {
	s.count++
	return consent.Event{
		ID:         "event-" + string(rune('A'+s.count/26)) + string(rune('a'+s.count%26)),
		OccurredAt: consent.InstantOf(Epoch.Add(time.Duration(s.count) * time.Second)),
		Source:     "privacy_settings", Fact: fact,
	}
}

func grant() consent.Consent {
	return consent.Consent{Purpose: "analytics", Status: consent.Given, NoticeVersion: 1}
}

func withdrawal() consent.Consent {
	return consent.Consent{Purpose: "analytics", Status: consent.Withdrawn}
}

func erasure(stage consent.Stage) consent.Erasure { return consent.Erasure{Stage: stage} }

// try records events of a subject.
func (s *suite) try(subject consent.Subject, events ...consent.Event) (consent.Recorded, error) {
	return s.Record(s.ctx, consent.Batch{Subject: subject, Events: events, RecordedAt: recordedAt})
}

// record is try without errors. It also checks the counts.
func (s *suite) record(subject consent.Subject, events ...consent.Event) consent.Recorded {
	s.Helper()
	r, err := s.try(subject, events...)
	if err != nil {
		s.Fatalf("recording %v: %v", events, err)
	}
	if r.Applied+r.Duplicates != len(events) {
		s.Fatalf("%d applied and %d duplicates of %d events", r.Applied, r.Duplicates, len(events))
	}
	return r
}

// refused records events and wants an error about one of them.
func (s *suite) refused(want error, index int, events ...consent.Event) {
	s.Helper()
	s.refusedOf(someone, want, index, events...)
}

func (s *suite) refusedOf(subject consent.Subject, want error, index int, events ...consent.Event) {
	s.Helper()
	_, err := s.try(subject, events...)
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
	var about *consent.EventError
	if !errors.As(err, &about) || about.Index != index || about.ID != events[index].ID {
		s.Fatalf("error %v is not about event %d, %s", err, index, events[index].ID)
	}
}

func (s *suite) read(subject consent.Subject) consent.Snapshot {
	s.Helper()
	snapshot, err := s.Read(s.ctx, subject)
	if err != nil {
		s.Fatalf("reading %v: %v", subject, err)
	}
	if snapshot.State == nil {
		s.Fatalf("reading %v: the state is nil", subject)
	}
	return snapshot
}

// entries returns the subject's whole ledger, read in pages of limit.
func (s *suite) entries(subject consent.Subject, limit int) (all []consent.Entry) {
	s.Helper()
	page := consent.Page{Limit: limit}
	for {
		got, err := s.Events(s.ctx, subject, page)
		if err != nil {
			s.Fatalf("events of %v: %v", subject, err)
		}
		if len(got.Entries) > limit || len(got.Entries) == 0 && got.Next != "" {
			s.Fatalf("a page of %d entries, limit %d, next %q", len(got.Entries), limit, got.Next)
		}
		all = append(all, got.Entries...)
		if got.Next == "" {
			return all
		}
		page.After = got.Next
	}
}

// checkLedger compares the subject's ledger with the events that were recorded, by revision.
func (s *suite) checkLedger(subject consent.Subject, want []consent.Entry) {
	s.Helper()
	if diff := cmp.Diff(under(subject, want), s.entries(subject, 100), cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("ledger of %v (-want +got):\n%s", subject, diff)
	}
}

// checkState compares the subject's state with its folded ledger.
func (s *suite) checkState(subject consent.Subject) {
	s.Helper()
	if diff := cmp.Diff(consent.FoldEntries(s.entries(subject, 100)), s.read(subject).State, cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("state of %v (-folded ledger +got):\n%s", subject, diff)
	}
}

// reopen closes the store and opens it again.
func (s *suite) reopen() {
	s.Helper()
	s.close()
	s.Store, s.broken = s.Reopen(s.T), false
}

func entriesOf(revision consent.Revision, events ...consent.Event) (entries []consent.Entry) {
	for _, e := range events {
		entries = append(entries, consent.Entry{Event: e, RecordedAt: recordedAt, Revision: revision})
	}
	return entries
}

// under returns the entries as said under the subject's id.
func under(subject consent.Subject, entries []consent.Entry) []consent.Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].SubjectID = subject.ID
	}
	return entries
}
