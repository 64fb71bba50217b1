package consent

// Adverse is the state as it would be if the subject had just said everything against a processing for a purpose that
// ends it at once: every consent that was given is withdrawn, that to the purpose too if there is none; there is an
// objection to all purposes, both opt-outs stand, and both signals are on. What is allowed on it is allowed whatever
// the subject said of that kind since the state was read. Erasures, restrictions and accounts are as they are: by those
// the subject asks something of the controller, who has time to act (GDPR Art. 12(3)).
func (s *State) Adverse(purpose string, now Instant) *State {
	a := s.clone()
	a.purpose(purpose).Own.deny(now)
	for i := range a.Consents {
		p := &a.Consents[i]
		if p.Own.Status == Given {
			p.Own.deny(now)
		}
		for j := range p.Recipients {
			p.Recipients[j].deny(now)
		}
	}
	a.Objections = []PurposeMark{{Mark: Mark{Raised: true, At: now}}}
	for i := range a.OptOuts {
		a.OptOuts[i] = Mark{Raised: true, At: now}
	}
	a.GPC = Signal{Value: true, Since: now, At: now}
	a.DNT = a.GPC
	return a
}

// deny withdraws the consent.
func (r *Record) deny(now Instant) { r.Status, r.Denied, r.DeniedAt = Withdrawn, Withdrawn, now }
