package reload

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
)

// Activate puts files in force that a caller brings, once they are kept for the next start: in the store, where nodes
// share one, and then on this node; the others hear of it. Where a revision is expected that must be in force; an
// activation that is repeated, because its answer was lost, succeeds all the same.
//
// Errors: *consent.PolicySourceError where policies come from a source; consent.ErrPolicyRevision, also where another
// activation came in between on a shared store; *consent.PolicyFaultsError for files that are refused;
// *consent.UnfinishedError for those whose admission ran out of time; anything else is this side's. Each of them
// changes nothing, but for consent.ErrUnavailable: a store that could not be reached may have activated it, and
// repeating it tells.
func (m *Manager) Activate(ctx context.Context, c consent.Candidate) (consent.Activated, error) {
	if m.config.Source != nil {
		return consent.Activated{}, &consent.PolicySourceError{Source: m.config.Source.Name()}
	}
	if m.store != nil {
		return m.activateShared(ctx, c)
	}
	m.attempt.Lock()
	defer m.attempt.Unlock()
	previous := m.config.Active.Current().Revision()
	files, err := source.NewFiles(c.Files)
	if c.Expected != "" && c.Expected != previous {
		repeated := c.Expected == m.activated.Previous && previous == m.activated.Revision
		if repeated && err == nil && m.tried.files.Digest() == files.Digest() {
			return m.activated, nil
		}
		return consent.Activated{}, consent.ErrPolicyRevision
	}
	if err != nil {
		return consent.Activated{}, refused(err)
	}
	set, err := m.candidate(ctx, files)
	if err != nil {
		return consent.Activated{}, err
	}
	if err := m.keepActivated(set, files); err != nil {
		return consent.Activated{}, err
	}
	m.nameActivated()
	m.swap(set, 0)
	m.config.Observe(m.Status())
	m.tried = tried{files: files, revision: set.Revision()}
	m.activated = consent.Activated{Revision: set.Revision(), Previous: previous, At: m.config.Active.Describe().ActivatedAt}
	return m.activated, nil
}

// refused is the error of files that are refused.
func refused(err error) error { return &consent.PolicyFaultsError{Faults: policy.Faults(err)} }

// candidate loads and admits files that are to be put in force. Its errors are those of Activate.
func (m *Manager) candidate(ctx context.Context, files *source.Files) (*policy.Set, error) {
	set, err := m.prove(ctx, files)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case unfinished(err):
		return nil, err
	case err != nil:
		return nil, refused(err)
	}
	return set, nil
}

// keepActivated keeps a set for explanations and for the next start. What is kept of a set that is refused after all is
// removed with the next change.
func (m *Manager) keepActivated(set *policy.Set, files *source.Files) error {
	if m.config.Archive != nil {
		if err := m.config.Archive.Keep(set); err != nil {
			return err
		}
	}
	if err := m.keep.Write(files, activatedOrigin); err != nil {
		return fmt.Errorf("keeping the policies: %w", err)
	}
	return nil
}
