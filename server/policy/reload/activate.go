package reload

import (
	"context"
	"errors"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/source"
)

// Activate puts files in force that a caller brings, once they are kept for the next start. Where expected is not
// empty, that revision must be in force; an activation that is repeated, because its answer was lost, succeeds all the
// same.
//
// Errors: *consent.PolicySourceError where policies come from a source; consent.ErrPolicyRevision;
// *consent.PolicyFaultsError for files that are refused; *consent.UnfinishedError for those whose admission ran out of
// time; anything else is this side's. Each of them changes nothing.
func (m *Manager) Activate(ctx context.Context, list []consent.PolicyFile, expected string) (consent.Activated, error) {
	if m.config.Source != nil {
		return consent.Activated{}, &consent.PolicySourceError{Source: m.config.Source.Name()}
	}
	m.attempt.Lock()
	defer m.attempt.Unlock()
	previous := m.config.Active.Current().Revision()
	files, err := source.NewFiles(list)
	if expected != "" && expected != previous {
		repeated := expected == m.activated.Previous && previous == m.activated.Revision
		if repeated && err == nil && m.tried.files.Digest() == files.Digest() {
			return m.activated, nil
		}
		return consent.Activated{}, consent.ErrPolicyRevision
	}
	var set *policy.Set
	if err == nil {
		set, err = m.build(ctx, files)
	}
	if ctx.Err() != nil {
		return consent.Activated{}, ctx.Err()
	}
	if _, again := errors.AsType[*consent.UnfinishedError](err); again {
		return consent.Activated{}, err
	}
	if err != nil {
		return consent.Activated{}, &consent.PolicyFaultsError{Faults: policy.Faults(err)}
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
