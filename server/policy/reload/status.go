package reload

import (
	"slices"
	"strings"

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
	// repeated is whether nothing was tried: the source still has what was refused before.
	repeated bool
}

// failed notes an attempt that failed, and logs it unless it failed as the last one did.
func (m *Manager) failed(o outcome) {
	faults := policy.Faults(o.err)
	m.mu.Lock()
	s := &m.mu.status
	same := slices.Equal(s.Faults, faults) && s.RefusedRevision == o.revision
	s.AttemptedAt = m.config.Now()
	if !o.repeated || !same {
		s.Failures++
		if o.unreadable {
			m.mu.counts.Unreadable++
		} else {
			m.mu.counts.Refused++
		}
	}
	s.Faults, s.RefusedRevision = faults, o.revision
	status := *s
	m.mu.Unlock()
	if !same {
		m.config.Logger.Error("policies refused, those in force stay", "source", status.Source, "faults", len(faults),
			"error", text(faults), "policy_revision", m.revision(), "refused_revision", o.revision)
	}
}

// succeeded notes an attempt that ended with the source's policies in force.
func (m *Manager) succeeded(changed bool) {
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
	s.Failures, s.Faults, s.RefusedRevision = 0, nil, ""
	status := *s
	m.mu.Unlock()
	if recovered && !changed {
		m.config.Logger.Info("policies are those in force again", "source", status.Source, "policy_revision", m.revision())
	}
}

func (m *Manager) revision() string {
	if set := m.config.Active.Load(); set != nil {
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
