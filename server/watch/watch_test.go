package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/watch"
)

const (
	lease = watch.DefaultLease
	held  = lease + lease/16
)

// fixture is a hub in a bubble, past the leases of an earlier process.
type fixture struct {
	*watch.Hub
	t        *testing.T
	policy   atomic.Pointer[string]
	revision consent.Revision
}

func inBubble(t *testing.T, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, revision: 10}
		f.policy.Store(new("p1"))
		var err error
		f.Hub, err = watch.New(watch.Config{
			StoreID: store.ID{1}, Revision: f.revision, Policy: func() string { return *f.policy.Load() },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		time.Sleep(held)
		test(f)
	})
}

func (f *fixture) change(id string) {
	f.revision++
	f.Changed(store.Change{Subject: consent.Subject{Controller: "c", ID: id}, Revision: f.revision})
}

// fence returns how long a fence takes, by the bubble's clock.
func (f *fixture) fence() time.Duration {
	f.t.Helper()
	began := time.Now()
	if err := f.Fence(f.t.Context(), 0); err != nil {
		f.t.Errorf("Fence = %v", err)
	}
	return time.Since(began)
}

// client is a watcher and what it knows.
type client struct {
	*watch.Watcher
	t        *testing.T
	hello    *watch.Hello
	position uint64
	revision consent.Revision
	beats    uint64
}

func (f *fixture) join(id byte) *client {
	f.t.Helper()
	w, err := f.Join([16]byte{id})
	if err != nil {
		f.t.Fatal(err)
	}
	c := &client{Watcher: w, t: f.t}
	n := c.next()
	c.hello = n.Hello
	if c.hello == nil || n.Revision != f.revision || n.Policy != *f.policy.Load() {
		f.t.Fatalf("the hello is %+v", n)
	}
	return c
}

// next takes what there is to be told, nil if nothing.
func (c *client) next() *watch.Notice {
	c.t.Helper()
	n, err := c.Next()
	if err != nil {
		c.t.Fatalf("Next = %v", err)
	}
	if n != nil {
		if n.Hello == nil && n.From != c.position {
			c.t.Errorf("notice %+v does not follow position %d", n, c.position)
		}
		c.position, c.revision = n.Position, n.Revision
	}
	return n
}

func (c *client) say(r watch.Report) {
	c.t.Helper()
	if err := c.Heard(r); err != nil {
		c.t.Errorf("Heard = %v", err)
	}
}

// lease gets the client a lease.
func (c *client) lease() {
	c.t.Helper()
	c.beats++
	c.say(watch.Report{Heartbeat: c.beats})
	for {
		n := c.next()
		if n == nil {
			c.t.Fatal("the heartbeat is not answered")
		}
		if n.Heartbeat == c.beats {
			return
		}
	}
}

func (c *client) confirm() { c.say(watch.Report{Applied: c.position}) }

func TestFenceWaitsForConfirmations(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c, other := f.join(1), f.join(2)
		c.lease()
		other.lease()
		f.change("a")
		done := make(chan error, 1)
		go func() { done <- f.Fence(f.t.Context(), 0) }()
		for _, c := range []*client{c, other} {
			synctest.Wait()
			select {
			case err := <-done:
				f.t.Fatalf("the fence ended (%v) before all confirmed", err)
			default:
			}
			if n := c.next(); n.Revision != 11 || !slices.Equal(n.Slots, []uint32{c.hello.Slots.Of("c", "a")}) {
				f.t.Errorf("told %+v", n)
			}
			c.confirm()
		}
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
}

func TestWhoHoldsNoLeaseIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.join(1)
		late, left := f.join(2), f.join(3)
		late.lease()
		left.lease()
		f.change("a")
		left.Leave(true)
		time.Sleep(held)
		if took := f.fence(); took != 0 {
			f.t.Errorf("the fence took %v", took)
		}
		// The one that was late gets a lease again only with what it missed.
		late.lease()
		if late.revision != 11 {
			f.t.Errorf("a lease was granted at revision %d", late.revision)
		}
	})
}

func TestLeasesRunOut(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(*fixture, *client)
		want time.Duration
	}{
		"silent":        {func(*fixture, *client) {}, held},
		"cut off":       {func(_ *fixture, c *client) { c.Leave(false) }, held},
		"closed":        {func(_ *fixture, c *client) { c.Leave(true) }, 0},
		"comes back":    {func(f *fixture, c *client) { c.Leave(false); f.join(1) }, 0},
		"is superseded": {func(f *fixture, c *client) { f.join(1) }, 0},
		"another comes": {func(f *fixture, c *client) { c.Leave(false); f.join(9) }, held},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(f *fixture) {
				c := f.join(1)
				c.lease()
				f.change("a")
				row.end(f, c)
				if took := f.fence(); took != row.want {
					f.t.Errorf("the fence took %v, want %v", took, row.want)
				}
			})
		})
	}
}

// A client that is alive but does not confirm loses its stream: a fence takes two leases at most.
func TestWhoNeverConfirmsIsDropped(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		c.lease()
		f.change("a")
		dropped := make(chan error, 1)
		go func() {
			for {
				time.Sleep(lease / 4)
				c.beats++
				if err := c.Heard(watch.Report{Heartbeat: c.beats}); err != nil {
					dropped <- err
					return
				}
				if _, err := c.Next(); err != nil {
					dropped <- err
					return
				}
			}
		}()
		if took := f.fence(); took < lease || took > lease+held {
			f.t.Errorf("the fence took %v, want between one lease and two", took)
		}
		if err := <-dropped; !errors.Is(err, consent.ErrWatcherSlow) {
			f.t.Errorf("Next = %v, want ErrWatcherSlow", err)
		}
	})
}

func TestLeasesOfAnEarlierProcessAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := watch.New(watch.Config{Policy: func() string { return "p" }})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		for _, want := range []time.Duration{held, 0} {
			began := time.Now()
			if err := h.Fence(t.Context(), 0); err != nil || time.Since(began) != want {
				t.Errorf("Fence = %v after %v, want %v", err, time.Since(began), want)
			}
		}
	})
}

func TestFenceEndsWithItsContext(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		c.lease()
		f.change("a")
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		err := f.Fence(ctx, 0)
		if !errors.Is(err, consent.ErrUnfenced) || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "1 caches") {
			f.t.Errorf("Fence = %v", err)
		}
		if s := f.Stats(); s.Unfenced != 1 || s.Watchers != 1 {
			f.t.Errorf("stats are %+v", s)
		}
	})
}

// Many changes come in several messages; no lease before the last, and no revision before its changes.
func TestManyChangesAreToldInParts(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		const changes = 10_000
		for i := range changes {
			f.change(fmt.Sprint(i))
		}
		c.say(watch.Report{Heartbeat: 1})
		told, notices := 0, 0
		for n := c.next(); n != nil; n = c.next() {
			notices++
			told += len(n.Slots)
			if n.Revision != 10+consent.Revision(told) || (n.Heartbeat != 0) != (told == changes) {
				f.t.Errorf("after %d changes: revision %d, heartbeat %d", told, n.Revision, n.Heartbeat)
			}
		}
		if told != changes || notices < 3 {
			f.t.Errorf("%d changes in %d notices", told, notices)
		}
	})
}

func TestWhoLagsTooFarIsDropped(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		for range 1<<16 + 1 {
			f.change("a")
		}
		if _, err := c.Next(); !errors.Is(err, consent.ErrWatcherSlow) {
			f.t.Errorf("Next = %v, want ErrWatcherSlow", err)
		}
		if s := f.Stats(); s.Dropped != 1 {
			f.t.Errorf("stats are %+v", s)
		}
	})
}

func TestPoliciesAreTold(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		c.lease()
		f.policy.Store(new("p2"))
		f.PolicyChanged()
		done := make(chan error, 1)
		go func() { done <- f.Fence(f.t.Context(), 0) }()
		<-c.Wake()
		for n := c.next(); n != nil; n = c.next() {
			if n.Policy != "p2" || n.Revision != 10 || len(n.Slots) != 0 {
				f.t.Errorf("told %+v", n)
			}
		}
		c.confirm()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
}

func TestWhatBreaksTheProtocol(t *testing.T) {
	for name, r := range map[string]watch.Report{
		"a position not told":     {Applied: 1},
		"a heartbeat again":       {Heartbeat: 1},
		"a position, a heartbeat": {Heartbeat: 2, Applied: 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(f *fixture) {
				c := f.join(1)
				c.lease()
				if err := c.Heard(r); !errors.Is(err, consent.ErrWatchProtocol) {
					f.t.Errorf("Heard = %v, want ErrWatchProtocol", err)
				}
			})
		})
	}
}

func TestSupersededWatcherGetsNoLease(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		f.join(1)
		c.say(watch.Report{Heartbeat: 1})
		if n, err := c.Next(); !errors.Is(err, consent.ErrWatchProtocol) {
			f.t.Errorf("Next = %+v, %v; want ErrWatchProtocol", n, err)
		}
	})
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := watch.New(watch.Config{Lease: -time.Second})
	if err == nil || !strings.Contains(err.Error(), "Policy") || !strings.Contains(err.Error(), "-1s") {
		t.Errorf("error is %v, want both faults", err)
	}
}

// A change of a person's ids tells the slots of all of them, and its revision with the last: a cache that has only the
// first of them must not take itself to know the change.
func TestChangesOfPeopleAreToldWhole(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		f.revision++
		var also []string
		for i := range 5000 {
			also = append(also, fmt.Sprint("id-", i))
		}
		f.Changed(store.Change{Subject: consent.Subject{Controller: "c", ID: "a"}, Also: also, Revision: f.revision})
		first, last := c.next(), c.next()
		if first.Revision >= f.revision || last.Revision != f.revision {
			t.Errorf("the revision %d is told as %d, then as %d", f.revision, first.Revision, last.Revision)
		}
		told := slices.Concat(first.Slots, last.Slots)
		for _, id := range append(also, "a") {
			if !slices.Contains(told, c.hello.Slots.Of("c", id)) {
				t.Fatalf("the slot of %s is not told", id)
			}
		}
	})
}

// TestRightsChange: each stream ends, holds its lease until it has run out or its cache joins anew, and counts as none
// that was too slow.
func TestRightsChange(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		<-c.Wake() // that of joining
		f.RightsChanged()
		<-c.Wake()
		if _, err := c.Next(); !errors.Is(err, consent.ErrRightsChanged) {
			t.Errorf("Next = %v", err)
		}
		c.Leave(false)
		f.join(1).next()
		if s := f.Stats(); s.Dropped != 0 || s.Watchers != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestFenceNeedsItsChangeToBeAnnounced(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.change("s")
		if err := f.Fence(f.t.Context(), f.revision); err != nil {
			t.Errorf("the newest change is announced: %v", err)
		}
		if err := f.Fence(f.t.Context(), f.revision+1); !errors.Is(err, consent.ErrUnfenced) {
			t.Errorf("a change that nobody was told of: %v, want ErrUnfenced", err)
		}
	})
}

// TestNodeWithoutStandingGrantsNoLease: nobody waits for the caches behind a node that others take for dead.
func TestNodeWithoutStandingGrantsNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stands := false
		h, err := watch.New(watch.Config{
			StoreID: store.ID{1}, Policy: func() string { return "p1" }, First: true, Standing: func() bool { return stands },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		w, err := h.Join([16]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := w.Next(); err != nil || n.Hello == nil {
			t.Fatalf("the hello is %+v, %v", n, err)
		}
		for i, want := range []uint64{0, 2} {
			if err := w.Heard(watch.Report{Heartbeat: uint64(i + 1)}); err != nil {
				t.Fatal(err)
			}
			n, err := w.Next()
			if err != nil {
				t.Fatal(err)
			}
			if got := n; want == 0 && got != nil || want != 0 && (got == nil || got.Heartbeat != want) {
				t.Errorf("standing %v: told %+v, want an answer to heartbeat %d", stands, got, want)
			}
			if leases := h.Stats().Leases; leases != i {
				t.Errorf("standing %v: %d leases", stands, leases)
			}
			stands = true
		}
	})
}

// TestOtherHistory: each stream ends, who joins is told the new history's revision, fences under way fail, and one for
// a revision of the lost history waits for nothing that comes.
func TestOtherHistory(t *testing.T) {
	inBubble(t, func(f *fixture) {
		c := f.join(1)
		c.next()
		c.lease()
		for range 3 {
			f.change("s")
		}
		fenced := make(chan error, 1)
		go func() { fenced <- f.Fence(f.t.Context(), f.revision) }()
		synctest.Wait()
		f.Begin(f.revision - 2)
		if _, err := c.Next(); !errors.Is(err, consent.ErrWatchAnew) {
			t.Errorf("Next = %v", err)
		}
		c.Leave(true)
		if err := <-fenced; !errors.Is(err, consent.ErrUnfenced) {
			t.Errorf("a fence of a change that may be lost: %v, want ErrUnfenced", err)
		}
		if err := f.Fence(f.t.Context(), f.revision); !errors.Is(err, consent.ErrUnfenced) {
			t.Errorf("a fence of a change that was lost: %v, want ErrUnfenced", err)
		}
		f.revision -= 2
		f.join(1) // is told that revision
		if s := f.Stats(); s.Dropped != 0 || s.Unfenced == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestHelloWaitsForTheOtherNodes: after Begin a stream begins once no other node answers from the lost history. Seen to
// fail without Settle in next, and without the wake-up in Begin.
func TestHelloWaitsForTheOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const settle = 3 * time.Second
		h, err := watch.New(watch.Config{
			StoreID: store.ID{1}, Policy: func() string { return "p1" }, First: true, Settle: settle,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		h.Begin(7)
		w, err := h.Join([16]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for {
			<-w.Wake()
			n, err := w.Next()
			if err != nil {
				t.Fatal(err)
			}
			if n != nil {
				if took := time.Since(began); n.Hello == nil || n.Revision != 7 || took != settle {
					t.Errorf("after %v: %+v", took, n)
				}
				return
			}
		}
	})
}
