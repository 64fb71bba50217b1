// Package reload keeps the policies in force those of their source.
//
// A Manager reads policies, loads and admits them off the request path, and puts a set in force whole, by one atomic
// store: checks never wait for it and never see half of it. Whatever goes wrong on the way (a source that cannot be
// read, a fault in a file, a set that is not admitted, a panic) changes nothing: the last good set stays, and status,
// counters and one line in the log say what, where and why.
//
// The files of the set in force are kept in the data directory (archive.Copy), so that a restart does not depend on the
// source: where it is unreachable or bad, the server starts with the copy and says so. A first start without a copy
// fails, and so does one with a damaged copy, because what is older or from elsewhere could allow what the last good
// set denies. That copy has the tests too, which admission asks for, and is a file that an operator may remove; the
// archive, which is told of each set that is put in force, keeps what decides, for explanations. Neither stands in for
// the other.
//
// Without a source the policies are those in the binary until others are activated by Activate, which are kept likewise
// and then survive restarts. Those in the binary were admitted when it was built and tested, so they are not admitted
// again.
//
// Where nodes share a store, sets that are activated live in it (Config.Shared), and the store is what a manager
// follows: the node that Activate is called on admits a set, once, puts it into the store and makes it the newest by
// comparing and setting; every other node fetches it by its digest, verifies and loads it, trusts the proof if a server
// of the same build made it, and else proves it itself, and switches. What the store has wins over the kept copy, which
// a start uses where the store cannot be asked, and the policies in the binary count only while the store has no
// activation. A node that cannot fetch, load or prove what is newest keeps its last good set, is Behind by its status,
// and tries again. A source that is configured wins on its node: that node activates nothing, and follows nothing of
// the store's.
package reload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/source"
)

// Admission proves a set before it is put in force; files are all of its files, tests included. Its error is why the
// set is refused; *consent.PolicyFaultsError gives places.
type Admission func(ctx context.Context, files fs.FS, set *policy.Set) error

// Config says what a Manager works on. All fields but Admit, Logger and Observe are required, Source or Embedded of the
// two.
type Config struct {
	Loader *policy.Loader
	Active *policy.Active
	// Source is where policies come from; the manager closes it. Nil: from the binary, and from Activate.
	Source source.Source
	// Shared is the store whose nodes share what is activated. Nil, or a Source: this node decides for itself.
	Shared *Shared
	// Embedded are the policies in the binary.
	Embedded fs.FS
	// Admit is asked before a set is put in force. Nil: what loads is admitted.
	Admit Admission
	// Dir is where copies are kept. It is made when the first is.
	Dir string
	// Archive is told which sets are in force, and when. Nil: nobody is.
	Archive *archive.Archive
	Now     func() consent.Instant
	// Logger gets one line per change and per failure that is not the same as the last. Nil: there is no log.
	Logger *slog.Logger
	// Observe is called at the end of each attempt with what came of it, by the goroutine that made it; the next one
	// waits for it. Nil: nobody is told.
	Observe func(consent.PolicyStatus)
}

// Counts count attempts by how they ended, since the manager was made.
type Counts struct {
	// Activated put a set in force; Unchanged found the set in force; Refused found faults; Unreadable did not get the
	// files; Unfinished ran out of time, and will be tried again.
	Activated, Unchanged, Refused, Unreadable, Unfinished uint64
	// Unkept counts copies that could not be written, for the next start and in the archive.
	Unkept uint64
}

// Manager keeps the policies in force those of their source. Start it once, then Watch it once, and Close it. Status,
// Counts and Activate may be called concurrently.
type Manager struct {
	config Config
	keep   archive.Copy
	// source is what is followed, the configured source or the store; nil: nothing is. store is the latter.
	source source.Source
	store  *storeSource
	// activating is held during an activation in the store; before attempt, where both are.
	activating sync.Mutex
	// attempt is held during an attempt: there is one at a time. It guards tried, activated and owner.
	attempt sync.Mutex
	// owner is whether the data directory is this process's, so that it may be written.
	owner bool
	// tried is what the last attempt made of files, activated what the last activation came to.
	tried     tried
	activated consent.Activated
	// hurried is whether the start did not wait for the source.
	hurried bool

	mu struct {
		sync.Mutex
		status consent.PolicyStatus
		counts Counts
	}

	// asked has those who wait in Reload.
	asked chan chan<- struct{}

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// tried is what became of files.
type tried struct {
	files    *source.Files
	revision string
	err      error
	// again is when they are to be tried again, because they ran out of time for the times-th time in a row; zero: not.
	again time.Time
	times int
	// unkept is whether they are in force and not kept yet.
	unkept bool
}

// New returns a manager. Nothing is read until Start.
func New(c Config) *Manager {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(consent.PolicyStatus) {}
	}
	m := &Manager{config: c, asked: make(chan chan<- struct{})}
	m.keep = m.ownCopy()
	m.mu.status.Source = "the binary"
	switch {
	case c.Source != nil:
		m.source, m.keep = c.Source, archive.Copy(filepath.Join(c.Dir, "last-good.zip"))
		m.mu.status.Source = c.Source.Name()
	case c.Shared != nil:
		m.store = newStoreSource(*c.Shared, c.Logger)
		m.source, m.keep = m.store, archive.Copy(filepath.Join(c.Dir, "shared.zip"))
	}
	return m
}

// ownCopy is the copy of what was activated on a node that shares nothing.
func (m *Manager) ownCopy() archive.Copy {
	return archive.Copy(filepath.Join(m.config.Dir, "activated.zip"))
}

// origin names in the copy where policies come from.
func (m *Manager) origin() string {
	switch {
	case m.store != nil:
		return m.store.origin(m.Status().Number)
	case m.source != nil:
		return m.source.Name()
	}
	return activatedOrigin
}

// Status tells how things stand.
func (m *Manager) Status() consent.PolicyStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.mu.status
	if m.store != nil {
		s.Newest = m.store.newest.Load()
	}
	return s
}

// Follows reports whether there is something that policies are read from again: a source, or a store.
func (m *Manager) Follows() bool { return m.source != nil }

// Counts returns the counters.
func (m *Manager) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.counts
}

// Watch keeps what Start put in force, and follows the source from now on until Close. The data directory must be this
// process's by now.
func (m *Manager) Watch() {
	m.attempt.Lock()
	defer m.attempt.Unlock()
	m.owner = true
	m.archive(m.config.Active.Current(), m.config.Active.Describe().ActivatedAt)
	m.keepTried()
	if m.source == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.done.Go(func() { m.follow(ctx) })
}

// Close ends following the source and waits for an attempt under way, which it cancels.
func (m *Manager) Close() error {
	if m.cancel != nil {
		m.cancel()
	}
	m.done.Wait()
	m.attempt.Lock()
	defer m.attempt.Unlock()
	if set := m.config.Active.Current(); set != nil {
		m.archive(set, m.config.Now())
	}
	if m.source != nil {
		return m.source.Close()
	}
	return nil
}

// reload reads the source and puts what it has in force, if that is new and good.
func (m *Manager) reload(ctx context.Context) {
	m.attempt.Lock()
	defer m.attempt.Unlock()
	defer func() {
		if ctx.Err() != nil {
			m.store.forget()
		}
	}()
	files, err := m.read(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, source.ErrUnchanged), err == nil && m.tried.files != nil && files.Digest() == m.tried.files.Digest():
		m.settled(ctx)
	case errors.Is(err, errNoActivation) && m.Status().Number == 0:
		m.succeeded(false)
	case err != nil:
		m.failed(outcome{err: err, unreadable: true})
	default:
		m.try(ctx, files)
	}
	m.config.Observe(m.Status())
}

// read reads the source. What it is sent comes from outside: a panic over it is a failure to read.
func (m *Manager) read(ctx context.Context) (files *source.Files, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading panicked: %v: report it, with the policies", p)
		}
	}()
	return m.source.Read(ctx)
}

// try loads files and puts them in force.
func (m *Manager) try(ctx context.Context, files *source.Files) {
	began := time.Now()
	set, err := m.build(ctx, files)
	if ctx.Err() != nil {
		return
	}
	m.note(files, set, err, time.Since(began))
	if err != nil {
		m.failed(m.outcomeOfTried())
		return
	}
	m.swap(set, time.Since(began))
	m.keepTried()
}

// note notes what became of files.
func (m *Manager) note(files *source.Files, set *policy.Set, err error, took time.Duration) {
	times := 1
	if m.tried.files != nil && m.tried.files.Digest() == files.Digest() {
		times = m.tried.times + 1
	}
	m.tried = tried{files: files, err: err, unkept: err == nil}
	if set != nil {
		m.tried.revision = set.Revision()
	}
	// What is newest in the store may load elsewhere: it is not given up.
	if unfinished(err) || err != nil && m.store != nil {
		m.tried.times, m.tried.again = times, time.Now().Add(retryIn(times, took))
	}
}

// unfinished reports whether an admission ran out of time, so that the same files are worth another try.
func unfinished(err error) bool {
	_, ok := errors.AsType[*consent.UnfinishedError](err)
	return ok
}

// outcomeOfTried is that of the files that were tried last and not put in force.
func (m *Manager) outcomeOfTried() outcome {
	o := outcome{err: m.tried.err, revision: m.tried.revision, unfinished: unfinished(m.tried.err)}
	if !m.tried.again.IsZero() {
		o.retry = max(time.Until(m.tried.again), 1)
	}
	return o
}

// settled notes that the source has what was tried last: where it could not be read since, that is over. What ran out
// of time is tried again when its time has come.
func (m *Manager) settled(ctx context.Context) {
	m.archive(m.config.Active.Current(), m.config.Now()) // what could not be written before
	switch {
	case m.tried.err == nil:
		m.tried.unkept = m.tried.unkept || m.renumbered()
		m.succeeded(false)
		m.keepTried()
	case !m.tried.again.IsZero() && !time.Now().Before(m.tried.again):
		m.try(ctx, m.tried.files)
	default:
		o := m.outcomeOfTried()
		o.repeated = true
		m.failed(o)
	}
}

// build loads files and has them admitted, unless their proof counts already. A set that is returned with an error is
// refused.
func (m *Manager) build(ctx context.Context, files *source.Files) (set *policy.Set, err error) {
	if trusted := m.store.trusted(files); !trusted {
		set, err = m.prove(ctx, files)
	} else {
		set, err = m.load(files)
	}
	if err == nil {
		err = m.store.match(files, set)
	}
	return set, err
}

// prove loads files and has them admitted, whoever proved them before.
func (m *Manager) prove(ctx context.Context, files *source.Files) (set *policy.Set, err error) {
	defer panicked(&err)
	if set, err = m.load(files); err != nil || m.config.Admit == nil {
		return set, err
	}
	return set, m.config.Admit(ctx, files.FS(), set)
}

func (m *Manager) load(files *source.Files) (set *policy.Set, err error) {
	defer panicked(&err)
	return m.config.Loader.Read(files.FS())
}

// panicked, deferred, makes an error of a panic over policies.
func panicked(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("loading panicked: %v: report it, with the policies", p)
	}
}

// swap puts a set in force, unless it is already.
func (m *Manager) swap(set *policy.Set, took time.Duration) {
	m.nameShared()
	previous := m.config.Active.Current()
	changed := previous == nil || previous.Revision() != set.Revision()
	now := m.config.Now()
	m.archive(set, now)
	if changed {
		m.config.Active.Activate(set, now)
	}
	m.succeeded(changed)
	if changed && previous != nil {
		s := m.Status()
		m.config.Logger.Info("policies activated", "source", s.Source, "policy_revision", set.Revision(),
			"previous", previous.Revision(), "took", took, "activation", s.Number, "proven_by", s.ProvenBy)
	}
}

// keepTried keeps the files in force, if they are not kept yet.
func (m *Manager) keepTried() {
	if !m.tried.unkept {
		return
	}
	if err := m.keep.Write(m.tried.files, m.origin()); err != nil {
		m.config.Logger.Error("the copy of the policies in force could not be kept: a restart needs their source", "error", err)
		m.unkept()
		return
	}
	m.tried.unkept = false
}

// archive notes that a set is in force from an instant on, if it is not noted yet. What cannot be written does not keep
// the set from being in force; the next attempt tries again.
func (m *Manager) archive(set *policy.Set, at consent.Instant) {
	if !m.owner || m.config.Archive == nil {
		return
	}
	if err := m.config.Archive.Begin(set, m.Status().Source, at); err != nil {
		m.config.Logger.Error("the policies in force could not be kept: what is decided by them may not be explained by them later",
			"policy_revision", set.Revision(), "error", err)
		m.unkept()
	}
}

func (m *Manager) unkept() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.counts.Unkept++
}
