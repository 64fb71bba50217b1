package client

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"runtime"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// NearCacheConfig configures a near cache. The zero value is ready for use.
type NearCacheConfig struct {
	// MaxEntries bounds how many decisions are kept, of about 1 KiB each; it is rounded up to a multiple of 8. Zero means
	// 65,536.
	MaxEntries int
	// ReportEvery is how often the server is told how many checks were answered by which decision, so that its decision
	// log and its record of processing know of them. Zero means five seconds, negative never.
	ReportEvery time.Duration
}

// FenceTimeout is how long a write with fence may take whose context has no deadline: leasesPerFence of the server's
// default leases. A client with a near cache knows the server's lease, and allows as many of a longer one.
const FenceTimeout = 6 * time.Second

// leasesPerFence: a fence takes two leases at most, with their margins; the write itself needs some time too.
const leasesPerFence = 3

const defaultNearEntries = 1 << 16

// maxNearBytes bounds what one decision takes, request and answer in their encoded forms; larger ones are not kept.
const maxNearBytes = 4 << 10

// WithNearCache answers checks within this process, in some hundred nanoseconds, where the server has decided the same
// before and nothing has changed since.
//
// What it guarantees: once RecordEvents with fence has returned, anywhere, no Check that starts later is answered from
// the older state. Without fence a check may be answered so for one lease after the write was acknowledged (the
// server's setting, two seconds), no longer; the same goes for a change of policies. A decision is never used past its
// valid_until, by the server's clock.
//
// How: the server tells, over a stream, which hash slots of subjects have changed, and grants leases; see
// WatchInvalidationsResponse in the proto files. A decision is used only while its revision is at or above its slot's
// floor, its policies are those in force, and the lease holds, by this machine's monotonic clock, counted from before
// the heartbeat was sent. The wall clock can only end a lease early: it goes on while a machine is suspended. (On Linux
// a hit reads it only if 10 µs have passed since another did: to suspend and resume a machine takes a hundred times
// that of the monotonic clock, besides the sleep.) A lost, late or damaged stream means that all checks go to the
// server. What no clock shows is a virtual machine that its host pauses and continues with both its clocks where they
// were: within what was left of the lease it may answer from what it knew.
//
// BatchCheck is answered here only if all its decisions are known and were right at one instant.
//
// A decision that comes from the cache has the ID and the ConsistencyToken of the one it repeats. The server is told
// afterwards how often it was used, and not at which moments: do without a near cache where each use must be in the
// server's log before it happens. A process that is killed leaves up to ReportEvery unreported. Checks with
// FullyConsistent always go to the server, and those with AtLeastAsFresh unless the cache is known to be as fresh.
func WithNearCache(c NearCacheConfig) Option {
	return func(o *options) {
		o.near = func(connection grpc.ClientConnInterface, links *links) *nearCache {
			n := newNear(c, connection)
			n.links = links
			n.start()
			return n
		}
	}
}

// NearCacheStats tells what became of checks since the start.
type NearCacheStats struct {
	// Hits were answered here, Misses by the server.
	Hits, Misses uint64
	// Streams is how many streams of invalidations there have been.
	Streams uint64
	// Leased says whether checks can be answered here at the moment.
	Leased bool
}

// NearCacheStats returns the counts; all are zero without a near cache.
func (c *Client) NearCacheStats() NearCacheStats {
	if c.near != nil {
		return c.near.stats()
	}
	return NearCacheStats{}
}

// nearCache is a near cache. Its methods may be called concurrently. The hit path takes no lock and allocates nothing.
type nearCache struct {
	decisions  consentv1.DecisionServiceClient
	maxEntries int
	seed       maphash.Seed
	// began is what the monotonic clock is counted from.
	began time.Time
	// clock reads both clocks.
	clock func() reading
	// id names this cache to the server.
	id []byte
	// tap, if set, sees each message before it is applied: tests plant faults there.
	tap func(*nearSession, *consentv1.WatchInvalidationsResponse)

	// links are what the stream goes over; nil: nobody watches them.
	links *links

	// current is the stream under way; nil: none, so no decision may be used.
	current atomic.Pointer[nearSession]
	streams atomic.Uint64
	// lease is that of the newest stream, kept beyond its end: a fence may wait for this very cache.
	lease  atomic.Int64
	counts [nearStripes]nearCounts

	reports *nearReports

	stop  context.CancelFunc
	ended chan struct{}
}

// nearEntry is a decision that is kept; immutable but for its mark and answers.
type nearEntry struct {
	remembered.Mark
	// request is the key: a copy without consistency.
	request  *consentv1.CheckRequest
	decision Decision
	terms    remembered.Terms
	// answers counts the checks that it answered since they were last reported.
	answers atomic.Uint64
}

// nearTable keeps them.
type nearTable = remembered.Table[nearEntry, *nearEntry]

// nearStripes spreads counters over cache lines, by the hash of the request.
const nearStripes = 16

type nearCounts struct {
	hits, misses atomic.Uint64
	_            [48]byte
}

// reading is what the clocks show.
type reading struct {
	// mono never steps; it may stand still while the machine is suspended. Nanoseconds since the cache was made.
	mono int64
	// wall goes on then, but may step. Nanoseconds since the epoch.
	wall int64
}

// newNear returns a near cache that does not watch yet, so that it never answers.
func newNear(c NearCacheConfig, connection grpc.ClientConnInterface) *nearCache {
	n := &nearCache{
		decisions: consentv1.NewDecisionServiceClient(connection), maxEntries: c.MaxEntries, seed: maphash.MakeSeed(),
		began: time.Now(),
	}
	n.reports = newNearReports(c.ReportEvery, n.decisions)
	n.clock = func() reading {
		now := time.Now()
		return reading{mono: int64(now.Sub(n.began)), wall: now.UnixNano()}
	}
	if n.maxEntries <= 0 {
		n.maxEntries = defaultNearEntries
	}
	n.id = newCacheID()
	return n
}

// newCacheID draws a name for a cache.
func newCacheID() []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return id
}

// start begins to watch.
func (n *nearCache) start() {
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.ended = stop, make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		n.run(ctx)
	}()
	go func() {
		defer close(n.ended)
		n.reports.run(n.current.Load, watched)
		<-watched
	}()
}

// close gives the lease up, and waits until the stream has ended and the server was told of the last answers. Lookups
// miss from then on.
func (n *nearCache) close() {
	n.stop()
	<-n.ended
}

func (n *nearCache) stats() NearCacheStats {
	s := NearCacheStats{Streams: n.streams.Load()}
	for i := range n.counts {
		s.Hits += n.counts[i].hits.Load()
		s.Misses += n.counts[i].misses.Load()
	}
	if session := n.current.Load(); session != nil {
		g := session.granted.Load()
		s.Leased = g != nil && session.leased(g, n.clock())
	}
	return s
}

// lookup returns an entry whose decision may be used now. Else session is what store wants with the server's answer;
// nil: it is not to be kept. fresh is what the decision must reflect, beside what the request itself demands.
//
// The order of reading is what makes an answer right: first the lease, then seen and the floor, last the clock.
// nearSession has the argument.
func (n *nearCache) lookup(request *consentv1.CheckRequest, fresh *freshness) (hit *nearEntry, session *nearSession) {
	s := n.current.Load()
	if s == nil {
		return nil, nil
	}
	g := s.granted.Load()
	hash := n.hash(request)
	counts := &n.counts[hash%nearStripes]
	if atLeast, ok := s.demand(request.GetConsistency(), fresh); g != nil && ok {
		if e := s.find(hash, request, g, atLeast); e != nil && n.valid(s, g, e) {
			counts.hits.Add(1)
			e.Use()
			e.answers.Add(1)
			return e, nil
		}
	}
	counts.misses.Add(1)
	return nil, s
}

// valid reports whether the lease holds and the decision's time has not come, by clocks that are read after all else.
func (n *nearCache) valid(s *nearSession, g *grant, e *nearEntry) bool {
	now := int64(time.Since(n.began))
	if runtime.GOOS != "linux" || now-g.awake.Load() >= int64(awakeFor) {
		both := n.clock()
		if !s.leased(g, both) {
			return false
		}
		now = both.mono
		g.awake.Store(now)
	}
	since := now - g.sent.mono
	return since < int64(s.lease) && e.terms.In(g.serverTime+since+since/driftPart)
}

// store keeps the server's answer to a request that lookup had no decision for. Answers may arrive after later changes
// were told: the revision in the token, not the time, says what they are worth.
func (n *nearCache) store(s *nearSession, request *consentv1.CheckRequest, response *consentv1.CheckResponse, d Decision) {
	if s == nil || !keepable(request, response) {
		return
	}
	token, err := wire.ParseToken(response.GetConsistencyToken())
	if err != nil || token.StoreID != s.storeID {
		return
	}
	key := proto.CloneOf(request)
	key.Consistency = nil
	e := &nearEntry{request: key, decision: d, terms: remembered.Terms{
		Floors: s.floors, Revision: token.Revision, Slot: s.hello.Slot(request.GetController(), request.GetSubjectId()),
		Policy: d.PolicyRevision,
	}}
	if until := response.GetValidUntil(); until != nil {
		e.terms.Until = until.AsTime().UnixNano()
	}
	s.keep(n.hash(request), e)
}

// keepable reports whether an answer may be given again. One that this version does not understand whole may say that
// it must not.
func keepable(request *consentv1.CheckRequest, response *consentv1.CheckResponse) bool {
	switch response.GetDecision() {
	case consentv1.Decision_DECISION_ALLOW, consentv1.Decision_DECISION_DENY:
	default:
		return false
	}
	if response.GetDegraded() != 0 {
		return false
	}
	for _, r := range response.GetReasons() {
		if r.GetCode() == consentv1.ReasonCode_REASON_CODE_POLICY_ERROR {
			return false
		}
	}
	until := response.GetValidUntil()
	return (until == nil || until.IsValid() && until.GetSeconds() > 0 && until.GetSeconds() < maxServerSeconds) &&
		len(response.ProtoReflect().GetUnknown()) == 0 && !request.HasUnknown() &&
		proto.Size(request)+proto.Size(response) <= maxNearBytes
}
