package reload_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/shared/sharedtest"
)

// sharing has a node of a name and a build share sets.
func sharing(sets shared.Sets, node, build string) func(*reload.Config) {
	return func(c *reload.Config) {
		c.Shared = &reload.Shared{Sets: sets, Name: "the test's store", Node: node, Prover: build}
		c.Observe = nil
	}
}

// newNode makes and starts a node of sets; it is closed when the test ends.
func newNode(t *testing.T, sets shared.Sets, node string, change ...func(*reload.Config)) *bench {
	t.Helper()
	b := newBench(t, nil, func(c *reload.Config) {
		sharing(sets, node, "v1")(c)
		for _, f := range change {
			f(c)
		}
	})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Watch()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// activate has a node activate acme with a clause.
func (b *bench) activate(t *testing.T, clause, expected string) consent.Activated {
	t.Helper()
	done, err := b.Activate(t.Context(), candidate(acme(t, clause), expected))
	if err != nil {
		t.Fatalf("activating %q: %v", clause, err)
	}
	return done
}

// counting counts admissions.
func counting(n *atomic.Int64) func(*reload.Config) {
	return admitting(func(context.Context, fs.FS) error { n.Add(1); return nil })
}

// hears tells nodes of a number, as the feed does, and lets them act upon it.
func hears(number uint64, nodes ...*bench) {
	for _, b := range nodes {
		b.Heard(number)
	}
	synctest.Wait()
}

func TestAnActivationIsInForceOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets, proofs := &sharedtest.Memory{}, [2]atomic.Int64{}
		a := newNode(t, sets, "a", counting(&proofs[0]))
		b := newNode(t, sets, "b", counting(&proofs[1]))
		embedded := a.active.Current().Revision()
		by := consent.Identity{Kind: "key", ID: "release"}
		done, err := a.Activate(t.Context(), consent.Candidate{Files: acme(t, "1").List(), Expected: embedded, By: by})
		if err != nil || done.Number != 1 || done.Previous != embedded || done.Revision != a.active.Current().Revision() {
			t.Fatalf("Activate = %+v, %v", done, err)
		}
		hears(1, a, b)
		for name, node := range map[string]*bench{"a": a, "b": b} {
			s := node.Status()
			if node.clause(t) != "1" || s.Number != 1 || s.Behind() || s.Source != "ActivatePolicy" || len(s.Faults) > 0 {
				t.Errorf("%s decides by %q, status %+v", name, node.clause(t), s)
			}
		}
		if a.Status().ProvenBy != "" || b.Status().ProvenBy != "a" {
			t.Errorf("proven by %q and %q", a.Status().ProvenBy, b.Status().ProvenBy)
		}
		if proofs[0].Load() != 1 || proofs[1].Load() != 0 {
			t.Errorf("proven %d and %d times, want once, where it was activated", proofs[0].Load(), proofs[1].Load())
		}
		if n := sets.Fetches(); n != 1 {
			t.Errorf("%d sets were fetched, want 1", n)
		}
		kept, _, err := sets.Current(t.Context())
		if err != nil || kept.By != by || kept.ProvenBy != "a" || kept.Prover != "v1" {
			t.Errorf("the store has %+v, %v", kept, err)
		}
		b.activate(t, "2", done.Revision)
		hears(2, a, b)
		if a.clause(t) != "2" || a.Status().ProvenBy != "b" {
			t.Errorf("a decides by %q, proven by %q", a.clause(t), a.Status().ProvenBy)
		}
	})
}

// A hint that is lost costs time, and nothing else.
func TestActivationsAreFoundWithoutBeingTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a, b := newNode(t, sets, "a"), newNode(t, sets, "b")
		a.activate(t, "1", "")
		time.Sleep(40 * time.Second) // of the test's clock
		if b.clause(t) != "1" || b.Status().Number != 1 {
			t.Errorf("decides by %q, status %+v", b.clause(t), b.Status())
		}
	})
}

// A node of another build trusts no proof but its own.
func TestAnotherBuildProvesAgain(t *testing.T) {
	for name, row := range map[string]struct {
		build  string
		proofs int64
	}{"the same": {"v1", 0}, "another": {"v2", 1}, "unknown": {"", 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sets, proofs := &sharedtest.Memory{}, atomic.Int64{}
				a := newNode(t, sets, "a", sharing(sets, "a", "v1"))
				a.activate(t, "1", "")
				b := newNode(t, sets, "b", sharing(sets, "b", row.build), counting(&proofs))
				if b.clause(t) != "1" || proofs.Load() != row.proofs {
					t.Errorf("started with %q after %d proofs, want %d", b.clause(t), proofs.Load(), row.proofs)
				}
				a.activate(t, "2", "")
				hears(2, b)
				if b.clause(t) != "2" || proofs.Load() != 2*row.proofs || (b.Status().ProvenBy == "a") != (row.proofs == 0) {
					t.Errorf("decides by %q after %d proofs, proven by %q", b.clause(t), proofs.Load(), b.Status().ProvenBy)
				}
			})
		})
	}
}

// What a node proves otherwise than the one that activated it is not in force there.
func TestANodeThatRefusesKeepsTheLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		var refusing atomic.Bool
		refusal := &consent.PolicyFaultsError{Faults: []consent.PolicyFault{{File: "x.rego", Line: 3, Message: "allows who withdrew"}}}
		a := newNode(t, sets, "a")
		a.activate(t, "1", "")
		b := newNode(t, sets, "b", sharing(sets, "b", "v2"), admitting(func(context.Context, fs.FS) error {
			if refusing.Load() {
				return refusal
			}
			return nil
		}))
		refusing.Store(true)
		a.activate(t, "2", "")
		hears(2, b)
		s := b.Status()
		if b.clause(t) != "1" || s.Number != 1 || s.Newest != 2 || !s.Behind() || len(s.Faults) != 1 || s.RetryAt == 0 {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
		time.Sleep(time.Minute)
		if n := strings.Count(b.log.String(), "allows who withdrew"); n != 1 {
			t.Errorf("told %d times:\n%s", n, b.log)
		}
		refusing.Store(false)
		time.Sleep(10 * time.Minute)
		if s := b.Status(); b.clause(t) != "2" || s.Behind() || len(s.Faults) > 0 {
			t.Errorf("mended, and decides by %q, status %+v", b.clause(t), s)
		}
	})
}

// What is fetched is the set of its digest or nothing.
func TestWhatWasExchangedIsRefused(t *testing.T) {
	other, err := acme(t, "planted").Zip("")
	if err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func([]byte) []byte{
		"another set":    func([]byte) []byte { return other },
		"a byte changed": func(b []byte) []byte { return bytes.Replace(b, []byte("CONTRACT"), []byte("CONTRACU"), 1) },
		"half of it":     func(b []byte) []byte { return b[:len(b)/2] },
		"nothing":        func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sets := &sharedtest.Memory{}
				a, b := newNode(t, sets, "a"), newNode(t, sets, "b")
				sets.Harm(harm)
				a.activate(t, "1", "")
				hears(1, b)
				s := b.Status()
				if b.clause(t) != "embedded" || s.Number != 0 || !s.Behind() || !strings.Contains(s.Faults[0].Message, "damaged") {
					t.Errorf("decides by %q, status %+v", b.clause(t), s)
				}
				sets.Harm(nil)
				time.Sleep(time.Minute)
				if b.clause(t) != "1" || b.Status().Behind() {
					t.Errorf("mended, and decides by %q, status %+v", b.clause(t), b.Status())
				}
			})
		})
	}
}

// Files that load as another set than where they were activated are not in force.
func TestWhatLoadsAsAnotherRevisionIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		b := newNode(t, sets, "b")
		files := acme(t, "1")
		packed, err := files.Zip("")
		if err != nil {
			t.Fatal(err)
		}
		put := sets.Put(t.Context(), shared.Set{Digest: files.Digest(), Revision: "claimed", Packed: packed})
		activated := sets.Activate(t.Context(), shared.Activation{Number: 1, Digest: files.Digest(), ProvenBy: "a", Prover: "v1"})
		if err := errors.Join(put, activated); err != nil {
			t.Fatal(err)
		}
		hears(1, b)
		if s := b.Status(); b.clause(t) != "embedded" || !s.Behind() || !strings.Contains(s.Faults[0].Message, "revision claimed") {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
	})
}

// Of activations that race, on two nodes, one alone is made; the others are told that another revision is in force.
func TestRacingActivations(t *testing.T) {
	sets := &sharedtest.Memory{}
	var arrived sync.WaitGroup
	const racers = 4
	var racing atomic.Bool
	admit := admitting(func(context.Context, fs.FS) error {
		if racing.Load() { // all have read what is newest before one of them is made
			arrived.Done()
			arrived.Wait()
		}
		return nil
	})
	var nodes []*bench
	for _, name := range []string{"a", "b", "c", "d"} {
		nodes = append(nodes, newNode(t, sets, name, admit))
	}
	nodes[0].activate(t, "first", "")
	racing.Store(true)
	arrived.Add(racers)
	var made atomic.Int64
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Go(func() {
			_, err := node.Activate(t.Context(), candidate(acme(t, string(rune('a'+i))), ""))
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, consent.ErrPolicyRevision) {
				t.Errorf("%v, want ErrPolicyRevision", err)
			}
		})
	}
	group.Wait()
	newest, _, err := sets.Current(t.Context())
	if err != nil || made.Load() != 1 || newest.Number != 2 {
		t.Errorf("%d were made, the newest is %d, %v", made.Load(), newest.Number, err)
	}
	for i, node := range nodes {
		if _, err := node.Reload(t.Context()); err != nil || node.active.Current().Revision() != newest.Revision {
			t.Errorf("node %d decides by %s, want %s; %v", i, node.active.Current().Revision(), newest.Revision, err)
		}
	}
}

func TestExpectedRevisionsAreTheStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a, b := newNode(t, sets, "a"), newNode(t, sets, "b")
		embedded := a.active.Current().Revision()
		first := a.activate(t, "1", embedded)
		// b has not heard of it; what counts is what the store has.
		if _, err := b.Activate(t.Context(), candidate(acme(t, "2"), embedded)); !errors.Is(err, consent.ErrPolicyRevision) {
			t.Errorf("an expectation of before: %v", err)
		}
		second := b.activate(t, "2", first.Revision)
		if second.Number != 2 || second.Previous != first.Revision {
			t.Errorf("second %+v", second)
		}
		// The answer was lost, and the call is repeated on the other node, which has not heard of it either.
		if again := a.activate(t, "2", first.Revision); again != second || a.clause(t) != "2" {
			t.Errorf("repeated: %+v, want %+v; decides by %q", again, second, a.clause(t))
		}
		if again := a.activate(t, "2", ""); again != second {
			t.Errorf("what is in force is activated again: %+v, want %+v", again, second)
		}
		if _, err := a.Activate(t.Context(), candidate(acme(t, "2"), embedded)); !errors.Is(err, consent.ErrPolicyRevision) {
			t.Errorf("repeated with another expectation: %v", err)
		}
		var faults *consent.PolicyFaultsError
		if _, err := a.Activate(t.Context(), candidate(bad(t), "")); !errors.As(err, &faults) {
			t.Errorf("a bad set: %v", err)
		}
		if h, err := sets.History(t.Context(), 10); err != nil || len(h) != 2 {
			t.Errorf("%d activations, %v, want 2", len(h), err)
		}
	})
}

// A set that is activated again under another number is the same set, and is kept under the newer number.
func TestTheSameSetUnderAnotherNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets, dir := &sharedtest.Memory{}, filepath.Join(t.TempDir(), "policies")
		a, b := newNode(t, sets, "a"), newNode(t, sets, "b", in(dir))
		a.activate(t, "1", "")
		hears(1, b)
		a.activate(t, "2", "")
		a.activate(t, "1", "")
		hears(3, b)
		if s := b.Status(); b.clause(t) != "1" || s.Number != 3 || s.Behind() {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
		sets.Break()
		again := newNode(t, sets, "b", in(dir))
		if n := again.Status().Number; n != 3 {
			t.Errorf("kept as activation %d, want 3", n)
		}
	})
}

// An admission under way does not keep a node from what others activate.
func TestANodeFollowsWhileItProves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a := newNode(t, sets, "a")
		b := newNode(t, sets, "b", admitting(func(context.Context, fs.FS) error {
			time.Sleep(time.Minute) // of the test's clock
			return nil
		}))
		lost := make(chan error, 1)
		go func() {
			_, err := b.Activate(t.Context(), candidate(acme(t, "b"), ""))
			lost <- err
		}()
		synctest.Wait()
		a.activate(t, "a", "")
		hears(1, b)
		if b.clause(t) != "a" {
			t.Errorf("decides by %q while it proves another set", b.clause(t))
		}
		if err := <-lost; !errors.Is(err, consent.ErrPolicyRevision) || b.clause(t) != "a" {
			t.Errorf("%v, want ErrPolicyRevision; decides by %q", err, b.clause(t))
		}
	})
}

// A call that is cancelled while its node takes up what is newest leaves nothing half done.
func TestACancelledCallLeavesNothingHalfDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a := newNode(t, sets, "a")
		ctx, cancel := context.WithCancel(t.Context())
		var cancelling atomic.Bool
		b := newNode(t, sets, "b", sharing(sets, "b", "v2"), admitting(func(ctx context.Context, _ fs.FS) error {
			if cancelling.Swap(false) {
				cancel()
				return ctx.Err()
			}
			return nil
		}))
		a.activate(t, "1", "")
		cancelling.Store(true)
		_, _ = b.Activate(ctx, candidate(acme(t, "1"), "")) // what came of it is told by b
		if b.clause(t) == "1" {
			t.Fatal("the call was not cancelled")
		}
		if s := b.Status(); s.Number != 0 {
			t.Errorf("decides by the policies in the binary, and says that it does by activation %d", s.Number)
		}
		hears(1, b)
		time.Sleep(time.Minute)
		if s := b.Status(); b.clause(t) != "1" || s.Number != 1 {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
	})
}

// A source of its own wins on a node: it follows no activation, makes none, and says so by the number zero.
func TestASourceWinsOverTheStore(t *testing.T) {
	sets := &sharedtest.Memory{}
	a := newNode(t, sets, "a")
	a.activate(t, "shared", "")
	b := newBench(t, newScripted(acme(t, "own")), func(c *reload.Config) {
		c.Shared = &reload.Shared{Sets: sets, Name: "the test's store", Node: "b", Prover: "v1"}
	})
	b.start(t)
	b.Heard(1)
	var refused *consent.PolicySourceError
	if _, err := b.Activate(t.Context(), candidate(acme(t, "2"), "")); !errors.As(err, &refused) {
		t.Errorf("Activate: %v", err)
	}
	if s := b.Status(); b.clause(t) != "own" || s.Number != 0 {
		t.Errorf("decides by %q, status %+v", b.clause(t), s)
	}
}

// lostAnswers fails to make activations, though they are made: their answers are lost.
type lostAnswers struct {
	*sharedtest.Memory
	losing atomic.Bool
}

func (l *lostAnswers) Activate(ctx context.Context, a shared.Activation) error {
	err := l.Memory.Activate(ctx, a)
	if err == nil && l.losing.Load() {
		return consent.ErrUnavailable
	}
	return err
}

// An activation whose outcome is not known is in force once it is heard of, and succeeds when it is repeated.
func TestAnActivationWhoseAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &lostAnswers{Memory: &sharedtest.Memory{}}
		a := newNode(t, sets, "a")
		sets.losing.Store(true)
		files := candidate(acme(t, "1"), a.active.Current().Revision())
		if _, err := a.Activate(t.Context(), files); !errors.Is(err, consent.ErrUnavailable) {
			t.Fatalf("Activate: %v", err)
		}
		synctest.Wait()
		if a.clause(t) != "1" {
			t.Errorf("decides by %q", a.clause(t))
		}
		done, err := a.Activate(t.Context(), files)
		if err != nil || done.Number != 1 {
			t.Errorf("repeated: %+v, %v", done, err)
		}
	})
}
