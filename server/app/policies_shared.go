package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/version"
)

// sharedStore is what nodes share of policies, and what the store is called, without a password.
type sharedStore struct {
	sets shared.Sets
	name string
}

// sharePolicies has the policies be those of the store that several nodes have. A configured source of this node's own
// wins: nothing is shared then.
func (a *App) sharePolicies(c *reload.Config, kept *archive.Config) {
	if a.config.shared == nil || c.Source != nil {
		return
	}
	c.Shared = &reload.Shared{
		Sets: a.config.shared.sets, Name: a.config.shared.name, Node: a.node.named(),
		Prover: buildName(version.Version(), version.Commit()),
	}
	kept.Sets = a.config.shared.sets
}

// policiesTried is called after each attempt to load policies.
func (a *App) policiesTried(consent.PolicyStatus) {
	if a.report != nil {
		a.report.tell()
	}
}

// activation is the number of the store's activation that this node decides by; zero: none that the store has.
func (a *App) activation() uint64 {
	s := a.manager.Status()
	if s.Lost {
		return 0
	}
	return s.Number
}

// buildName names this build, so that what one node proved counts on others that would prove it the same way. A commit
// names a build, unless files had changed since; then the program's own bytes do. Empty: nothing does.
func buildName(version, commit string) string {
	if commit != "unknown" && !strings.HasSuffix(commit, "+changes") {
		return version + ", commit " + commit
	}
	sum, err := ownDigest()
	if err != nil {
		return ""
	}
	return version + ", program " + sum
}

// ownDigest is the SHA-256 of the running program.
var ownDigest = sync.OnceValues(func() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = program.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, program); err != nil {
		return "", fmt.Errorf("reading the program: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})

// policyReport is what this node tells other nodes of its policies: the number of the activation that it, and the
// caches behind it, decide by. It follows the number that this node decides by, once its caches have confirmed. Start
// it once, and Close it.
type policyReport struct {
	// decided is the number that this node decides by, fence waits for the caches behind it.
	decided func() uint64
	fence   func(context.Context) error

	// told is called after Number has changed; nil: nobody is told.
	told func()

	confirmed atomic.Uint64
	changed   chan struct{}
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

func newPolicyReport(decided func() uint64, fence func(context.Context) error) *policyReport {
	return &policyReport{decided: decided, fence: fence, changed: make(chan struct{}, 1)}
}

// Number is what is told.
func (r *policyReport) Number() uint64 { return r.confirmed.Load() }

// tell is told that this node may decide by another activation. It waits for nobody.
func (r *policyReport) tell() {
	select {
	case r.changed <- struct{}{}:
	default: // there is one who will look
	}
}

// start follows until Close. No cache is behind a node that starts, so what it decides by now is what it tells.
func (r *policyReport) start() {
	r.confirmed.Store(r.decided())
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() {
		for {
			select {
			case <-r.changed:
				r.confirm(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
}

// confirm tells what this node decided by before its caches confirmed all that they were told: what came later is told
// of by another change. A fence lasts as long as leases do, at most, and fails with its context alone.
func (r *policyReport) confirm(ctx context.Context) {
	number := r.decided()
	if number != r.confirmed.Load() && r.fence(ctx) == nil {
		r.confirmed.Store(number)
		if r.told != nil {
			r.told()
		}
	}
}

// Close ends it.
func (r *policyReport) Close() {
	if r.cancel != nil {
		r.cancel()
	}
	r.done.Wait()
}
