package reload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/source"
)

// Shared says which store's policies are in force on all of its nodes.
type Shared struct {
	// Sets are the store's; required.
	Sets shared.Sets
	// Name names the store, without a password: for people, and in the kept copy, which counts for this store alone.
	Name string
	// Node names this node, as the one that proved a set.
	Node string
	// Prover names the build of this server. What another node proved counts here where its build has the same name;
	// others are proven again. Empty: no proof but this node's own counts.
	Prover string
}

// The times of a store that is followed. It is asked as soon as Manager.Heard tells of another activation, and else
// every lookEvery, a fifth earlier or later; after failures from askFirst on, twice as long each time up to askMost. A
// question may take storeTimeout.
const (
	lookEvery    = 30 * time.Second
	askFirst     = time.Second
	askMost      = 15 * time.Second
	storeTimeout = 10 * time.Second
)

// errNoActivation is returned by a storeSource's Read where the store has no activation.
var errNoActivation = errors.New("the store has no activation of policies any more: activate some again, " +
	"or restore it from a newer backup")

// errStoreAway is what Read says of a store that cannot be asked: status and log are read by people who need not see
// what a driver says of its connection, which the log has once.
var errStoreAway = errors.New("the store cannot be asked for its policies at the moment")

// storeSource is a store as a source. All but heard, newest and failures is guarded by the manager's attempt. A nil one
// is no store: its methods say so.
type storeSource struct {
	Shared
	logger *slog.Logger
	// heard has a value after Heard told of another activation, newest is the number of the newest known.
	heard  chan struct{}
	newest atomic.Uint64
	// failures counts how many times in a row the store could not be read.
	failures atomic.Int64
	// seen is the activation that Read or activate saw last, files are its; files may be those of the copy before.
	seen  shared.Activation
	files *source.Files
	// decided is the activation in force, of which the number and the digest are known; lost is whether the store had
	// another one of that number since, or none. answer is what it had as its newest when it was asked last; nil: it
	// was not, or did not answer.
	decided shared.Activation
	lost    bool
	answer  *shared.Activation
}

func newStoreSource(s Shared, logger *slog.Logger) *storeSource {
	return &storeSource{Shared: s, logger: logger, heard: make(chan struct{}, 1)}
}

// Heard tells of the number of the store's newest activation, zero: there is none. It may be called often, and waits
// for nobody. Without a shared store nothing is done.
func (m *Manager) Heard(number uint64) {
	if m.store != nil && m.store.newest.Swap(number) != number {
		m.store.wake()
	}
}

func (s *storeSource) wake() {
	select {
	case s.heard <- struct{}{}:
	default: // there is one who will look
	}
}

// Name implements source.Source.
func (s *storeSource) Name() string { return s.Shared.Name }

// Close implements source.Source: the store is closed by who opened it.
func (s *storeSource) Close() error { return nil }

// Next implements source.Source.
func (s *storeSource) Next(ctx context.Context) error {
	timer := time.NewTimer(s.interval())
	defer timer.Stop()
	select {
	case <-s.heard:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interval is how long until the store is asked again of itself.
func (s *storeSource) interval() time.Duration {
	wait := lookEvery
	if n := s.failures.Load(); n > 0 {
		wait = min(askFirst<<min(n-1, 16), askMost)
	}
	return wait - wait/5 + rand.N(2*wait/5)
}

// Read implements source.Source. Besides, it returns errNoActivation.
func (s *storeSource) Read(ctx context.Context) (*source.Files, error) {
	files, err := s.read(ctx)
	if err == nil || errors.Is(err, source.ErrUnchanged) || errors.Is(err, errNoActivation) {
		s.failures.Store(0)
		return files, err
	}
	if ctx.Err() == nil && s.failures.Add(1) == 1 {
		s.logger.Warn("the store's policies cannot be read, those in force stay", "error", err)
	}
	if errors.Is(err, consent.ErrUnavailable) {
		err = errStoreAway
	}
	return nil, err
}

func (s *storeSource) read(ctx context.Context) (*source.Files, error) {
	a, ok, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	s.newest.Store(a.Number)
	s.answer, s.lost = &a, s.lost || goneFrom(&a, &s.decided)
	switch {
	case !ok:
		s.forget()
		return nil, errNoActivation
	case a.Number == s.seen.Number && a.Digest == s.seen.Digest:
		return nil, source.ErrUnchanged
	}
	files := s.files
	if files == nil || files.Digest() != a.Digest {
		if files, err = s.fetch(ctx, a); err != nil {
			return nil, err
		}
	}
	s.seen, s.files = a, files
	return files, nil
}

// current is the store's newest activation.
func (s *storeSource) current(ctx context.Context) (shared.Activation, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.Sets.Current(ctx)
}

// fetch returns the files of an activation, which are those of its digest.
func (s *storeSource) fetch(ctx context.Context, a shared.Activation) (*source.Files, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	packed, err := s.Sets.Fetch(ctx, a.Digest)
	if err != nil {
		return nil, fmt.Errorf("fetching activation %d: %w", a.Number, err)
	}
	files, err := source.Verified(packed, a.Digest)
	if err != nil {
		return nil, fmt.Errorf("the files of activation %d, %s: %w: activate them again under another revision", a.Number, a.Digest, err)
	}
	return files, nil
}

// forget has Read return again what it returned last, of which nothing was made.
func (s *storeSource) forget() {
	if s != nil {
		s.seen = shared.Activation{}
	}
}

// cache has Read not fetch what this node has.
func (s *storeSource) cache(files *source.Files) {
	if s != nil {
		s.files = files
	}
}

// adopt notes an activation that this node made.
func (s *storeSource) adopt(a shared.Activation, files *source.Files) {
	s.seen, s.files = a, files
	s.newest.Store(a.Number)
}

// decide notes what is in force: what was seen last.
func (s *storeSource) decide() {
	if s != nil {
		s.decided, s.lost = s.seen, false
	}
}

// decidedBefore notes that a copy is in force. The store may have been read already, and have had another one.
func (s *storeSource) decidedBefore(kept lastGood) {
	s.decided = shared.Activation{Number: kept.number, Digest: kept.files.Digest()}
	s.lost = s.answer != nil && goneFrom(s.answer, &s.decided)
}

// goneFrom reports whether a store whose newest activation is this has lost one that it had.
func goneFrom(newest, had *shared.Activation) bool {
	return newest.Number < had.Number || newest.Number == had.Number && newest.Digest != had.Digest
}

// isLost reports whether the store has lost the activation in force.
func (s *storeSource) isLost() bool { return s != nil && s.lost }

// trusted reports whether files were proven by a server of this build: so says the activation that was read last.
func (s *storeSource) trusted(files *source.Files) bool {
	return s != nil && s.seen.Digest == files.Digest() && s.Prover != "" && s.seen.Prover == s.Prover
}

// match holds a set against the activation that was read last: its files load here as they did there.
func (s *storeSource) match(files *source.Files, set *policy.Set) error {
	if s == nil || s.seen.Digest != files.Digest() || s.seen.Revision == set.Revision() {
		return nil
	}
	return fmt.Errorf("activation %d was of the revision %s, and loads as %s in this version of the server: "+
		"run one version on all nodes, or activate the policies again", s.seen.Number, s.seen.Revision, set.Revision())
}

// inForce is the number of the activation that was read last, and who proved it, if that counts here.
func (s *storeSource) inForce() (number uint64, provenBy string) {
	if s == nil || s.seen.Number == 0 {
		return 0, ""
	}
	if s.Prover != "" && s.seen.Prover == s.Prover && s.seen.ProvenBy != s.Node {
		provenBy = s.seen.ProvenBy
	}
	return s.seen.Number, provenBy
}

const activationMark = ", activation "

// origin is how the kept copy names an activation of the store, numberIn reads that back: false is of another store.
func (s *storeSource) origin(number uint64) string {
	return s.Shared.Name + activationMark + strconv.FormatUint(number, 10)
}

func (s *storeSource) numberIn(origin string) (uint64, bool) {
	text, ok := strings.CutPrefix(origin, s.Shared.Name+activationMark)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(text, 10, 64)
	return number, err == nil
}

// renumbered reports whether the files in force are those of another activation than before.
func (m *Manager) renumbered() bool {
	number, _ := m.store.inForce()
	return m.store != nil && number != m.Status().Number
}

// nameShared says of a set that is about to be put in force that it was activated, where it comes from the store.
func (m *Manager) nameShared() {
	if number, _ := m.store.inForce(); number > 0 {
		m.nameActivated()
	}
}
