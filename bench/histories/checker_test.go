package main

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// history makes records by hand; times are small numbers.
type history struct{ k *checker }

func newHistory() history { return history{newChecker(1, 1, bounds{node: 100, nearCache: 1000})} }

func (h history) write(n int, start, end int64, change func(*record)) history {
	r := record{Kind: wrote, N: uint32(n), Start: start, End: end, Revision: uint64(n), Sum: uint32(n)}
	if change != nil {
		change(&r)
	}
	h.k.add(r)
	return h
}

// shows is a check; n is what it shows: an odd number's consent, else that there is none.
func (h history) shows(n int, start, end int64, change func(*record)) history {
	r := record{Kind: checked, Start: start, End: end}
	if n%2 == 1 {
		r.Flags, r.N = allowed, uint32(n)
	}
	if change != nil {
		change(&r)
	}
	h.k.add(r)
	return h
}

func fence(r *record)    { r.Flags |= fenced }
func nearby(r *record)   { r.Flags |= near }
func full(r *record)     { r.Mode = fullyConsistent }
func failed(r *record)   { r.Code, r.Revision, r.Sum = uint8(codes.Unavailable), 0, 0 }
func onNode1(r *record)  { r.Node = 1 }
func demands(r *record)  { r.Demanded, r.Revision = 2, 2 }
func answers2(r *record) { r.Revision = 2 }
func answers1(r *record) { r.Revision = 1 }

func all(changes ...func(*record)) func(*record) {
	return func(r *record) {
		for _, change := range changes {
			change(r)
		}
	}
}

// given is a consent that is withdrawn.
func given(change func(*record)) history {
	return newHistory().write(1, 10, 20, nil).write(2, 30, 40, change)
}

func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		history history
		want    []rule
	}{
		"right":                             {given(fence).shows(1, 21, 25, nil).shows(1, 35, 60, nil).shows(0, 50, 60, nil), nil},
		"after a fence":                     {given(fence).shows(1, 41, 45, onNode1), []rule{ruleFence}},
		"near cache after a fence":          {given(fence).shows(1, 41, 45, nearby), []rule{ruleFence}},
		"before the fence returns":          {given(fence).shows(1, 39, 99, onNode1), nil},
		"on another node after no fence":    {given(nil).shows(1, 41, 45, onNode1), nil},
		"on the node after no fence":        {given(nil).shows(1, 41, 45, nil), []rule{ruleNode}},
		"near cache after no fence":         {given(nil).shows(1, 41, 45, nearby), nil},
		"near cache for too long":           {given(nil).shows(1, 1041, 1045, nearby), []rule{ruleStale}},
		"node for too long":                 {given(nil).shows(1, 141, 145, onNode1), []rule{ruleStale}},
		"with the token":                    {given(nil).shows(1, 41, 45, all(onNode1, demands)), []rule{ruleToken}},
		"answer below the token":            {given(nil).shows(0, 41, 45, all(demands, answers1)), []rule{ruleToken}},
		"near answer below the token":       {given(nil).shows(0, 41, 45, all(demands, nearby, answers1)), nil},
		"against its own token":             {given(nil).shows(1, 41, 45, all(onNode1, answers2)), []rule{ruleAnswer}},
		"fully consistent":                  {given(nil).shows(1, 41, 45, all(onNode1, full)), []rule{ruleFull, ruleLinear}},
		"not acknowledged":                  {given(failed).shows(1, 999, 1000, nil), nil},
		"not acknowledged, and recorded":    {given(failed).shows(0, 999, 1000, nil), nil},
		"invented":                          {given(nil).shows(5, 41, 45, onNode1), []rule{ruleInvented}},
		"allowed from the start":            {newHistory().shows(1, 1, 2, nil), []rule{ruleInvented}},
		"the grant not seen after a fence":  {newHistory().write(1, 10, 20, fence).shows(0, 21, 22, onNode1), []rule{ruleFence}},
		"a later grant":                     {given(fence).write(3, 42, 50, nil).shows(3, 41, 45, nil), nil},
		"the first consent, after a second": {given(fence).write(3, 42, 50, nil).shows(1, 43, 45, onNode1), []rule{ruleFence}},
		"two tokens of one revision": {given(nil).shows(0, 41, 45, func(r *record) { r.Revision, r.Sum = 2, 7 }).
			write(3, 50, 60, func(r *record) { r.Revision = 2 }), []rule{ruleMark}},
	} {
		t.Run(name, func(t *testing.T) {
			test.history.k.judge(true)
			requireBroken(t, test.history.k, test.want...)
		})
	}
}

// requireBroken: these rules are, and no others.
func requireBroken(t *testing.T, k *checker, want ...rule) {
	t.Helper()
	for _, w := range want {
		if k.broken[w] == 0 {
			t.Errorf("not broken: %s", w)
		}
	}
	if len(k.broken) != len(want) {
		t.Errorf("broken: %s; %v", k.faults(), k.violations)
	}
}

func TestHorizon(t *testing.T) {
	h := given(fence).shows(1, 41, 45, onNode1)
	h.k.judge(false)
	requireBroken(t, h.k)
	h.k.add(record{Kind: marked, Start: 44})
	h.k.judge(false)
	requireBroken(t, h.k)
	h.k.add(record{Kind: marked, Start: 45})
	h.k.judge(false)
	requireBroken(t, h.k, ruleFence)
	if len(h.k.violations) != 1 || !strings.Contains(h.k.violations[0].excerpt, "write 2: began 0.000000") {
		t.Errorf("violations %v", h.k.violations)
	}
}

// What no single rule sees: two checks at once that show the states in the wrong order.
func TestLinear(t *testing.T) {
	slow := func() history { return newHistory().write(1, 10, 90, nil) }
	h := slow().shows(1, 20, 30, full).shows(0, 40, 50, full)
	h.k.judge(true)
	requireBroken(t, h.k, ruleLinear)
	h = slow().shows(0, 20, 30, full).shows(1, 40, 50, full).write(2, 95, 99, failed).shows(1, 100, 110, full).
		shows(2, 120, 130, full)
	h.k.judge(true)
	requireBroken(t, h.k)
	h = newHistory().write(1, 10, 20, failed).shows(1, 30, 40, full).shows(0, 50, 60, full)
	h.k.judge(true)
	requireBroken(t, h.k, ruleLinear)
}

// Windows end only where the state is known.
func TestLinearWindows(t *testing.T) {
	h := newHistory()
	for i := range 400 {
		n, at := i+1, int64(100*i+100)
		switch {
		case i%7 == 3:
			h.write(n, at, at+90, failed).write(n, at+20, at+60, nil)
		case i%7 == 4:
			h.write(n, at, at+90, failed)
		default:
			h.write(n, at, at+50, nil).shows(n, at+60, at+70, full)
		}
		h.k.add(record{Kind: marked, Start: at + 95})
		h.k.judge(false)
	}
	h.k.judge(true)
	requireBroken(t, h.k)
	if h.k.counts.windows < 5 || h.k.counts.linear < 400 {
		t.Errorf("%d operations in %d windows", h.k.counts.linear, h.k.counts.windows)
	}
}

// A check that is under way where a window could end belongs to it.
func TestLinearWindowsWaitForChecks(t *testing.T) {
	h := newHistory()
	for i := range leastWindow {
		h.shows(0, int64(10+i), int64(11+i), full)
	}
	h.write(1, 70, 80, nil).shows(0, 75, 200, full)
	h.k.add(record{Kind: marked, Start: 190})
	h.k.judge(false)
	h.k.judge(true)
	requireBroken(t, h.k)
}

// After a loss nothing that was acknowledged before has to be there, and what is lost must not be.
func TestLoss(t *testing.T) {
	lossy := func() history {
		h := given(fence)
		h.k.lossBegins(50)
		h.k.lossEnds(100)
		return h
	}
	h := lossy().shows(1, 60, 99, nil).shows(1, 101, 105, full)
	h.k.judge(true)
	requireBroken(t, h.k)
	h = lossy().write(3, 110, 120, nil).write(4, 130, 140, fence).shows(1, 141, 145, onNode1)
	h.k.judge(true)
	requireBroken(t, h.k, ruleFence)
	h = lossy().write(3, 46, 120, nil).shows(0, 47, 49, func(r *record) { r.Revision = 9 }) // 3 is of the next history
	h.k.judge(true)
	requireBroken(t, h.k)
	h = newHistory().write(1, 10, 20, nil).write(2, 30, 60, failed)
	h.k.lossBegins(50)
	h.k.lossEnds(100)
	h.write(1, 110, 120, nil).shows(1, 130, 140, full).shows(0, 150, 160, full) // 2 may be there, or come
	h.k.judge(true)
	requireBroken(t, h.k)
	h = lossy()
	h.k.subjects[0].writes[0].lost = true
	h.shows(1, 45, 49, onNode1).shows(1, 101, 105, onNode1)
	h.k.judge(true)
	requireBroken(t, h.k, ruleFence, ruleLost) // one each: before the loss it was there
}
