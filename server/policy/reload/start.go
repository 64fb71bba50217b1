package reload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/source"
)

// Start puts policies in force: those of the source or of the store, or where that fails the copy that was kept of
// them. Without a source those that were activated last, or else those in the binary. An admission that runs out of
// time is tried again, some times where there is nothing else to start with. The error is why there are none. Nothing
// is written.
func (m *Manager) Start(ctx context.Context) error {
	m.attempt.Lock()
	defer m.attempt.Unlock()
	defer func() { m.config.Observe(m.Status()) }()
	if m.source == nil {
		return m.startWithout(ctx)
	}
	kept := m.readCopy()
	files, err := m.readAtStart(ctx, kept)
	if errors.Is(err, errNoActivation) && kept.err != nil {
		return m.startUnactivated(kept)
	}
	unreadable := err != nil
	var set *policy.Set
	if err == nil {
		began := time.Now()
		set, err = m.build(ctx, files)
		m.note(files, set, err, time.Since(began))
	}
	if err == nil {
		m.swap(set, 0)
		return nil
	}
	return m.startFailing(ctx, kept, tryAtStart{files, err, unreadable})
}

// tryAtStart is a start's attempt that failed. Files is nil where they could not be read.
type tryAtStart struct {
	files      *source.Files
	err        error
	unreadable bool
}

// startFailing starts with the copy where the source failed.
func (m *Manager) startFailing(ctx context.Context, kept lastGood, tried tryAtStart) error {
	last, keptErr := m.startFromCopy(ctx, kept)
	if keptErr != nil && unfinished(tried.err) {
		return m.startPatiently(ctx, tried.files)
	}
	if keptErr != nil {
		return fmt.Errorf("policies: %s: %w", m.source.Name(), errors.Join(asOne(tried.err), keptErr))
	}
	m.swapCopy(last, kept)
	o := m.outcomeOfTried()
	if tried.unreadable {
		o = outcome{err: tried.err, unreadable: true}
	}
	m.failed(o)
	return nil
}

// swapCopy puts the set that was kept in force.
func (m *Manager) swapCopy(last *policy.Set, kept lastGood) {
	if kept.number > 0 {
		m.nameActivated()
		m.store.decidedBefore(kept)
	}
	m.config.Active.Activate(last, m.config.Now())
	m.mu.Lock()
	m.mu.status.LastGood, m.mu.status.Number = true, kept.number
	m.mu.Unlock()
	m.config.Logger.Warn("starting with the last good copy of the policies, their source failed",
		"source", m.source.Name(), "policy_revision", last.Revision(), "copy", string(m.keep))
}

// startAttempts is how many times an admission that runs out of time is tried where there is nothing else to start
// with.
const startAttempts = 5

// patiently builds files again while their admission runs out of time, up to startAttempts times.
func (m *Manager) patiently(ctx context.Context, files *source.Files) (*policy.Set, error) {
	for times := 1; ; times++ {
		began := time.Now()
		set, err := m.build(ctx, files)
		if !unfinished(err) || times == startAttempts {
			return set, err
		}
		wait := retryIn(times, 0)
		m.config.Logger.Warn("the policies' admission ran out of time: it will be tried again before the start",
			"source", m.Status().Source, "error", err, "took", time.Since(began), "again_in", wait, "attempt", times, "of", startAttempts)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// startPatiently starts with the source's files, whose admission ran out of time once.
func (m *Manager) startPatiently(ctx context.Context, files *source.Files) error {
	set, err := m.patiently(ctx, files)
	if err != nil {
		return fmt.Errorf("policies: %s: %w: make them fewer or faster, or start where the machine has more to give",
			m.source.Name(), asOne(err))
	}
	m.tried = tried{files: files, unkept: true}
	m.swap(set, 0)
	return nil
}

// asOne is an error of all faults, each in one line with its place.
func asOne(err error) error { return &consent.PolicyFaultsError{Faults: policy.Faults(err)} }

// startPatience is how long a start waits for a source that has not answered, where it can begin with the copy instead.
// The source is then asked again at once, beside the first checks.
const startPatience = 3 * time.Second

// readAtStart reads the source, within startPatience where there is a copy.
func (m *Manager) readAtStart(ctx context.Context, kept lastGood) (*source.Files, error) {
	if kept.err != nil {
		return m.read(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	files, err := m.read(limited)
	m.hurried = err != nil && limited.Err() != nil
	return files, err
}

// lastGood is the copy that was kept of the source, or why there is none; none says that nothing was kept. Number is
// that of the activation that it was.
type lastGood struct {
	files  *source.Files
	number uint64
	none   bool
	err    error
}

func (m *Manager) readCopy() lastGood {
	files, origin, err := m.keep.Read()
	if errors.Is(err, archive.ErrNoCopy) {
		return lastGood{none: true, err: errors.New("there is no last good copy to start with: " + m.remedy())}
	}
	if err != nil {
		return lastGood{err: err}
	}
	number, own := uint64(0), origin == m.source.Name()
	if m.store != nil {
		number, own = m.store.numberIn(origin)
	}
	if !own {
		return lastGood{err: fmt.Errorf(
			"the last good copy is of another source, %s: mend the policies, start with that source, or remove %s", origin, m.keep)}
	}
	m.store.cache(files)
	return lastGood{files: files, number: number}
}

// remedy is what to do where there is nothing to start with.
func (m *Manager) remedy() string {
	if m.store != nil {
		return "start the node when the store can be reached, and has policies that this version of the server loads"
	}
	return "mend the policies, or leave --policies away"
}

// startFromCopy returns the set that was kept of the same source. Its error is nil only with a set.
func (m *Manager) startFromCopy(ctx context.Context, kept lastGood) (*policy.Set, error) {
	if kept.err != nil {
		return nil, kept.err
	}
	set, err := m.patiently(ctx, kept.files)
	if err != nil {
		return nil, fmt.Errorf("the last good copy %s does not load any more: %w", m.keep, asOne(err))
	}
	return set, nil
}

// startWithout starts without a source.
func (m *Manager) startWithout(ctx context.Context) error {
	files, _, err := m.keep.Read()
	if errors.Is(err, archive.ErrNoCopy) {
		return m.startEmbedded()
	}
	if err != nil {
		return err
	}
	return m.startActivated(ctx, files)
}

// startEmbedded starts with the policies in the binary.
func (m *Manager) startEmbedded() error {
	set, err := m.config.Loader.Read(m.config.Embedded)
	if err != nil {
		return fmt.Errorf("the embedded policies: %w", asOne(err))
	}
	m.swap(set, 0)
	return nil
}

func (m *Manager) startActivated(ctx context.Context, files *source.Files) error {
	set, err := m.patiently(ctx, files)
	if err != nil {
		return fmt.Errorf("the activated policies %s do not load any more: remove the file to start with those in the binary: %w",
			m.keep, asOne(err))
	}
	m.nameActivated()
	m.config.Logger.Info("starting with the policies that were activated, not with those in the binary",
		"policy_revision", set.Revision(), "copy", string(m.keep))
	m.swap(set, 0)
	return nil
}

// activatedOrigin names in a copy that it was activated.
const activatedOrigin = "ActivatePolicy"

func (m *Manager) nameActivated() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.status.Source = activatedOrigin
}
