package grpcapi

import (
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// subjectState converts a state. A state's lists are sorted, and stay so.
func subjectState(snapshot *consent.Snapshot) *consentv1.SubjectState {
	s := snapshot.State
	out := &consentv1.SubjectState{
		Known:          s.Known(),
		Revision:       uint64(snapshot.Changed),
		Jurisdiction:   s.Jurisdiction.Value,
		AccountStatus:  consentv1.AccountStatus(s.AccountStatus.Value),
		LastActivityAt: timestamp(s.LastActivityAt.Value),
		RetentionUntil: timestamp(s.RetentionUntil.Value),
		Erasure:        consentv1.ErasureStage(s.Erasure.Value),
		ErasureAt:      timestamp(s.Erasure.At),

		ErasureCompletedAt: timestamp(s.Completed.At),
		Signals:            signalStates(s),
		OptOuts:            optOutStates(s),
		Consents:           consentStates(s.Consents),
		Objections:         objectionStates(s.Objections),
		Restrictions:       restrictionStates(s),
	}
	if s.Age.At != 0 {
		out.AgeMin, out.AgeMax, out.AgeRecordedAt = wireBound(s.Age.Value.Min), wireBound(s.Age.Value.Max), timestamp(s.Age.At)
	}
	if s.Relationship.At != 0 {
		out.Relationship = wireRelationship(&s.Relationship.Value)
	}
	return out
}

func signalStates(s *consent.State) (out []*consentv1.SignalState) {
	add := func(name string, signal consent.Signal) {
		if signal.At != 0 {
			out = append(out, &consentv1.SignalState{Signal: name, Value: signal.Value, Since: timestamp(signal.Since)})
		}
	}
	add("dnt", s.DNT)
	add("gpc", s.GPC)
	return out
}

func optOutStates(s *consent.State) (out []*consentv1.OptOutState) {
	for i, m := range s.OptOuts {
		if m.At != 0 {
			out = append(out, &consentv1.OptOutState{
				Kind: consentv1.OptOutKind(i + 1), Lifted: !m.Raised, At: timestamp(m.At),
			})
		}
	}
	return out
}

// consentStates lists each purpose's own record before those of its recipients. A purpose for which only recipients'
// records were ever written has none of its own.
func consentStates(list []consent.PurposeConsents) (out []*consentv1.ConsentState) {
	for i := range list {
		p := &list[i]
		if p.Own.Status != 0 || len(p.Recipients) == 0 {
			out = append(out, consentState(p.Purpose, "", &p.Own))
		}
		for j := range p.Recipients {
			out = append(out, consentState(p.Purpose, p.Recipients[j].Recipient, &p.Recipients[j].Record))
		}
	}
	return out
}

func consentState(purpose, recipient string, r *consent.Record) *consentv1.ConsentState {
	out := &consentv1.ConsentState{
		Purpose: purpose, Recipient: recipient, Status: consentv1.ConsentStatus(r.Status),
		NoticeVersion: r.NoticeVersion, Explicit: r.Explicit, Evidence: r.Evidence, Countries: r.Countries,
		ExpiresAt: timestamp(r.ExpiresAt), GivenAt: timestamp(r.GivenAt),
		DeniedAt: timestamp(r.DeniedAt), DeniedStatus: consentv1.ConsentStatus(r.Denied),
		RequestedAt: timestamp(r.RequestedAt), RequestedBeforeGivenAt: timestamp(r.RequestedBeforeGivenAt),
	}
	if r.Status != 0 {
		out.GivenBy = givenByOf(r.GivenBy)
	}
	return out
}

func objectionStates(list []consent.PurposeMark) (out []*consentv1.ObjectionState) {
	coverage := consent.CoverageOf(list)
	for i, m := range list {
		out = append(out, &consentv1.ObjectionState{
			Purpose: m.Purpose, Raised: m.Raised, At: timestamp(m.At), Covered: coverage[i].Covered, Exempt: coverage[i].Exempt,
		})
	}
	return out
}

func restrictionStates(s *consent.State) (out []*consentv1.RestrictionState) {
	coverage := s.RestrictionCoverage()
	for i, m := range s.Restrictions {
		out = append(out, &consentv1.RestrictionState{
			Ground: consentv1.RestrictionGround(m.Ground), Purpose: m.Purpose, Raised: m.Raised, At: timestamp(m.At),
			Covered: coverage[i].Covered, Exempt: coverage[i].Exempt,
		})
	}
	return out
}
