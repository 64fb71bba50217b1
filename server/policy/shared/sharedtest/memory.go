package sharedtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/shared"
)

// Memory is a shared.Sets in memory, for tests of those who use one. The zero value is empty. All methods may be called
// concurrently.
type Memory struct {
	mu struct {
		sync.Mutex
		sets        map[string]shared.Set
		activations []shared.Activation
		// fail is what every call fails with; nil: none does.
		fail error
		// harm changes what is fetched; nil: nothing does.
		harm    func([]byte) []byte
		fetches int
	}
}

// Break has every call fail with consent.ErrUnavailable until mend is called, as a database that cannot be reached.
func (m *Memory) Break() (mend func()) {
	set := func(err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.mu.fail = err
	}
	set(fmt.Errorf("%w: the test broke it", consent.ErrUnavailable))
	return func() { set(nil) }
}

// Harm has Fetch return what harm makes of a set's files; nil ends that.
func (m *Memory) Harm(harm func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.harm = harm
}

// Fetches is how many sets were fetched.
func (m *Memory) Fetches() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.fetches
}

// Lose takes activations back but for the oldest ones, as an old backup that is restored does.
func (m *Memory) Lose(keep int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.activations = m.mu.activations[:keep]
}

// begin locks m and returns why a call fails.
func (m *Memory) begin(ctx context.Context) error {
	m.mu.Lock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", consent.ErrUnavailable, err)
	}
	return m.mu.fail
}

// Put implements shared.Sets.
func (m *Memory) Put(ctx context.Context, s shared.Set) error {
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return err
	}
	if _, kept := m.mu.sets[s.Digest]; kept {
		return nil
	}
	if m.mu.sets == nil {
		m.mu.sets = map[string]shared.Set{}
	}
	s.Packed, s.Controllers = bytes.Clone(s.Packed), slices.Clone(s.Controllers)
	m.mu.sets[s.Digest] = s
	return nil
}

// Activate implements shared.Sets.
func (m *Memory) Activate(ctx context.Context, a shared.Activation) error {
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return err
	}
	set, kept := m.mu.sets[a.Digest]
	if !kept {
		return shared.ErrNoSet
	}
	if a.Number != uint64(len(m.mu.activations))+1 {
		return consent.ErrPolicyRevision
	}
	a.Revision, a.Controllers = set.Revision, slices.Clone(set.Controllers)
	a.At -= a.At % 1000
	m.mu.activations = append(m.mu.activations, a)
	return nil
}

// Current implements shared.Sets.
func (m *Memory) Current(ctx context.Context) (shared.Activation, bool, error) {
	newest, err := m.History(ctx, 1)
	if err != nil || len(newest) == 0 {
		return shared.Activation{}, false, err
	}
	return newest[0], true, nil
}

// Fetch implements shared.Sets.
func (m *Memory) Fetch(ctx context.Context, digest string) ([]byte, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	set, kept := m.mu.sets[digest]
	if !kept {
		return nil, shared.ErrNoSet
	}
	m.mu.fetches++
	packed := bytes.Clone(set.Packed)
	if m.mu.harm != nil {
		packed = m.mu.harm(packed)
	}
	return packed, nil
}

// History implements shared.Sets.
func (m *Memory) History(ctx context.Context, limit int) ([]shared.Activation, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	newest := slices.Clone(m.mu.activations[max(0, len(m.mu.activations)-limit):])
	slices.Reverse(newest)
	return newest, nil
}
