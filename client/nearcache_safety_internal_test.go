//go:build linux

package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// How much TestNearCacheSafety and TestNearCacheSafetyOfPeople do. The long form is
//
//	go test ./client -run 'TestNearCacheSafety$' -safety.checks 10000000 -safety.withdrawals 10000 -timeout 1h -v
var (
	safetyChecks      = flag.Int("safety.checks", 100_000, "TestNearCacheSafety: how many checks at least")
	safetyWithdrawals = flag.Int("safety.withdrawals", 300, "TestNearCacheSafety: how many withdrawals at least")
	safetyUnderTest   = flag.String("safety.client", goClient,
		"TestNearCacheSafety: the client under test, as python for client/python/safety")
)

const (
	safetySubjects = 64
	safetyWriters  = 16
	safetyClients  = 2
	safetyCheckers = 3
	safetyLease    = 300 * time.Millisecond
	// safetyDwell is how long checks have after a withdrawal; before it they have thrice that.
	safetyDwell = 4 * time.Millisecond
)

// TestNearCacheSafety runs a server and clients with near caches as processes of their own, and records each check
// with its start and end while consents are given and withdrawn, the network between is cut, stalled, slowed down
// and late, the processes are stopped and continued, the server is killed and started again, other policies come
// into force, and wall clocks step. No check that starts after a fenced withdrawal returned, and ends before the
// next grant begins, is ALLOW; nor one that starts a lease after a withdrawal without fence was acknowledged, or
// policies that deny.
func TestNearCacheSafety(t *testing.T) {
	requireSafe(t, safetyConfig{ids: 1})
}

// requireSafe checks with all troubles, for as long as the flags say. A run that says little, as where a busy machine
// let no check begin and end after a withdrawal, is made again, twice at most; a wrong ALLOW counts in each.
func requireSafe(t *testing.T, config safetyConfig) *safety {
	t.Helper()
	const attempts = 3
	var s *safety
	for range attempts {
		if s = newSafety(t, config); s.saysMuch() {
			return s
		}
	}
	t.Error("too few hits, checks after withdrawals, or ALLOWs: the test says little")
	return s
}

// saysMuch is one run.
func (s *safety) saysMuch() bool {
	part := int64(max(1, s.config.part))
	withdrawals, checks := int64(*safetyWithdrawals)/part, int64(*safetyChecks)/part
	s.run(s.trouble, func() bool { return s.withdrawals.Load() >= withdrawals && s.recorded() >= checks })
	s.report()
	if len(s.wrong) > 0 {
		s.t.Errorf("%d wrong ALLOWs, the first: %s", len(s.wrong), s.wrong[0])
	}
	// ALLOWs are counted against withdrawals, not checks: on a slow machine a grant lasts as long and sees fewer
	// checks. A slow client asks so seldom that a cache more often does not know yet what it is asked.
	hits := s.hits * 2
	if s.config.client != goClient {
		hits = s.hits * 4
	}
	return hits >= s.checks && s.inside*20 >= s.checks && s.allowed >= withdrawals
}

// safetyConfig says what a run is about.
type safetyConfig struct {
	// client is the client under test, one of safetyExecutables or goClient; empty: the flag's.
	client string
	// part is which part of the flags' counts suffices; zero: all.
	part int
	// plant is the fault that the clients' caches have; empty: none.
	plant string
	// ids is how many ids each subject has.
	ids int
}

// safety is one run of the checker.
type safety struct {
	t       *testing.T
	config  safetyConfig
	dir     string
	proxy   *proxy
	server  *process
	clients []*process
	faults  map[string]int
	// began is when the events begin to have occurred.
	began time.Time

	// links counts the links that ended a consent.
	withdrawals, links atomic.Int64
	// writing is read-locked by each writer from a grant until the checks after the withdrawal.
	writing sync.RWMutex
	// windows are, per subject, when no check may be ALLOW. Guarded by mu until the writers are done.
	mu      sync.Mutex
	windows [safetySubjects][]window
	// recordings counts a subject's events; parted says that its last id is not linked. Each subject has one writer,
	// which alone uses these.
	recordings [safetySubjects]int
	parted     [safetySubjects]bool

	checks, allowed, inside, hits int64
	wrong                         []string
}

// window is a time within which checks of a subject must be denied, by CLOCK_MONOTONIC.
type window struct{ from, to int64 }

// monotonic is the clock that all processes share, nanoseconds.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

func newSafety(t *testing.T, config safetyConfig) *safety {
	if config.client == "" {
		config.client = *safetyUnderTest
	}
	requireSafety(t, config.client)
	dir, err := os.MkdirTemp("", "near") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &safety{t: t, config: config, dir: dir, faults: map[string]int{}, began: time.Now().Add(-48 * time.Hour)}
	s.server = s.startServer()
	s.proxy = newProxy(t, s.socket())
	s.grantAll()
	for i := range safetyClients {
		s.clients = append(s.clients, s.startClient(i))
	}
	s.awaitClients()
	return s
}

// grantAll gives all consents: a cache with a planted fault may not get beyond the first answer that it hears.
func (s *safety) grantAll() {
	c, err := Dial("unix://"+s.socket(), WithTimeout(10*time.Second))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	s.linkAll(s.t.Context(), c)
	for subject := range safetySubjects {
		s.record(s.t.Context(), c, subject, nearGiven, false)
	}
}

func (s *safety) socket() string { return filepath.Join(s.dir, "server.sock") }

func (s *safety) startServer() *process {
	return startRole(s.t, "server", map[string]string{"SAFETY_SOCKET": s.socket(), "SAFETY_DATA": filepath.Join(s.dir, "data"),
		"SAFETY_LEASE": safetyLease.String()})
}

// run writes and makes trouble until enough has happened; then it verifies what was recorded.
func (s *safety) run(trouble func(context.Context), enough func() bool) {
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	var running sync.WaitGroup
	for w := range safetyWriters {
		running.Go(func() { s.write(ctx, w) })
	}
	running.Go(func() { trouble(ctx) })
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !enough() {
		select {
		case <-tick.C:
		case <-s.t.Context().Done():
			s.t.Error("interrupted")
		}
	}
	stop()
	running.Wait()
	for i, c := range s.clients {
		var stats NearCacheStats
		if err := json.Unmarshal(c.end(), &stats); err != nil {
			s.t.Errorf("client %d: %v", i, err)
		}
		s.hits += int64(stats.Hits)
		s.faults["streams"] += int(stats.Streams)
	}
	s.server.end()
	s.verify()
}

// recorded is how many checks the clients have written down.
func (s *safety) recorded() (n int64) {
	for _, name := range s.recordFiles() {
		if info, err := os.Stat(name); err == nil {
			n += info.Size() / recordBytes
		}
	}
	return n
}

func (s *safety) recordFiles() []string {
	names, err := filepath.Glob(filepath.Join(s.dir, "records-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// write gives and withdraws consents of its own subjects in turn.
func (s *safety) write(ctx context.Context, w int) {
	c, err := Dial("unix://"+s.socket(), WithTimeout(10*time.Second))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.Close()
	for n := 0; ctx.Err() == nil; n++ {
		s.giveAndWithdraw(ctx, c, w+n%(safetySubjects/safetyWriters)*safetyWriters)
	}
}

func (s *safety) giveAndWithdraw(ctx context.Context, c *Client, subject int) {
	s.writing.RLock()
	defer s.writing.RUnlock()
	s.give(ctx, c, subject)
	pauseFor(ctx, 3*safetyDwell)
	fence := rand.IntN(8) > 0
	if !s.withdraw(ctx, c, subject, fence) {
		return
	}
	dwell := safetyDwell
	if !fence {
		dwell += safetyLease
	}
	pauseFor(ctx, dwell)
}

func (s *safety) give(ctx context.Context, c *Client, subject int) {
	s.close(subject, monotonic())
	if rand.IntN(2) == 0 {
		s.part(ctx, c, subject)
	}
	s.record(ctx, c, subject, nearGiven, false)
}

// withdraw returns false if ctx ended before the withdrawal was acknowledged.
func (s *safety) withdraw(ctx context.Context, c *Client, subject int, fence bool) bool {
	if !s.record(ctx, c, subject, nearWithdrawn, fence && !s.parted[subject]) || !s.rejoin(ctx, c, subject, fence) {
		return false
	}
	from := monotonic()
	if !fence {
		from += int64(safetyLease)
	}
	s.open(subject, from)
	s.withdrawals.Add(1)
	return true
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// open begins a window, unless one is open.
func (s *safety) open(subject int, from int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.windows[subject]); n == 0 || s.windows[subject][n-1].to < math.MaxInt64 {
		s.windows[subject] = append(s.windows[subject], window{from, math.MaxInt64})
	}
}

// close ends the window that is open, if one is.
func (s *safety) close(subject int, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.windows[subject]); n > 0 {
		s.windows[subject][n-1].to = min(s.windows[subject][n-1].to, to)
	}
}

// record records an event under any of the subject's ids that are linked; false if ctx ended first.
func (s *safety) record(ctx context.Context, c *Client, subject int, status consentv1.ConsentStatus, fence bool) bool {
	return s.recordAs(ctx, c, s.recordUnder(subject), s.event(subject, status), fence)
}

func (s *safety) recordAs(ctx context.Context, c *Client, id string, event *consentv1.Event, fence bool) bool {
	request := &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: id, Events: []*consentv1.Event{event}, Fence: fence,
	}
	return s.acknowledged(ctx, func() (*consentv1.EventOutcome, error) {
		done, err := c.RecordEvents(ctx, request)
		if err != nil {
			return nil, err
		}
		return done.GetOutcomes()[0], nil
	})
}

func (s *safety) event(subject int, status consentv1.ConsentStatus) *consentv1.Event {
	event := NewEvent("privacy_settings")
	event.OccurredAt = s.nextTime(subject)
	c := &consentv1.ConsentEvent{Purpose: "ai_training", Status: status, NoticeVersion: 3}
	event.Kind = &consentv1.Event_Consent{Consent: c}
	return event
}

// requireCounts: an event that does not count says nothing. One that is repeated may have been recorded before.
func (s *safety) requireCounts(o *consentv1.EventOutcome) {
	switch o.GetEffect() {
	case consentv1.EventEffect_EVENT_EFFECT_COUNTED, consentv1.EventEffect_EVENT_EFFECT_DUPLICATE:
	default:
		s.t.Errorf("an event came to %v", o)
	}
}

// verify reads all records.
func (s *safety) verify() {
	for _, name := range s.recordFiles() {
		file, err := os.Open(name)
		if err != nil {
			s.t.Fatal(err)
		}
		s.verifyFile(bufio.NewReaderSize(file, 1<<20))
		_ = file.Close()
	}
}

func (s *safety) verifyFile(r io.Reader) {
	var b [recordBytes]byte
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return
		}
		s.verifyCheck(checkRecordOf(b))
	}
}

func (s *safety) verifyCheck(c checkRecord) {
	s.checks++
	if c.allowed {
		s.allowed++
	}
	windows := s.windows[c.subject]
	i, _ := slices.BinarySearchFunc(windows, c.start, func(w window, start int64) int {
		if w.from <= start {
			return -1
		}
		return 1
	})
	if i == 0 || c.end >= windows[i-1].to {
		return
	}
	s.inside++
	if c.allowed {
		s.wrong = append(s.wrong, fmt.Sprintf("subject %d, %v after the withdrawal", c.subject, time.Duration(c.start-windows[i-1].from)))
	}
}

func (s *safety) report() {
	s.t.Logf("%d checks, %d of them answered by near caches, %d ALLOW, %d wholly after a withdrawal; %d withdrawals, %d by a link; %v",
		s.checks, s.hits, s.allowed, s.inside, s.withdrawals.Load(), s.links.Load(), s.faults)
}

// checkRecord is one check as it is written down: start and end by the shared clock.
type checkRecord struct {
	start, end int64
	subject    uint16
	allowed    bool
}

const recordBytes = 20

func (c checkRecord) bytes() (b [recordBytes]byte) {
	binary.LittleEndian.PutUint64(b[:], uint64(c.start))
	binary.LittleEndian.PutUint64(b[8:], uint64(c.end))
	binary.LittleEndian.PutUint16(b[16:], c.subject)
	if c.allowed {
		b[18] = 1
	}
	return b
}

func checkRecordOf(b [recordBytes]byte) checkRecord {
	return checkRecord{
		start: int64(binary.LittleEndian.Uint64(b[:])), end: int64(binary.LittleEndian.Uint64(b[8:])),
		subject: binary.LittleEndian.Uint16(b[16:]), allowed: b[18] == 1,
	}
}
