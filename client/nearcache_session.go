package client

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// nearSession is what is known by one stream of invalidations. A new stream begins with nothing: what an earlier one
// was told says nothing of what happened in between.
//
// Lookups take no lock; the order of writes and reads makes them right (package remembered has the rule). The receiver
// (apply) raises the floors, then announces them, and then stores granted. A lookup reads the other way round: granted,
// what was announced, the floor, and last the clock. So
//   - who reads a lease finds the floors of all that was told before it was granted;
//   - who reads what was announced finds the floors of all changes up to it: an entry at or above its floor is as good
//     as one read then;
//   - who reads an older lease, and so perhaps older floors, learns from the clock, read after them, whether it has run
//     out. A fence that returned before the lookup began waited for this cache to confirm, which it does after apply,
//     or for its lease to run out by the server's clock, which is later than by this one.
//
// Edits that look right and are not:
//   - to read the clock first: between it and the floor this goroutine may be held up for longer than a lease, in which
//     a fence gives this cache up and its write is acknowledged; the old floor lets the older decision pass;
//   - to read the floor before what was announced: a change told in between is announced and the floor knows nothing of
//     it, and the entry is taken to reflect a token that it does not;
//   - to load granted again where it is used: policies would be compared by one lease and time by another;
//   - to announce, or to store granted, before the floors are raised: then all three points above fail;
//   - to confirm a message before it is applied: the fence returns while the old floors are in use.
type nearSession struct {
	hello   *consentv1.WatchHello
	storeID storeID
	lease   time.Duration
	// floors are what the changes that were told come to.
	floors *remembered.Floors
	// granted is the newest lease; nil: none yet. It is stored after all floors are raised and announced.
	granted atomic.Pointer[grant]
	table   *nearTable
	// accepted are tokens that the server has answered on, by their revisions.
	accepted [acceptedTokens]atomic.Pointer[string]
	// reports gets the entries that are thrown away; nil: nobody does.
	reports *nearReports

	// position and policy are those of the last message; the receiver's own.
	position uint64
	policy   string

	beats struct {
		sync.Mutex
		// last is the number of the newest heartbeat; sent[i%len(sent)] is when the i-th was about to be sent.
		last uint64
		sent [16]reading
	}
}

// grant is a lease; immutable but for awake.
type grant struct {
	// sent is when the heartbeat was about to be sent.
	sent reading
	// serverTime is what the server's clock showed later, nanoseconds since the epoch.
	serverTime int64
	// policy is the digest of the policies in force.
	policy string
	// awake is when both clocks last showed that the lease holds, by the monotonic one; see awakeFor.
	awake atomic.Int64
}

func newGrant(sent reading, serverTime int64, policy string) *grant {
	g := &grant{sent: sent, serverTime: serverTime, policy: policy}
	g.awake.Store(sent.mono) // both clocks were read then
	return g
}

// awakeFor is how long the monotonic clock must have gone on since both clocks showed that a lease holds before both
// are read again; until then the monotonic one alone says whether it still does. Two clocks take twice as long to read
// as one, and that was a third of a hit. On other systems than Linux, of which what follows is not known, both are
// always read.
//
// The wall clock is read because the monotonic one stands still while the machine is suspended. Linux suspends in this
// order (its documentation: System Suspend Code Flows): it stops all processes, then the devices, then (but for
// suspend-to-idle) all processors but one, then the clock; it resumes in the reverse order. So from the last lookup
// before a suspend to the first one after it the monotonic clock goes on for as long as all but the clock takes, both
// ways. No bound of that is promised. But a process that runs is stopped by a signal, for which the kernel waits half a
// millisecond before it looks again, and devices and processors take milliseconds: some hundred times awakeFor. So that
// first lookup reads both clocks.
//
// It must have been this very lease that held: a newer one says nothing about a sleep before it. Hence awake is the
// grant's.
//
// A step of the wall clock counts up to awakeFor later, which is of no matter: a step alone ends a lease without need.
const awakeFor = 10 * time.Microsecond

// maxSlotCount bounds what a server may say in a hello, beside wire.MaxLease.
const maxSlotCount = 1 << 20

// maxServerSeconds bounds what a server may say of time, in seconds since the epoch: up to the year 2242 no sum with a
// lease overflows.
const maxServerSeconds = 1 << 33

// driftPart is the part by which the server's clock may run faster than this machine's.
const driftPart = 16

var (
	errHello = errors.New("near cache: the hello is out of bounds")
	errChain = errors.New("near cache: a message is missing, repeated or damaged")
)

// newNearSession begins a session with the first message of a stream.
func newNearSession(m *consentv1.WatchInvalidationsResponse, maxEntries int) (*nearSession, error) {
	hello := m.GetHello()
	count, lease := hello.GetSlotCount(), hello.GetLease().AsDuration()
	switch {
	case m.GetChecksum() != m.Sum():
		return nil, errChain
	case hello == nil || len(hello.GetStoreId()) != 16 || len(hello.GetSlotKey()) != 32,
		count == 0 || count > maxSlotCount || count&(count-1) != 0,
		lease <= 0 || lease > wire.MaxLease || hello.GetHeartbeatInterval().AsDuration() <= 0,
		m.GetPosition() != m.GetFromPosition() || m.GetPolicyRevision() == "" || m.GetHeartbeat() != 0 || len(m.GetSlots()) > 0:
		return nil, errHello
	}
	s := &nearSession{
		hello: hello, storeID: storeID(hello.GetStoreId()), lease: lease,
		floors: remembered.NewFloors(int(count), m.GetRevision()), table: remembered.NewTable[nearEntry](maxEntries, 0),
		position: m.GetPosition(), policy: m.GetPolicyRevision(),
	}
	return s, nil
}

// beat numbers a heartbeat that is about to be sent.
func (s *nearSession) beat(now reading) uint64 {
	s.beats.Lock()
	defer s.beats.Unlock()
	s.beats.last++
	s.beats.sent[s.beats.last%uint64(len(s.beats.sent))] = now
	return s.beats.last
}

// sentAt returns when a heartbeat was about to be sent; false for one that was never sent, or too long ago.
func (s *nearSession) sentAt(number uint64) (reading, bool) {
	s.beats.Lock()
	defer s.beats.Unlock()
	kept := uint64(len(s.beats.sent))
	if number > s.beats.last || number+kept <= s.beats.last {
		return reading{}, false
	}
	return s.beats.sent[number%kept], true
}

// apply takes a message; an error means that the stream cannot be trusted any more.
func (s *nearSession) apply(m *consentv1.WatchInvalidationsResponse) error {
	if err := s.check(m); err != nil {
		return err
	}
	for _, slot := range m.GetSlots() {
		s.floors.Raise(slot, m.GetRevision())
	}
	s.floors.Announce(m.GetRevision())
	s.position = m.GetPosition()
	if m.GetPolicyRevision() != "" && m.GetPolicyRevision() != s.policy {
		s.policy = m.GetPolicyRevision()
	}
	return s.grant(m)
}

func (s *nearSession) check(m *consentv1.WatchInvalidationsResponse) error {
	switch {
	case m.GetChecksum() != m.Sum(), m.GetHello() != nil,
		m.GetFromPosition() != s.position, m.GetPosition() < s.position, m.GetRevision() < s.floors.Announced(),
		uint64(len(m.GetSlots())) > m.GetPosition()-s.position,
		len(m.GetSlots()) > 0 && m.GetRevision() == s.floors.Announced():
		return errChain
	}
	for _, slot := range m.GetSlots() {
		if int(slot) >= s.floors.Slots() {
			return errChain
		}
	}
	return nil
}

// grant takes the lease that m carries, or the new policies into the lease that there is.
func (s *nearSession) grant(m *consentv1.WatchInvalidationsResponse) error {
	old := s.granted.Load()
	if m.GetHeartbeat() == 0 {
		if old != nil && old.policy != s.policy {
			s.granted.Store(newGrant(old.sent, old.serverTime, s.policy))
		}
		return nil
	}
	sent, ok := s.sentAt(m.GetHeartbeat())
	if at := m.GetServerTime(); !ok || old != nil && sent.mono < old.sent.mono || at < 0 || at >= maxServerSeconds*1e9 {
		return errChain
	}
	s.granted.Store(newGrant(sent, m.GetServerTime(), s.policy))
	return nil
}

// demand returns the revision that a decision must reflect; false: only the server can tell.
func (s *nearSession) demand(c *consentv1.Consistency, fresh *freshness) (uint64, bool) {
	written, ok := fresh.within(s.storeID)
	if !ok {
		return 0, false
	}
	atLeast, ok := s.within(written)
	if c == nil || !ok {
		return atLeast, ok
	}
	switch need := c.GetRequirement().(type) {
	case *consentv1.Consistency_MinimizeLatency:
		return atLeast, need.MinimizeLatency
	case *consentv1.Consistency_AtLeastAsFresh:
		asked, ok := s.within(need.AtLeastAsFresh)
		return max(atLeast, asked), ok
	}
	return 0, false
}

// acceptedTokens is how many tokens a stream remembers: sessions that each demand their newest write are few at a time.
const acceptedTokens = 256

// within returns the revision of a token, zero for none; false: whether a decision reflects it the server must tell.
//
// The revision alone would not do: where the store lost its newest changes, others have taken their revisions. So a
// token counts from when the server has answered on it within this stream, which ends where history is lost.
func (s *nearSession) within(token string) (uint64, bool) {
	if token == "" {
		return 0, true
	}
	t, err := wire.ParseToken(token)
	if err != nil || t.StoreID != s.storeID {
		return 0, false
	}
	accepted := s.accepted[t.Revision%acceptedTokens].Load()
	return t.Revision, accepted != nil && *accepted == token
}

// accept remembers that the server has answered on a state that reflects a token; an empty one is none. The call began
// after this stream.
func (s *nearSession) accept(token string) {
	if s == nil {
		return
	}
	if _, known := s.within(token); known {
		return
	}
	if t, err := wire.ParseToken(token); err == nil && t.StoreID == s.storeID {
		s.accepted[t.Revision%acceptedTokens].Store(&token)
	}
}

// find returns the entry of a request whose policies are those of the grant and whose state no change has overtaken.
func (s *nearSession) find(hash uint64, request *consentv1.CheckRequest, g *grant, atLeast uint64) *nearEntry {
	return s.table.Find(hash, func(e *nearEntry) bool {
		return sameRequest(e.request, request) && s.current(e, g, atLeast)
	})
}

// current reports whether an entry's policies are in force and its state is the newest that was told, and reflects
// atLeast.
func (s *nearSession) current(e *nearEntry, g *grant, atLeast uint64) bool {
	_, ok := e.terms.Current(s.floors, g.policy, atLeast)
	return ok
}

// leased: by both clocks. The wall clock may end a lease early where it steps, and must where the machine slept; it is
// not asked again for awakeFor.
func (s *nearSession) leased(g *grant, now reading) bool {
	return now.mono-g.sent.mono < int64(s.lease) && now.wall-g.sent.wall < int64(s.lease-awakeFor)
}

// keep puts an entry into the table, unless a change has overtaken it already.
func (s *nearSession) keep(hash uint64, e *nearEntry) {
	if _, ok := e.terms.Current(s.floors, e.terms.Policy, 0); !ok {
		return
	}
	g := s.granted.Load()
	s.reports.retire(s.table.Put(hash, 0, e,
		func(old *nearEntry) bool { return sameRequest(old.request, e.request) },
		func(old *nearEntry) bool { return g != nil && s.current(old, g, 0) }))
}
