package client

import (
	"fmt"
	"hash/maphash"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

func testHello() *consentv1.WatchHello {
	return &consentv1.WatchHello{
		StoreId: make([]byte, 16), SlotKey: make([]byte, 32), SlotCount: 1 << 16,
		Lease: durationpb.New(time.Second), HeartbeatInterval: durationpb.New(time.Second / 4),
	}
}

// The hash of slots is what the proto file says, for who writes another client. The number is from
// Python: hmac.new(bytes(range(32)), b"\0\0\0\7exampleuser-42", "sha256").digest()[:8], modulo 65536.
func TestSlotIsThatOfTheProtocol(t *testing.T) {
	hello := testHello()
	for i := range hello.SlotKey {
		hello.SlotKey[i] = byte(i)
	}
	if got, want := hello.Slot("example", "user-42"), uint32(53783); got != want {
		t.Errorf("slot is %d, want %d", got, want)
	}
	if hello.Slot("a", "bc") == hello.Slot("ab", "c") {
		t.Error("the border between controller and subject does not count")
	}
}

func TestHellosOutOfBoundsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*consentv1.WatchInvalidationsResponse){
		"no hello":          func(m *consentv1.WatchInvalidationsResponse) { m.Hello = nil },
		"store id":          func(m *consentv1.WatchInvalidationsResponse) { m.Hello.StoreId = nil },
		"key":               func(m *consentv1.WatchInvalidationsResponse) { m.Hello.SlotKey = nil },
		"no slots":          func(m *consentv1.WatchInvalidationsResponse) { m.Hello.SlotCount = 0 },
		"odd slots":         func(m *consentv1.WatchInvalidationsResponse) { m.Hello.SlotCount = 100 },
		"too many slots":    func(m *consentv1.WatchInvalidationsResponse) { m.Hello.SlotCount = 1 << 30 },
		"no lease":          func(m *consentv1.WatchInvalidationsResponse) { m.Hello.Lease = nil },
		"a lease of a day":  func(m *consentv1.WatchInvalidationsResponse) { m.Hello.Lease = durationpb.New(24 * time.Hour) },
		"no interval":       func(m *consentv1.WatchInvalidationsResponse) { m.Hello.HeartbeatInterval = nil },
		"no policies":       func(m *consentv1.WatchInvalidationsResponse) { m.PolicyRevision = "" },
		"a lease granted":   func(m *consentv1.WatchInvalidationsResponse) { m.Heartbeat = 1 },
		"another position":  func(m *consentv1.WatchInvalidationsResponse) { m.Position++ },
		"slots in a hello":  func(m *consentv1.WatchInvalidationsResponse) { m.Slots = []uint32{1} },
		"a broken checksum": nil,
	} {
		m := &consentv1.WatchInvalidationsResponse{FromPosition: 5, Position: 5, Revision: 7, PolicyRevision: "p", Hello: testHello()}
		if change != nil {
			change(m)
			m.Checksum = m.Sum()
		}
		if _, err := newNearSession(m, 64); err == nil {
			t.Errorf("%s: the hello is taken", name)
		}
	}
}

// The table never grows, and keeps what is used.
func TestTableIsBounded(t *testing.T) {
	const size, requests = 1024, 50_000
	s := testSession(t)
	s.table = remembered.NewTable[nearEntry](size, 0)
	s.granted.Store(&grant{policy: "p1"})
	n := &nearCache{seed: maphash.MakeSeed()}
	request := func(i int) *consentv1.CheckRequest { return NewCheck("c", fmt.Sprintf("subject-%d", i), "p") }
	response := &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_ALLOW, PolicyRevision: "p1", ConsistencyToken: wire.Token{Revision: 70}.String(),
	}
	hot := 0
	for i := range requests {
		n.store(s, request(i), response, decisionOf(response))
		if e := s.find(n.hash(request(0)), request(0), s.granted.Load(), 0); e != nil {
			e.Use()
			hot++
		}
	}
	kept := 0
	for i := range requests {
		if e := s.find(n.hash(request(i)), request(i), s.granted.Load(), 0); e != nil {
			kept++
		}
	}
	if kept > size || kept < size*9/10 {
		t.Errorf("%d of %d places are taken", kept, size)
	}
	if hot < requests*9/10 {
		t.Errorf("an entry in use was there %d of %d times", hot, requests)
	}
}

// An answer whose state is older than what was told meanwhile is of no use, whenever it arrives; one of another store
// neither.
func TestLateAnswersAreNotUsed(t *testing.T) {
	n, r := &nearCache{seed: maphash.MakeSeed()}, NewCheck("c", "s", "p")
	for name, row := range map[string]struct {
		token wire.Token
		want  bool
	}{
		"before the hello": {wire.Token{Revision: 69}, false},
		"at the hello":     {wire.Token{Revision: 70}, false},
		"at the change":    {wire.Token{Revision: 71}, true},
		"another store":    {wire.Token{StoreID: [16]byte{1}, Revision: 99}, false},
	} {
		s := testSession(t)
		m := &consentv1.WatchInvalidationsResponse{
			FromPosition: 5, Position: 6, Revision: 71, Slots: []uint32{s.hello.Slot("c", "s")}, Heartbeat: 1,
		}
		m.Checksum = m.Sum()
		if err := s.apply(m); err != nil {
			t.Fatal(err)
		}
		response := &consentv1.CheckResponse{
			Decision: consentv1.Decision_DECISION_ALLOW, PolicyRevision: "p1", ConsistencyToken: row.token.String(),
		}
		n.store(s, r, response, decisionOf(response))
		if got := s.find(n.hash(r), r, s.granted.Load(), 0) != nil; got != row.want {
			t.Errorf("%s: used %v, want %v", name, got, row.want)
		}
	}
}

// wrote is the freshness of who has written this.
func wrote(t *testing.T, tokens ...string) *freshness {
	t.Helper()
	f := &freshness{home: &home{}}
	for i, text := range tokens {
		err := f.written(text, uint64(i+1))
		if err != nil && !f.home.torn.Load() {
			t.Fatal(err)
		}
	}
	return f
}

func TestDemandsOnFreshness(t *testing.T) {
	s := testSession(t)
	at71 := wrote(t, wire.Token{Revision: 71}.String())
	elsewhere := wire.Token{StoreID: [16]byte{1}, Revision: 5}.String()
	reads := wrote(t)
	if err := reads.home.hear(elsewhere); err != nil {
		t.Fatal(err)
	}
	minimize := &consentv1.Consistency_MinimizeLatency{MinimizeLatency: true}
	lost := wire.Token{Revision: 72, Mark: 7, Marked: true}.String()
	for _, revision := range []uint64{71, 72, 5} {
		s.accept(wire.Token{Revision: revision}.String())
	}
	s.accept(elsewhere)
	s.accept("garbage")
	for name, row := range map[string]struct {
		consistency *consentv1.Consistency
		own         *freshness
		want        uint64
		ok          bool
	}{
		"none":                           {nil, nil, 0, true},
		"a new session's":                {nil, wrote(t), 0, true},
		"the session's":                  {nil, at71, 71, true},
		"the session's, another store":   {nil, wrote(t, elsewhere), 0, false},
		"the session's, unreadable":      {nil, wrote(t, "garbage"), 0, false},
		"of who reads another store":     {nil, reads, 0, false},
		"of who wrote to two stores":     {nil, wrote(t, wire.Token{Revision: 71}.String(), elsewhere), 0, false},
		"another store's, with a token":  {AtLeastAsFresh(wire.Token{Revision: 72}.String()), reads, 0, false},
		"a token":                        {AtLeastAsFresh(wire.Token{Revision: 72}.String()), at71, 72, true},
		"an older token":                 {AtLeastAsFresh(wire.Token{Revision: 5}.String()), at71, 71, true},
		"one of another history":         {AtLeastAsFresh(lost), nil, 0, false},
		"one that no server answered on": {AtLeastAsFresh(wire.Token{Revision: 6}.String()), nil, 0, false},
		"the session's, of lost history": {nil, wrote(t, lost), 0, false},
		"another store's":                {AtLeastAsFresh(wire.Token{StoreID: [16]byte{1}}.String()), nil, 0, false},
		"garbage":                        {AtLeastAsFresh("garbage"), nil, 0, false},
		"fully consistent":               {FullyConsistent(), nil, 0, false},
		"an empty one":                   {&consentv1.Consistency{}, nil, 0, false},
		"minimize_latency":               {&consentv1.Consistency{Requirement: minimize}, nil, 0, true},
		"a false one":                    {&consentv1.Consistency{Requirement: &consentv1.Consistency_MinimizeLatency{}}, nil, 0, false},
	} {
		if got, ok := s.demand(row.consistency, row.own); ok != row.ok || ok && got != row.want {
			t.Errorf("%s: %d, %v; want %d, %v", name, got, ok, row.want, row.ok)
		}
	}
	s.granted.Store(&grant{policy: "p1"})
	e := &nearEntry{terms: remembered.Terms{Floors: s.floors, Policy: "p1", Revision: 70}}
	for atLeast, want := range map[uint64]bool{0: true, 70: true, 71: false} {
		if got := s.current(e, s.granted.Load(), atLeast); got != want {
			t.Errorf("at least %d: %v, want %v", atLeast, got, want)
		}
	}
}
