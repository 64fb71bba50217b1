package reload_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/shared/sharedtest"
)

// A node goes on with what it has while the store is away, and takes up what it missed.
func TestTheStoreIsAwayForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a, b := newNode(t, sets, "a"), newNode(t, sets, "b")
		a.activate(t, "1", "")
		hears(1, b)
		mend := sets.Break()
		if _, err := b.Activate(t.Context(), candidate(acme(t, "2"), "")); !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("Activate: %v, want ErrUnavailable", err)
		}
		time.Sleep(10 * time.Minute)
		s := b.Status()
		if b.clause(t) != "1" || s.Number != 1 || len(s.Faults) != 1 || strings.Contains(s.Faults[0].Message, "the test broke it") {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
		if n := strings.Count(b.log.String(), "the test broke it"); n != 1 {
			t.Errorf("the cause is told %d times:\n%s", n, b.log)
		}
		mend()
		a.activate(t, "2", "")
		time.Sleep(20 * time.Second)
		if s := b.Status(); b.clause(t) != "2" || len(s.Faults) > 0 || s.Failures != 0 {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
	})
}

func TestARestartWithTheStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets, dir := &sharedtest.Memory{}, filepath.Join(t.TempDir(), "policies")
		first := newNode(t, sets, "a", in(dir))
		first.activate(t, "1", "")
		first.activate(t, "2", "")
		mend := sets.Break()
		again := newNode(t, sets, "a", in(dir))
		s := again.Status()
		if again.clause(t) != "2" || !s.LastGood || s.Number != 2 || len(s.Faults) != 1 || s.Source != "ActivatePolicy" {
			t.Errorf("started with %q, status %+v", again.clause(t), s)
		}
		if !strings.Contains(again.log.String(), "last good copy") {
			t.Errorf("the log does not say so:\n%s", again.log)
		}
		mend()
		time.Sleep(20 * time.Second)
		if s := again.Status(); again.clause(t) != "2" || s.LastGood || len(s.Faults) > 0 || sets.Fetches() != 0 {
			t.Errorf("the store is back, %d sets were fetched, status %+v", sets.Fetches(), s)
		}
		sets.Break()
		for name, change := range map[string]func(*reload.Config){
			"nothing was kept": in(t.TempDir() + "/policies"),
			"another store's": func(c *reload.Config) {
				in(dir)(c)
				c.Shared.Name = "another store"
			},
		} {
			b := newBench(t, nil, func(c *reload.Config) {
				sharing(sets, "a", "v1")(c)
				change(c)
			})
			if err := b.Start(t.Context()); err == nil || b.active.Current() != nil || strings.Contains(err.Error(), "the test broke") {
				t.Errorf("%s: started, or the driver is quoted: %v", name, err)
			}
		}
	})
}

// The store's activation wins over what a node kept, also over what is newer: an old backup may have been restored.
func TestTheStoreWinsOverTheCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets, dir := &sharedtest.Memory{}, filepath.Join(t.TempDir(), "policies")
		a := newNode(t, sets, "a", in(dir))
		a.activate(t, "1", "")
		a.activate(t, "2", "")
		sets.Lose(1)
		b := newNode(t, sets, "b", in(dir))
		if b.clause(t) != "1" || b.Status().Number != 1 || b.Status().LastGood {
			t.Errorf("started with %q, status %+v", b.clause(t), b.Status())
		}
		hears(1, a)
		if a.clause(t) != "1" || a.Status().Number != 1 {
			t.Errorf("a running node decides by %q, status %+v", a.clause(t), a.Status())
		}
	})
}

// A store that lost all its activations has nobody decide by the policies in the binary, which may allow more.
func TestAStoreThatLostItsActivations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets, dir := &sharedtest.Memory{}, filepath.Join(t.TempDir(), "policies")
		a := newNode(t, sets, "a", in(dir))
		a.activate(t, "1", "")
		sets.Lose(0)
		hears(0, a)
		again := newNode(t, sets, "a", in(dir))
		for name, node := range map[string]*bench{"running": a, "started again": again} {
			s := node.Status()
			if node.clause(t) != "1" || s.Number != 1 || !s.Behind() || !s.Lost || !strings.Contains(s.Faults[0].Message, "no activation") {
				t.Errorf("%s: decides by %q, status %+v", name, node.clause(t), s)
			}
		}
		again.activate(t, "1", "")
		hears(1, a, again)
		for name, node := range map[string]*bench{"running": a, "started again": again} {
			if s := node.Status(); s.Behind() || len(s.Faults) > 0 || s.LastGood {
				t.Errorf("%s: status %+v", name, s)
			}
		}
	})
}

// A store that was restored may make an activation of a number that it had before: who decides by the lost one is
// behind.
func TestANumberThatWasLostIsNotTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sets := &sharedtest.Memory{}
		a, b := newNode(t, sets, "a"), newNode(t, sets, "b")
		a.activate(t, "1", "")
		a.activate(t, "lost", "")
		hears(2, b)
		sets.Lose(1)
		hears(1, a)
		sets.Harm(func([]byte) []byte { return nil }) // b cannot fetch what comes now
		a.activate(t, "new", "")
		hears(1, b)
		hears(2, b)
		if s := b.Status(); b.clause(t) != "lost" || s.Number != 2 || s.Newest != 2 || !s.Lost || !s.Behind() {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
		sets.Harm(nil)
		time.Sleep(time.Minute)
		if s := b.Status(); b.clause(t) != "new" || s.Lost || s.Behind() {
			t.Errorf("decides by %q, status %+v", b.clause(t), s)
		}
	})
}

// What was activated before the node shared a store is not forgotten in silence.
func TestWhatWasActivatedBeforeIsNotForgotten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	alone := newBench(t, nil, in(dir))
	alone.start(t)
	if _, err := alone.Activate(t.Context(), candidate(acme(t, "strict"), "")); err != nil {
		t.Fatal(err)
	}
	<-alone.observed
	sets := &sharedtest.Memory{}
	b := newBench(t, nil, func(c *reload.Config) {
		sharing(sets, "b", "v1")(c)
		in(dir)(c)
	})
	if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "remove "+dir) {
		t.Fatalf("Start: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "activated.zip")); err != nil {
		t.Fatal(err)
	}
	newNode(t, sets, "b", in(dir))
}
