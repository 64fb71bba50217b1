package reload

import (
	"context"
	"errors"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/source"
)

// Start puts policies in force: those of the source, or where that fails the copy that was kept of them. Without a source
// those that were activated last, or else those in the binary. The error is why there are none. Nothing is written.
func (m *Manager) Start(ctx context.Context) error {
	m.attempt.Lock()
	defer m.attempt.Unlock()
	defer func() { m.config.Observe(m.Status()) }()
	if m.config.Source == nil {
		return m.startWithout(ctx)
	}
	files, err := m.config.Source.Read(ctx)
	unreadable := err != nil
	var set *policy.Set
	if err == nil {
		set, err = m.build(ctx, files)
		m.tried = tried{files: files, err: err, unkept: err == nil}
	}
	if err == nil {
		m.swap(set, 0)
		return nil
	}
	if set != nil {
		m.tried.revision = set.Revision()
	}
	kept, keptErr := m.startFromCopy(ctx)
	if keptErr != nil {
		return fmt.Errorf("policies: %s: %w", m.config.Source.Name(), errors.Join(asOne(err), keptErr))
	}
	m.config.Active.Activate(kept, m.config.Now())
	m.mu.Lock()
	m.mu.status.LastGood = true
	m.mu.Unlock()
	m.config.Logger.Warn("starting with the last good copy of the policies, their source failed",
		"source", m.config.Source.Name(), "policy_revision", kept.Revision(), "copy", string(m.keep))
	m.failed(outcome{err: err, unreadable: unreadable, revision: m.tried.revision})
	return nil
}

// asOne is an error of all faults, each in one line with its place.
func asOne(err error) error { return &consent.PolicyFaultsError{Faults: policy.Faults(err)} }

// startFromCopy returns the set that was kept of the same source. Its error is nil only with a set; where there is no copy,
// it is empty of words.
func (m *Manager) startFromCopy(ctx context.Context) (*policy.Set, error) {
	files, origin, err := m.keep.Read()
	switch {
	case errors.Is(err, archive.ErrNoCopy):
		return nil, errors.New("there is no last good copy to start with: mend the policies, or leave --policies away")
	case err != nil:
		return nil, err
	case origin != m.origin:
		return nil, fmt.Errorf("the last good copy is of another source, %s: mend the policies, or start with that source", origin)
	}
	set, err := m.build(ctx, files)
	if err != nil {
		return nil, fmt.Errorf("the last good copy %s does not load any more: %w", m.keep, asOne(err))
	}
	return set, nil
}

// startWithout starts without a source.
func (m *Manager) startWithout(ctx context.Context) error {
	files, _, err := m.keep.Read()
	if errors.Is(err, archive.ErrNoCopy) {
		set, err := m.config.Loader.Load(m.config.Embedded)
		if err != nil {
			return fmt.Errorf("the embedded policies: %w", asOne(err))
		}
		m.swap(set, 0)
		return nil
	}
	if err != nil {
		return err
	}
	return m.startActivated(ctx, files)
}

func (m *Manager) startActivated(ctx context.Context, files *source.Files) error {
	set, err := m.build(ctx, files)
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
