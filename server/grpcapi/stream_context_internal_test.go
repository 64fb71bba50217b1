package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// endable is a context that a test can end.
type endable struct {
	context.Context
	end func()
}

// contextKinds are the contexts that must not differ: the library's is the model.
var contextKinds = map[string]func(stream context.Context, deadline time.Time) endable{
	"the library's": func(stream context.Context, deadline time.Time) endable {
		if deadline.IsZero() {
			ctx, cancel := context.WithCancel(stream)
			return endable{ctx, cancel}
		}
		ctx, cancel := context.WithDeadline(stream, deadline)
		return endable{ctx, cancel}
	},
	"a check's": func(stream context.Context, deadline time.Time) endable {
		c := &checkContext{stream: stream, deadline: deadline}
		return endable{c, c.end}
	},
}

type keyOfTest struct{}

var errStreamOver = errors.New("the stream is over")

// TestContextsKeepTheContract holds what the interface demands, for each way to end and whether or not somebody
// watched.
func TestContextsKeepTheContract(t *testing.T) {
	const long = time.Minute
	ways := map[string]struct {
		deadline   time.Duration // 0: none
		end        func(c endable, stream context.CancelCauseFunc)
		err, cause error
	}{
		"not":             {long, func(endable, context.CancelCauseFunc) {}, nil, nil},
		"just before":     {long, func(endable, context.CancelCauseFunc) { time.Sleep(long - 1) }, nil, nil},
		"no deadline":     {0, func(endable, context.CancelCauseFunc) { time.Sleep(time.Hour) }, nil, nil},
		"ended":           {long, func(c endable, _ context.CancelCauseFunc) { c.end() }, context.Canceled, context.Canceled},
		"ended, no limit": {0, func(c endable, _ context.CancelCauseFunc) { c.end() }, context.Canceled, context.Canceled},
		"the stream":      {long, func(_ endable, s context.CancelCauseFunc) { s(errStreamOver) }, context.Canceled, errStreamOver},
		"at the deadline": {long, func(endable, context.CancelCauseFunc) { time.Sleep(long) }, context.DeadlineExceeded,
			context.DeadlineExceeded},
		"over from the start": {-1, func(endable, context.CancelCauseFunc) {}, context.DeadlineExceeded,
			context.DeadlineExceeded},
	}
	for kind, newContext := range contextKinds {
		for way, test := range ways {
			for _, watched := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/watched %v", kind, way, watched), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { // its clock stands still but for its sleeps
						parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), keyOfTest{}, 7))
						defer cancel(nil)
						var deadline time.Time
						if test.deadline != 0 {
							deadline = time.Now().Add(test.deadline)
						}
						c := newContext(parent, deadline)
						defer c.end()
						var before *onlooker
						if watched {
							before = lookAt(c)
						}
						test.end(c, cancel)
						synctest.Wait()
						if before != nil {
							before.expect(t, test.err, test.cause)
						}
						lookAt(c).expect(t, test.err, test.cause)
						expectContext(t, c, test.err, test.cause)
						if got, has := c.Deadline(); has != (test.deadline != 0) || !got.Equal(deadline) {
							t.Errorf("Deadline = %v, %v; want %v", got, has, deadline)
						}
						if c.Value(keyOfTest{}) != 7 || c.Value("nothing") != nil {
							t.Error("the stream's values are not there")
						}
						c.end()
						cancel(errors.New("later"))
						time.Sleep(2 * time.Hour)
						if test.err != nil { // what ended it first is why it ended, for ever
							expectContext(t, c, test.err, test.cause)
						}
					})
				})
			}
		}
	}
}

// expectContext: Done is closed if and only if Err is not nil, and Cause is why.
func expectContext(t *testing.T, c context.Context, err, cause error) {
	t.Helper()
	if got := c.Err(); !errors.Is(got, err) || (got == nil) != (err == nil) {
		t.Errorf("Err = %v, want %v", got, err)
	}
	if got := context.Cause(c); got != cause {
		t.Errorf("Cause = %v, want %v", got, cause)
	}
	if got := isDone(c); got != (err != nil) {
		t.Errorf("Done is closed: %v, with Err %v", got, err)
	}
}

func isDone(c context.Context) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// onlooker is what depends on a context.
type onlooker struct {
	child, grandchild, apart context.Context
	ran                      atomic.Int32
	stop                     func() bool
	release, releaseBelow    context.CancelFunc
}

func lookAt(c context.Context) *onlooker {
	w := &onlooker{apart: context.WithoutCancel(c)}
	w.child, w.release = context.WithCancel(c)
	w.grandchild, w.releaseBelow = context.WithTimeout(context.WithValue(w.child, keyOfTest{}, 8), 100*time.Hour)
	w.stop = context.AfterFunc(c, func() { w.ran.Add(1) })
	return w
}

func (w *onlooker) expect(t *testing.T, err, cause error) {
	t.Helper()
	synctest.Wait()
	expectContext(t, w.child, err, cause)
	expectContext(t, w.grandchild, err, cause)
	expectContext(t, w.apart, nil, nil)
	if ran := w.ran.Load(); (ran == 1) != (err != nil) || ran > 1 {
		t.Errorf("the function ran %d times, with Err %v", ran, err)
	}
	if stopped := w.stop(); stopped != (err == nil) {
		t.Errorf("stop = %v, with Err %v", stopped, err)
	}
	w.releaseBelow()
	w.release()
}

// TestContextsEndWhileWatched ends contexts while others watch, ask and stop watching: for the race detector, and
// because the library panics where Done is closed and Err is nil.
func TestContextsEndWhileWatched(t *testing.T) {
	for kind, newContext := range contextKinds {
		t.Run(kind, func(t *testing.T) {
			for n := range 2000 {
				stream, cancel := context.WithCancel(t.Context())
				c := newContext(stream, time.Now().Add(time.Duration(n%50)*time.Microsecond+time.Duration(n%2)*time.Minute))
				var group sync.WaitGroup
				group.Go(c.end)
				group.Go(func() { // as the engine does for a built-in
					var ended atomic.Bool
					defer context.AfterFunc(c, func() { ended.Store(true) })()
				})
				group.Go(func() {
					child, stop := context.WithCancel(c)
					defer stop()
					<-child.Done()
					if child.Err() == nil || context.Cause(child) == nil || c.Err() == nil {
						t.Errorf("Done is closed: %v, %v, above %v", child.Err(), context.Cause(child), c.Err())
					}
				})
				group.Go(func() {
					if first := c.Err(); first != nil && (!isDone(c) || c.Err() != first) {
						t.Errorf("Err was %v and is %v, Done is closed: %v", first, c.Err(), isDone(c))
					}
				})
				if n%3 == 0 {
					group.Go(cancel)
				}
				group.Wait()
				cancel()
				if c.Err() == nil || !isDone(c) {
					t.Fatal("it has not ended")
				}
			}
		})
	}
}

// FuzzCheckContext does the same to a check's context and to the library's, and holds that nobody can tell them apart.
// Each byte is something to do.
func FuzzCheckContext(f *testing.F) {
	for _, script := range []string{"", "e", "dwe", "sd", "wtwte", "ctte", "wxe", "vwSt", "aeat", "DtwDe", "dttttttttd"} {
		f.Add(true, []byte(script))
		f.Add(false, []byte(script))
	}
	f.Fuzz(func(t *testing.T, limited bool, script []byte) {
		script = script[:min(len(script), 200)]
		synctest.Test(t, func(t *testing.T) {
			stream, cancel := context.WithCancelCause(context.WithValue(t.Context(), keyOfTest{}, 7))
			defer cancel(nil)
			var deadline time.Time
			if limited {
				deadline = time.Now().Add(4 * time.Second)
			}
			ours, theirs := newActor(contextKinds["a check's"](stream, deadline)), newActor(contextKinds["the library's"](stream, deadline))
			for i, b := range script {
				if b == 's' {
					cancel(errStreamOver)
				}
				mine, model := ours.act(b), theirs.act(b)
				if b == 't' {
					time.Sleep(time.Second)
				}
				synctest.Wait()
				mine += ours.state()
				model += theirs.state()
				if mine != model {
					t.Fatalf("after %q: %s; the library's: %s", script[:i+1], mine, model)
				}
			}
			ours.close()
			theirs.close()
		})
	})
}

// actor does things to a context.
type actor struct {
	endable
	children []context.Context
	closers  []context.CancelFunc
	stops    []func() bool
	ran      atomic.Int32
}

func newActor(c endable) *actor { return &actor{endable: c} }

// act does one thing and returns what came of it.
func (a *actor) act(b byte) string {
	switch b {
	case 'e':
		a.end()
	case 'd':
		return fmt.Sprint(isDone(a))
	case 'v':
		return fmt.Sprint(a.Value(keyOfTest{}), context.Cause(a))
	case 'w':
		child, cancel := context.WithCancel(a.last())
		a.children, a.closers = append(a.children, child), append(a.closers, cancel)
	case 'c':
		child, cancel := context.WithTimeout(a, 2*time.Second)
		a.children, a.closers = append(a.children, child), append(a.closers, cancel)
	case 'x':
		if len(a.closers) > 0 {
			a.closers[0]()
		}
	case 'a':
		a.stops = append(a.stops, context.AfterFunc(a.last(), func() { a.ran.Add(1) }))
	case 'S':
		if len(a.stops) > 0 {
			return fmt.Sprint(a.stops[0]())
		}
	case 'D':
		deadline, has := a.Deadline()
		return fmt.Sprint(time.Until(deadline), has)
	}
	return ""
}

// last is the youngest child, or the context itself.
func (a *actor) last() context.Context {
	if len(a.children) == 0 {
		return a
	}
	return a.children[len(a.children)-1]
}

// state asks the context for Err alone, which must not change what is to come, and its children for everything.
func (a *actor) state() string {
	s := fmt.Sprint(" Err ", a.Err(), " ran ", a.ran.Load())
	for _, c := range a.children {
		s += fmt.Sprint(" child ", c.Err(), context.Cause(c), isDone(c))
	}
	return s
}

func (a *actor) close() {
	a.end()
	for _, c := range a.closers {
		c()
	}
}

func BenchmarkCheckContext(b *testing.B) {
	stream, cancel := context.WithCancel(b.Context())
	defer cancel()
	deadline := time.Now().Add(time.Hour)
	for kind, newContext := range map[string]func() endable{
		"a check's":     func() endable { return contextKinds["a check's"](stream, deadline) },
		"the library's": func() endable { return contextKinds["the library's"](stream, deadline) },
	} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				c := newContext()
				_ = c.Err()
				c.end()
			}
		})
	}
}
