package reload

import (
	"slices"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// outcome is an attempt that failed.
type outcome struct {
	err error
	// unreadable is whether the files could not be read; else they were refused.
	unreadable bool
	// revision is the digest of the refused set; empty if it did not get that far.
	revision string
	// unfinished is whether they ran out of time: nothing is known to be wrong with them.
	unfinished bool
	// retry is how long until the same files are tried again; zero: they are not.
	retry time.Duration
	// repeated is whether nothing was tried: the source still has what was refused before.
	repeated bool
}

// failed notes an attempt that failed, and logs it unless it failed as the last one did.
func (m *Manager) failed(o outcome) {
	faults := policy.Faults(o.err)
	revision := o.revision
	if o.unfinished {
		revision = "" // nothing is refused
		for i := range faults {
			faults[i].Message += ": it will be tried again"
		}
	}
	m.mu.Lock()
	s := &m.mu.status
	same := slices.Equal(s.Faults, faults) && s.RefusedRevision == revision
	s.AttemptedAt, s.Lost = m.config.Now(), m.store.isLost()
	if !o.repeated || !same {
		s.Failures++
		m.mu.counts.failed(o)
	}
	s.Faults, s.RefusedRevision, s.RetryAt = faults, revision, 0
	if o.retry > 0 {
		s.RetryAt = s.AttemptedAt + consent.Instant(o.retry)
	}
	status := *s
	m.mu.Unlock()
	switch {
	case o.unfinished && !o.repeated:
		m.config.Logger.Warn("the policies' admission ran out of time, those in force stay",
			"source", status.Source, "error", text(faults), "again_in", o.retry, "policy_revision", m.revision(),
			"tried_revision", o.revision)
	case !same && !o.unfinished:
		m.config.Logger.Error("policies refused, those in force stay", "source", status.Source, "faults", len(faults),
			"error", text(faults), "policy_revision", m.revision(), "refused_revision", o.revision)
	}
}

func (c *Counts) failed(o outcome) {
	switch {
	case o.unreadable:
		c.Unreadable++
	case o.unfinished:
		c.Unfinished++
	default:
		c.Refused++
	}
}

// retryFirst is how long after it ran out of time an admission is tried again, then twice as long each time up to
// retryMost; from the second time on at least retryShare times as long as it took, so that a set that never ends takes
// a fifth of a core.
const (
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	retryShare = 4
)

// retryIn is how long until files are tried again that ran out of time, times in a row and this time after took.
func retryIn(times int, took time.Duration) time.Duration {
	if times == 1 {
		return retryFirst
	}
	return max(min(retryFirst<<min(times-1, 16), retryMost), retryShare*took)
}

// succeeded notes an attempt that ended with the source's policies in force.
func (m *Manager) succeeded(changed bool) {
	m.store.decide()
	m.mu.Lock()
	s := &m.mu.status
	recovered := len(s.Faults) > 0
	if changed {
		m.mu.counts.Activated++
	} else {
		m.mu.counts.Unchanged++
	}
	now := m.config.Now()
	s.AttemptedAt, s.SucceededAt, s.LastGood = now, now, false
	s.Failures, s.Faults, s.RefusedRevision, s.RetryAt = 0, nil, "", 0
	s.Number, s.ProvenBy = m.store.inForce()
	s.Lost = false
	status := *s
	m.mu.Unlock()
	if recovered && !changed {
		m.config.Logger.Info("policies are those in force again", "source", status.Source, "policy_revision", m.revision())
	}
}

func (m *Manager) revision() string {
	if set := m.config.Active.Current(); set != nil {
		return set.Revision()
	}
	return ""
}

// text is all faults in one line, of many the first.
func text(faults []consent.PolicyFault) string {
	const most = 10
	var lines []string
	for _, f := range faults[:min(len(faults), most)] {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "; ")
}
