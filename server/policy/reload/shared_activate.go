package reload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/source"
)

// activateShared is Activate in a store. Nothing is held meanwhile that keeps this node from following what another one
// activates.
func (m *Manager) activateShared(ctx context.Context, c consent.Candidate) (consent.Activated, error) {
	m.activating.Lock()
	defer m.activating.Unlock()
	newest, _, err := m.store.current(ctx)
	if err != nil {
		return consent.Activated{}, fmt.Errorf("reading the newest activation: %w", err)
	}
	files, fault := source.NewFiles(c.Files)
	if fault == nil && newest.Number > 0 && newest.Digest == files.Digest() &&
		(c.Expected == "" || c.Expected == newest.Previous || c.Expected == newest.Revision) {
		m.reload(ctx) // this node may not have heard of it
		return activatedAs(newest), nil
	}
	previous := newest.Revision
	if newest.Number == 0 {
		previous = m.revision()
	}
	if c.Expected != "" && c.Expected != previous {
		return consent.Activated{}, consent.ErrPolicyRevision
	}
	if fault != nil {
		return consent.Activated{}, refused(fault)
	}
	began := time.Now()
	set, err := m.candidate(ctx, files)
	if err != nil {
		return consent.Activated{}, err
	}
	now := max(m.config.Now(), newest.At)
	a := shared.Activation{
		Number: newest.Number + 1, Digest: files.Digest(), Revision: set.Revision(), Controllers: controllersOf(set), Previous: previous,
		ProvenBy: m.store.Node, Prover: m.store.Prover, At: now - now%microsecond, By: c.By,
	}
	if err := m.publish(ctx, a, files); err != nil {
		return consent.Activated{}, err
	}
	return m.adopt(ctx, a, built{set, files, began})
}

// microsecond is as exact as stores keep when an activation was.
const microsecond = 1000

func activatedAs(a shared.Activation) consent.Activated {
	return consent.Activated{Revision: a.Revision, Previous: a.Previous, At: a.At, Number: a.Number}
}

func controllersOf(set *policy.Set) (ids []string) {
	for _, c := range set.Describe().Controllers {
		ids = append(ids, c.ID)
	}
	return ids
}

// publish puts an activation's set into the store.
func (m *Manager) publish(ctx context.Context, a shared.Activation, files *source.Files) error {
	packed, err := files.Zip("")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	set := shared.Set{Digest: a.Digest, Revision: a.Revision, Controllers: a.Controllers, Packed: packed}
	if err := m.store.Sets.Put(ctx, set); err != nil {
		return fmt.Errorf("putting the policies into the store: %w", err)
	}
	return nil
}

// built is a set that this node loaded and admitted.
type built struct {
	set   *policy.Set
	files *source.Files
	began time.Time
}

// adopt makes an activation the store's newest, and puts it in force here. What cannot be kept in the data directory is
// logged and counted: the store has it.
func (m *Manager) adopt(ctx context.Context, a shared.Activation, b built) (consent.Activated, error) {
	m.attempt.Lock()
	defer m.attempt.Unlock()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := m.store.Sets.Activate(ctx, a); err != nil {
		m.store.wake() // whatever is newest by now
		return consent.Activated{}, fmt.Errorf("activating in the store: %w", err)
	}
	m.store.adopt(a, b.files)
	m.tried = tried{files: b.files, revision: a.Revision, unkept: true}
	m.swap(b.set, time.Since(b.began))
	m.keepTried()
	m.config.Observe(m.Status())
	return activatedAs(a), nil
}

// startUnactivated starts where the store has no activation, and nothing was kept of it: with the policies in the
// binary. What this directory has of other times may deny what those allow, so a start with it is refused.
func (m *Manager) startUnactivated(kept lastGood) error {
	if !kept.none {
		return fmt.Errorf("the store has no activation of policies, and there is a copy of some: "+
			"remove %s to start with those in the binary: %w", m.keep, kept.err)
	}
	if _, _, err := m.ownCopy().Read(); !errors.Is(err, archive.ErrNoCopy) {
		return fmt.Errorf("policies were activated on this node before it shared a store, which has no activation: "+
			"remove %s to start with those in the binary, and activate them on the store (consentctl policy activate)", m.ownCopy())
	}
	return m.startEmbedded()
}
