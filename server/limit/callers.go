package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/caller"
)

// maxCallers bounds the callers that are remembered, of shards of them; a caller takes some 200 bytes. Those beyond it
// share one caller's bounds.
const maxCallers, callerShards = 16384, 64

// callers has what each caller has taken. A caller whose bounds are untouched is as one that was never seen, and makes
// room for others.
type callers struct {
	each   CallerLimit
	others map[string]CallerLimit
	// none is whether nobody has bounds: then nothing is looked up.
	none bool
	now  func() int64
	seed maphash.Seed
	// beyond is shared by the callers for whom there is no room.
	beyond *state
	shards [callerShards]callerShard
}

type callerShard struct {
	mu sync.RWMutex
	// states and swept, when they were last looked through, are guarded by mu.
	states map[callerKey]*state
	swept  int64
}

// callerKey is a caller, whichever token they show.
type callerKey struct {
	kind       caller.Kind
	id, issuer string
}

func (c *callers) init(config Config, now func() int64) {
	c.each, c.others, c.now, c.seed = config.Each, config.Callers, now, maphash.MakeSeed()
	c.none = c.each == CallerLimit{} && len(c.others) == 0
	c.beyond = newState(c.each)
	for i := range c.shards {
		c.shards[i].states = map[callerKey]*state{}
	}
}

// of returns what the caller of a call has taken; nil: they have no bounds.
func (c *callers) of(ctx context.Context) *state {
	if c.none {
		return nil
	}
	who := caller.From(ctx)
	key := callerKey{who.Kind, who.ID, who.Issuer}
	shard := &c.shards[maphash.Comparable(c.seed, key)%callerShards]
	shard.mu.RLock()
	known, ok := shard.states[key]
	shard.mu.RUnlock()
	if ok {
		return known
	}
	return c.meet(shard, key)
}

// meet remembers a caller.
func (c *callers) meet(shard *callerShard, key callerKey) *state {
	bounds, own := c.others[key.id]
	if !own {
		bounds = c.each
	}
	if bounds == (CallerLimit{}) {
		return nil
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if known, ok := shard.states[key]; ok {
		return known
	}
	if len(shard.states) >= maxCallers/callerShards && !shard.forget(c.now()) && !own {
		return c.beyond
	}
	known := newState(bounds)
	shard.states[key] = known
	return known
}

// forget makes room, if it can, by callers whose bounds are untouched; it looks no more often than a bucket takes to be
// full.
func (s *callerShard) forget(now int64) bool {
	if s.swept != 0 && now-s.swept < bucket {
		return false
	}
	s.swept = now
	before := len(s.states)
	for key, known := range s.states {
		if known.untouched(now) {
			delete(s.states, key)
		}
	}
	return len(s.states) < before
}

// state is what a caller has taken; nil has no bounds. Its rate is a token bucket that holds a second's checks, kept as
// one number (the generic cell rate algorithm): the time at which it will be full again.
type state struct {
	concurrency int64
	// interval is nanoseconds per check; 0: any rate.
	interval int64
	full     atomic.Int64
	// reserve is the bucket of what is protected, once the other is empty. It is one of its own: streams and batches take
	// more from the other than it holds.
	reserve  atomic.Int64
	underWay atomic.Int64
}

func newState(l CallerLimit) *state {
	s := &state{concurrency: int64(l.Concurrency)}
	if l.Rate > 0 {
		s.interval = max(1, int64(time.Second)/int64(l.Rate))
	}
	return s
}

func (s *state) untouched(now int64) bool {
	return s.underWay.Load() == 0 && s.full.Load() <= now && s.reserve.Load() <= now
}

// bucket is a second's checks.
const bucket = int64(time.Second)

// begin takes a call and a check.
func (s *state) begin(now int64, protected bool) (Why, error) {
	if s == nil {
		return 0, nil
	}
	most := s.concurrency
	if protected {
		most *= 2
	}
	if under := s.underWay.Add(1); most > 0 && under > most {
		s.underWay.Add(-1)
		return Concurrency, &RefusedError{After: 100 * time.Millisecond,
			Message: "this caller has as many calls under way as it may have: wait for answers, or have its limit raised"}
	}
	err := s.spend(&s.full, now, cost{checks: 1})
	if err != nil && protected {
		err = s.spend(&s.reserve, now, cost{checks: 1})
	}
	if err != nil {
		s.underWay.Add(-1)
		return Rate, err
	}
	return 0, nil
}

func (s *state) end() {
	if s != nil {
		s.underWay.Add(-1)
	}
}

// cost is how many checks a call takes, beside those that it took already.
type cost struct{ checks, taken int64 }

// spend takes checks from a bucket. One that is full, but for what the call took already, pays for any number of them:
// a batch that is larger than the bucket must have its turn.
func (s *state) spend(from *atomic.Int64, now int64, c cost) error {
	if s.interval == 0 {
		return nil
	}
	for {
		full := from.Load()
		next := max(full, now) + c.checks*s.interval
		if lack := next - now - bucket; lack > 0 && full > now+c.taken*s.interval {
			return &RefusedError{After: time.Duration(lack),
				Message: "this caller asks more often than it may: wait, or have its limit raised"}
		}
		if from.CompareAndSwap(full, next) {
			return nil
		}
	}
}

// spendMore takes checks for a call that took one when it began.
func (s *state) spendMore(now int64, checks int) error {
	if s == nil {
		return nil
	}
	return s.spend(&s.full, now, cost{checks: int64(checks), taken: 1})
}

// borrow takes n checks, and returns how long to wait until they are there.
func (s *state) borrow(now int64, n int) time.Duration {
	if s == nil || s.interval == 0 {
		return 0
	}
	for {
		full := s.full.Load()
		next := max(full, now) + int64(n)*s.interval
		if s.full.CompareAndSwap(full, next) {
			return time.Duration(max(0, next-now-bucket))
		}
	}
}
