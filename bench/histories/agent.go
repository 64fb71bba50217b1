package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// plan is what a client does; the first line of its input, as JSON.
type plan struct {
	// Index is the client's number, of Clients.
	Index, Clients int
	// Nodes are where the nodes are reached.
	Nodes []string
	// Several says that no node is asked alone.
	Several bool
	// Subjects is how many there are. A client writes those whose number modulo Clients is its own. The first Hot are
	// written and asked about more often.
	Subjects, Hot int
	// Checks and Writes are how many each second.
	Checks, Writes float64
	Seed           uint64
	// Began is when the events begin to have occurred, in seconds since the epoch.
	Began int64
}

// The shape of the load.
const (
	writersPerClient = 8
	checkBurst       = 16
	nearWeight       = 6 // near caches are asked that many times as much
	batchSize        = 24
	// writeTimeout is the deadline of writes without a fence, fenceTimeout of those with one.
	writeTimeout = 3 * time.Second
	fenceTimeout = 8 * time.Second
	markEvery    = 50 * time.Millisecond
)

// agent is one client process: it writes and asks by all its links at once, and tells what came of it.
type agent struct {
	plan    plan
	links   []*link
	workers []*worker
	// tokens are the newest that were heard of, by subject, from whatever client.
	tokens []atomic.Pointer[string]
	// numbers are those of the newest write of each subject, guarded by numbering, under which writes begin.
	numbering sync.Mutex
	numbers   []int

	mu  sync.Mutex
	out *bufio.Writer // guarded by mu
}

// worker is one goroutine of an agent, which does one thing after the other.
type worker struct {
	*agent
	random *rand.Rand
	// busySince is no later than the start of what is under way; 0: nothing is.
	busySince atomic.Int64
	buffer    []byte
}

// runAgent is a client's process: it works until its input ends.
func runAgent(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return fmt.Errorf("no plan: %w", lines.Err())
	}
	var p plan
	if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
		return err
	}
	a := newAgent(p, out)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		a.listen(lines)
	}()
	a.run(ctx)
	return nil
}

func newAgent(p plan, out io.Writer) *agent {
	a := &agent{
		plan: p, links: links(&p), tokens: make([]atomic.Pointer[string], p.Subjects), numbers: make([]int, p.Subjects),
		out: bufio.NewWriterSize(out, 1<<16),
	}
	for i := range len(a.links) + writersPerClient {
		random := rand.New(rand.NewPCG(p.Seed, uint64(p.Index*1000+i)))
		a.workers = append(a.workers, &worker{agent: a, random: random})
	}
	return a
}

// listen hears of tokens: "SUBJECT TOKEN".
func (a *agent) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		number, token, _ := strings.Cut(lines.Text(), " ")
		if subject, err := strconv.Atoi(number); err == nil && subject < len(a.tokens) {
			a.tokens[subject].Store(&token)
		}
	}
}

func (a *agent) run(ctx context.Context) {
	marking, stop := context.WithCancel(context.Background())
	var working, marks sync.WaitGroup
	marks.Go(func() { a.markUntil(marking) })
	weights := 0.0
	for _, l := range a.links {
		weights += l.weight()
	}
	for i, l := range a.links {
		rate := a.plan.Checks * l.weight() / weights
		working.Go(func() { a.workers[i].checkUntil(ctx, l, rate) })
	}
	for i := range writersPerClient {
		working.Go(func() { a.workers[len(a.links)+i].writeUntil(ctx) })
	}
	working.Wait()
	stop()
	marks.Wait()
	for _, l := range a.links {
		l.end()
	}
}

func (l *link) weight() float64 {
	if l.near() {
		return nearWeight
	}
	return 1
}

// markUntil tells again and again up to when all is told.
func (a *agent) markUntil(ctx context.Context) {
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		at := monotonic() // before the workers are looked at: what begins later starts later
		for _, w := range a.workers {
			if since := w.busySince.Load(); since != 0 {
				at = min(at, since)
			}
		}
		mark := record{Kind: marked, Client: uint8(a.plan.Index), Start: at}
		a.mu.Lock()
		_, _ = a.out.Write(mark.append(nil)) // nobody listens any more: the end comes soon
		_ = a.out.Flush()
		a.mu.Unlock()
	}
}

// begin is before whatever is recorded, tell after it.
func (w *worker) begin() { w.busySince.Store(monotonic()) }

func (w *worker) tell(records ...record) {
	w.buffer = w.buffer[:0]
	for i := range records {
		records[i].Client = uint8(w.plan.Index)
		w.buffer = records[i].append(w.buffer)
	}
	w.mu.Lock()
	_, _ = w.out.Write(w.buffer)
	w.mu.Unlock()
	w.busySince.Store(0)
}

// subject draws one: a hot one as often as any other.
func (w *worker) subject() int {
	if w.random.IntN(2) == 0 {
		return w.random.IntN(w.plan.Hot)
	}
	return w.random.IntN(w.plan.Subjects)
}

// own draws one that this client writes.
func (w *worker) own() int {
	at := w.subject() / w.plan.Clients * w.plan.Clients
	if at+w.plan.Index >= w.plan.Subjects {
		return w.plan.Index
	}
	return at + w.plan.Index
}

// checkUntil asks by a link at a rate, in bursts, and at once again where it falls behind.
func (w *worker) checkUntil(ctx context.Context, l *link, rate float64) {
	due := time.Now()
	for ctx.Err() == nil {
		asked, ok := 0, true
		for asked < checkBurst && ok && ctx.Err() == nil {
			var n int
			n, ok = w.checkSome(ctx, l)
			asked += n
		}
		due = due.Add(time.Duration(float64(asked) / rate * float64(time.Second)))
		if late := time.Since(due); late > time.Second {
			due = time.Now() // what could not be asked is not made up for
		}
		pauseFor(ctx, time.Until(due))
		if !ok {
			pauseFor(ctx, failedPause) // as who asks would: failures that come fast are not to be the most of all
		}
	}
}

// failedPause follows a check without an answer.
const failedPause = 50 * time.Millisecond

// checkSome asks once, and returns how many checks that were, and whether they were answered.
func (w *worker) checkSome(ctx context.Context, l *link) (n int, ok bool) {
	q := query{subjects: []int{w.subject()}}
	switch draw := w.random.IntN(20); {
	case draw < 4:
		q.mode, q.token = atLeastAsFresh, w.token(q.subjects[0])
	case draw < 6:
		q.mode = fullyConsistent
	}
	if q.mode == atLeastAsFresh && q.token == "" {
		q.mode = minimizeLatency
	}
	if w.random.IntN(8) == 0 {
		for range batchSize {
			q.subjects = append(q.subjects, w.random.IntN(w.plan.Subjects))
		}
	}
	told := w.ask(ctx, l, q)
	return len(q.subjects), len(told) > 0 && told[0].ok()
}

// token is one that was heard of: mostly of the subject.
func (w *worker) token(subject int) string {
	if w.random.IntN(4) == 0 {
		subject = w.random.IntN(w.plan.Subjects)
	}
	if t := w.tokens[subject].Load(); t != nil {
		return *t
	}
	return ""
}

// refused drops a token that the store refuses.
func (a *agent) refused(token string) {
	for i := range a.tokens {
		if t := a.tokens[i].Load(); t != nil && *t == token {
			a.tokens[i].CompareAndSwap(t, nil)
		}
	}
}

func codeOf(err error) uint8 { return uint8(status.Code(err)) }

// storeLost says that what the link knew of is not in the store any more.
func storeLost(code uint8) bool {
	return codes.Code(code) == codes.FailedPrecondition || codes.Code(code) == codes.InvalidArgument
}

func revisionOf(token string) uint64 {
	t, err := wire.ParseToken(token)
	if err != nil {
		return 0
	}
	return t.Revision
}
