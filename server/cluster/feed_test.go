package cluster_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// sinceStart is a clock of the bubble that it is made in.
func sinceStart() cluster.Clock {
	began := time.Now()
	return func() time.Duration { return time.Since(began) + time.Hour }
}

// follower is a feed in a bubble and what it told, which mu guards.
type follower struct {
	*cluster.Feed
	t      *testing.T
	db     *fake
	config cluster.FeedConfig
	marks  *store.Marks
	clock  cluster.Clock
	// changed is called with each change.
	changed func(store.Change)

	mu sync.Mutex
	// told are the revisions that the observer was told, and lostSince.
	told     []any
	reached  []cluster.Reached
	policies []uint64
	wanted   consent.Revision
}

// Changed implements store.Observer.
func (f *follower) Changed(c store.Change) {
	if mark, ok := f.marks.Get(c.Revision); !ok || mark == 0 {
		f.t.Errorf("change %d is told before its mark is noted", c.Revision)
	}
	if f.Feed != nil && f.Applied() >= c.Revision {
		f.t.Errorf("change %d counts as applied before it is told", c.Revision)
	}
	f.note(func() { f.told = append(f.told, c.Revision) })
	if f.changed != nil {
		f.changed(c)
	}
}

func (f *follower) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// follow runs test with a feed of a database that holds three changes already.
func follow(t *testing.T, test func(f *follower), with ...func(*follower)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &follower{t: t, db: newFake(), marks: new(store.Marks), clock: sinceStart()}
		f.db.commit("x", "y", "z")
		f.config = cluster.FeedConfig{
			Database: f.db, Observers: store.Observers{After: f}, Marks: f.marks, Clock: f.clock, Logger: quiet,
			Reached: func(r cluster.Reached) { f.note(func() { f.reached = append(f.reached, r) }) },
			Wanted:  func(r consent.Revision) { f.note(func() { f.wanted = r }) },
			Policy:  func(n uint64) { f.note(func() { f.policies = append(f.policies, n) }) },
		}
		f.config.Observers.Lost = func(since consent.Revision) {
			f.note(func() { f.told = append(f.told, lostSince(since)) })
		}
		for _, set := range with {
			set(f)
		}
		feed, err := cluster.NewFeed(f.config)
		if err != nil {
			t.Fatal(err)
		}
		f.Feed = feed
		if err := feed.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		f.expect(lostSince(3))
		test(f)
	})
}

// pass lets time pass, and what is then due be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// expect compares what was told since the last call.
func (f *follower) expect(told ...any) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(told, f.told); diff != "" {
		f.t.Errorf("told (-want +got):\n%s", diff)
	}
	f.told = nil
}

// lostSince is told where the feed begins.
type lostSince consent.Revision

func revisions(from, to consent.Revision) []any {
	var all []any
	for ; from <= to; from++ {
		all = append(all, from)
	}
	return all
}

// TestFeedAppliesInOrder: every change, in order, once, however many a page takes. Seen to fail with a page that is
// applied from its end, and where place is not raised.
func TestFeedAppliesInOrder(t *testing.T) {
	follow(t, func(f *follower) {
		f.expect()
		if f.Applied() != 3 {
			t.Errorf("a feed begins at %d, want 3: at the head", f.Applied())
		}
		f.db.commit(strings.Split(strings.Repeat("a", 25), "")...)
		pass(cluster.DefaultPoll)
		f.expect(revisions(4, 28)...)
		pass(10 * cluster.DefaultPoll)
		f.expect()
		if s := f.Stats(); s.Applied != 28 || s.Lag != 0 || s.Changes != 25 || s.Lost+s.GivenUp+s.PollErrors != 0 || s.Polls < 13 {
			t.Errorf("stats are %+v", s)
		}
	}, func(f *follower) { f.config.Page = 10 })
}

// TestFeedLooksWhenKickedOrHinted: at once, and otherwise after Poll. Seen to fail without either channel in wait.
func TestFeedLooksWhenKickedOrHinted(t *testing.T) {
	for name, wake := range map[string]func(*follower){
		"kick": func(f *follower) { f.Kick() },
		"hint": func(f *follower) { f.db.hint() },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(f *follower) {
				synctest.Wait()
				f.db.commit("a")
				wake(f)
				synctest.Wait()
				f.expect(consent.Revision(4))
				f.db.commit("b")
				pass(cluster.DefaultPoll - 1)
				f.expect()
				pass(1)
				f.expect(consent.Revision(5))
			})
		})
	}
}

// TestKickDuringALookBringsAnother: what was committed while a look was under way is not in it. Seen to fail where a
// look drains kicks.
func TestKickDuringALookBringsAnother(t *testing.T) {
	gate := make(chan struct{})
	follow(t, func(f *follower) {
		f.Kick()
		synctest.Wait() // the look has read, and is on its way back
		f.db.commit("a")
		f.Kick()
		close(gate)
		synctest.Wait()
		f.expect(consent.Revision(4))
	}, func(f *follower) {
		gate = make(chan struct{})
		looks := 0
		f.db.after = func(_ context.Context, call string) error {
			if looks++; call == "poll" && looks == 2 {
				<-gate
			}
			return nil
		}
	})
}

// TestWatermarkIsFromBeforeTheLook: and moves only with a look that showed nothing that is not applied. Seen to fail
// with the time read after the look, and with one that counts cut-off pages.
func TestWatermarkIsFromBeforeTheLook(t *testing.T) {
	const slow = 7 * time.Millisecond
	follow(t, func(f *follower) {
		pass(slow)
		before := f.clock()
		f.Kick()
		pass(slow)
		if got := f.Watermark(); got != before {
			t.Errorf("the watermark is %v after the look began", got-before)
		}
		f.db.commit("a", "b", "c")
		f.Kick()
		before = f.clock()
		pass(slow)
		if got := f.Watermark(); f.Applied() != 5 || got > before-slow {
			t.Errorf("applied %d of 6, watermark %v after the look began", f.Applied(), got-before)
		}
		pass(slow)
		if got := f.Watermark(); f.Applied() != 6 || got != before+slow || f.reached[len(f.reached)-1].Began != got {
			t.Errorf("applied %d of 6, watermark %v after the first look began, reached %+v", f.Applied(), got-before, f.reached)
		}
	}, func(f *follower) {
		f.config.Page = 2
		f.db.after = func(context.Context, string) error { time.Sleep(slow); return nil }
	})
}

// TestHintIsNoLook: a hint, while the database cannot be asked, moves no watermark. Seen to fail with TrustHints.
func TestHintIsNoLook(t *testing.T) {
	follow(t, func(f *follower) {
		pass(cluster.DefaultPoll / 2)
		before := f.Watermark()
		f.db.down.Store(true)
		for range 5 {
			f.db.hint()
			pass(time.Second)
		}
		if f.Watermark() != before || f.Stats().PollErrors == 0 {
			t.Errorf("watermark moved by %v, %d errors", f.Watermark()-before, f.Stats().PollErrors)
		}
	})
}

// TestLostHistoryIsNoticed: everything is given up, once, before any change of the new history is told; the feed
// goes on from its head. Seen to fail with IgnoreChain (all but "shorter" and "empty") and with each case of judge
// taken away.
func TestLostHistoryIsNoticed(t *testing.T) {
	for name, lose := range map[string]func(h *history){
		"shorter":                  func(h *history) { h.entries = h.entries[:4] },
		"as long":                  func(h *history) { h.entries = h.entries[:4]; h.commit("other", "b") },
		"longer":                   func(h *history) { h.entries = h.entries[:4]; h.commit("other", "b", "c", "d") },
		"of another store, longer": func(h *history) { h.entries = nil; h.commit("other", "a", "b", "c", "d", "e", "f", "g") },
		"empty":                    func(h *history) { h.entries = nil },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(f *follower) {
				f.db.commit("a", "b")
				pass(cluster.DefaultPoll)
				f.expect(revisions(4, 5)...)
				f.db.edit(lose)
				pass(cluster.DefaultPoll)
				held := f.db.copied()
				head := held.head()
				f.expect(lostSince(head.Revision))
				if s := f.Stats(); s.Lost != 1 || s.GivenUp != 0 || f.Applied() != head.Revision {
					t.Errorf("stats are %+v, the head %d", s, head.Revision)
				}
				if _, known := f.marks.Get(5); known && head.Revision != 5 {
					t.Error("a mark of the lost history is known")
				}
				next := f.db.commit("n")
				pass(cluster.DefaultPoll)
				f.expect(next.Revision)
			})
		})
	}
}

// TestPagesThatDoNotFollow: what no database should show is taken for lost history and not applied. Seen to fail with
// SkipGaps (the first two) and with each of judge's cases taken away.
func TestPagesThatDoNotFollow(t *testing.T) {
	for name, spoil := range map[string]func(*cluster.Page){
		"gap":          func(p *cluster.Page) { p.Changes = p.Changes[1:] },
		"gap within":   func(p *cluster.Page) { p.Changes = slices.Delete(p.Changes, 1, 2) },
		"repeated":     func(p *cluster.Page) { p.Changes = append(p.Changes[:1], p.Changes...) },
		"missing":      func(p *cluster.Page) { p.Changes = nil },
		"beyond head":  func(p *cluster.Page) { p.Head-- },
		"other head":   func(p *cluster.Page) { p.HeadChain[0]++ },
		"chain hidden": func(p *cluster.Page) { p.Known = false },
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, func(f *follower) {
				f.db.commit("a", "b", "c")
				pass(cluster.DefaultPoll)
				if f.Stats().Lost == 0 || len(f.told) == 0 || f.told[0] != lostSince(6) && f.told[0] != lostSince(5) {
					t.Errorf("told %v, stats %+v", f.told, f.Stats())
				}
			}, func(f *follower) {
				f.db.page = func(p *cluster.Page) {
					if len(p.Changes) > 0 && p.Head == 6 {
						spoil(p)
					}
				}
			})
		})
	}
}

// TestPrunedBeyondApplied: who was away for too long gives up everything, counted apart. Seen to fail with the case of
// judge taken away, which counts it as lost.
func TestPrunedBeyondApplied(t *testing.T) {
	follow(t, func(f *follower) {
		f.db.commit("a", "b", "c")
		f.db.edit(func(h *history) { h.pruned = 4 })
		pass(cluster.DefaultPoll)
		f.expect(lostSince(6))
		if s := f.Stats(); s.Lost != 0 || s.GivenUp != 1 || s.Applied != 6 {
			t.Errorf("stats are %+v", s)
		}
		f.db.commit("d")
		f.db.edit(func(h *history) { h.pruned = 6 }) // no further than what was applied
		pass(cluster.DefaultPoll)
		f.expect(consent.Revision(7))
	})
}

// TestAwait: it waits for the revision, for ctx, for Close, and hears of lost history.
func TestAwait(t *testing.T) {
	follow(t, func(f *follower) {
		results := make(chan error, 1)
		await := func(ctx context.Context, r consent.Revision) {
			go func() { results <- f.Await(ctx, r) }()
			synctest.Wait()
		}
		await(f.t.Context(), 3)
		if err := <-results; err != nil {
			t.Errorf("of what is applied: %v", err)
		}
		await(f.t.Context(), 4)
		f.db.commit("a")
		f.Kick()
		if err := <-results; err != nil || f.Applied() != 4 {
			t.Errorf("%v, applied %d", err, f.Applied())
		}
		ctx, cancel := context.WithCancel(f.t.Context())
		await(ctx, 5)
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		await(f.t.Context(), 5)
		f.db.edit(func(h *history) { h.entries = nil; h.commit("other", "a", "b", "c", "d", "e", "f") })
		if err := <-results; !errors.Is(err, consent.ErrUnavailable) || !strings.Contains(err.Error(), "lost history") {
			t.Errorf("history lost: %v, applied %d", err, f.Applied())
		}
		await(f.t.Context(), 100)
		f.Close()
		if err := <-results; !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("closed: %v", err)
		}
		if err := f.Await(f.t.Context(), 100); !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("after closing: %v", err)
		}
	})
}

// TestCommitted: it kicks, and takes no other change of the same revision for the one that was committed. Seen to fail
// without the comparison of marks.
func TestCommitted(t *testing.T) {
	follow(t, func(f *follower) {
		synctest.Wait()
		at, began := f.db.commit("a"), time.Now()
		if err := f.Committed(f.t.Context(), at.Revision, at.Chain); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		f.db.edit(func(h *history) { h.entries = h.entries[:3]; h.commit("other", "a") })
		pass(cluster.DefaultPoll)
		if err := f.Committed(f.t.Context(), at.Revision, at.Chain); !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("of a change that is lost: %v", err)
		}
	})
}

// TestCommittedBeforeWhatIsKnown: after a jump the feed knows only where it begins, and says of no change before it
// that it is applied, nor that it is the very one. Seen to fail where a mark that is not known is taken for one that
// agrees.
func TestCommittedBeforeWhatIsKnown(t *testing.T) {
	follow(t, func(f *follower) {
		synctest.Wait()
		at := f.db.commit("a")
		f.db.commit("b", "c")
		f.db.edit(func(h *history) { h.pruned = at.Revision + 1 })
		pass(cluster.DefaultPoll)
		if err := f.Committed(f.t.Context(), at.Revision, at.Chain); !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("of a change before the head at which it begins: %v", err)
		}
		head := f.db.commit("d")
		if err := f.Committed(f.t.Context(), head.Revision, head.Chain); err != nil {
			t.Errorf("of the next change: %v", err)
		}
	})
}

// TestPanicOfAnObserver: the process lives, the change is told again, and until then counts as not applied. Seen to
// fail where look raises applied before it tells.
func TestPanicOfAnObserver(t *testing.T) {
	follow(t, func(f *follower) {
		panics := 2
		f.changed = func(store.Change) {
			if panics--; panics >= 0 {
				panic("observer")
			}
		}
		before := f.Watermark()
		f.db.commit("a", "b")
		pass(cluster.DefaultPoll)
		if f.Applied() != 3 || f.Watermark() > before+cluster.DefaultPoll {
			t.Errorf("applied %d, watermark %v", f.Applied(), f.Watermark()-before)
		}
		pass(5 * cluster.DefaultPoll)
		f.expect(revisions(4, 4)[0], consent.Revision(4), consent.Revision(4), consent.Revision(5))
		if s := f.Stats(); s.Panics != 2 || s.Applied != 5 {
			t.Errorf("stats are %+v", s)
		}
	})
}

// TestFeedTellsWantedAndPolicy: once what the page shows is applied.
func TestFeedTellsWantedAndPolicy(t *testing.T) {
	follow(t, func(f *follower) {
		f.db.edit(func(h *history) { h.wanted, h.policy = 9, 4 })
		pass(2 * cluster.DefaultPoll)
		if f.wanted != 9 || len(f.policies) < 2 || slices.Max(f.policies) != 4 {
			t.Errorf("wanted %d, policies %v", f.wanted, f.policies)
		}
		if f.Server() != "a" {
			t.Errorf("server is %q", f.Server())
		}
	})
}

// TestFeedGoesOnAfterTrouble: it looks less often while looks fail, and then as before.
func TestFeedGoesOnAfterTrouble(t *testing.T) {
	follow(t, func(f *follower) {
		f.db.down.Store(true)
		pass(10 * time.Second)
		if n := f.Stats().PollErrors; n < 30 || n > 60 {
			t.Errorf("%d looks failed in ten seconds", n)
		}
		f.db.down.Store(false)
		f.db.commit("a")
		pass(16 * cluster.DefaultPoll)
		f.expect(consent.Revision(4))
	})
}

func TestStartNeedsTheDatabase(t *testing.T) {
	db := newFake()
	db.down.Store(true)
	f, err := cluster.NewFeed(cluster.FeedConfig{Database: db, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Start(t.Context()); !errors.Is(err, consent.ErrUnavailable) {
		t.Errorf("Start = %v", err)
	}
}

func TestFeedConfigIsValidated(t *testing.T) {
	_, err := cluster.NewFeed(cluster.FeedConfig{Poll: -1})
	if err == nil || !strings.Contains(err.Error(), "Database") || !strings.Contains(err.Error(), "-1ns") {
		t.Errorf("NewFeed = %v", err)
	}
}

func TestBoottimeGoesOn(t *testing.T) {
	before := cluster.Boottime()
	if after := cluster.Boottime(); after < before || before <= 0 {
		t.Errorf("%v, then %v", before, after)
	}
}
