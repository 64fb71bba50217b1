package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/source"
)

// activatedBy is the source of spans that are activations.
const activatedBy = "ActivatePolicy"

// activations are the store's, the newest first. They are read whole only where there is one that is not known yet:
// none is ever changed, but an old backup that was restored has fewer of them.
func (a *Archive) activations(ctx context.Context) ([]shared.Activation, error) {
	newest, ok, err := a.config.Sets.Current(ctx)
	if err != nil || !ok {
		return nil, asHistory(err)
	}
	a.known.Lock()
	known := a.known.activations
	a.known.Unlock()
	if len(known) > 0 && known[0].Number == newest.Number && known[0].Digest == newest.Digest && known[0].At == newest.At {
		return known, nil
	}
	if known, err = a.config.Sets.History(ctx, maxSpans); err != nil {
		return nil, asHistory(err)
	}
	a.known.Lock()
	defer a.known.Unlock()
	a.known.activations = known
	return known, nil
}

func asHistory(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading the store's history of policies: %w", err)
}

// spansOf are the spans of activations, in their order.
func spansOf(activations []shared.Activation) []consent.PolicySpan {
	spans := make([]consent.PolicySpan, len(activations))
	var until consent.Instant
	for i, a := range activations {
		spans[i] = consent.PolicySpan{
			Revision: a.Revision, From: a.At, Until: until, Source: activatedBy, Controllers: a.Controllers, Kept: true,
			Number: a.Number, By: a.By, ProvenBy: a.ProvenBy,
		}
		until = a.At
	}
	return spans
}

// before are the spans of a node, as far as they come before the first activation of its store.
func before(own []consent.PolicySpan, activations []shared.Activation) (earlier []consent.PolicySpan) {
	if len(activations) == 0 {
		return own
	}
	first := activations[len(activations)-1].At
	for _, s := range own {
		if s.From >= first {
			continue
		}
		if s.Until == 0 || s.Until > first {
			s.Until = first
		}
		earlier = append(earlier, s)
	}
	return earlier
}

// loadShared loads a set that the store has.
func (a *Archive) loadShared(ctx context.Context, revision string) (*policy.Set, error) {
	activations, err := a.activations(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(activations, func(a shared.Activation) bool { return a.Revision == revision })
	if i < 0 {
		return nil, &consent.PolicyNotKeptError{Revision: revision, Why: "neither this node nor the store has them"}
	}
	packed, err := a.config.Sets.Fetch(ctx, activations[i].Digest)
	if err != nil {
		return nil, fmt.Errorf("fetching policies from the store: %w", err)
	}
	files, err := source.Verified(packed, activations[i].Digest)
	if err != nil {
		return nil, a.unusable(revision, "the store's copy is damaged, as the server's log says", err)
	}
	return a.loadFiles(files, revision)
}
