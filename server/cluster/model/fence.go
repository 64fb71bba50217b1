package model

// canFence says whether the fencer's process is there; of a node that is not checked nothing but this is left.
func (m *moves) canFence(s *state) bool {
	return !m.cfg.Checked[m.cfg.Fencer] || s.nodes[m.cfg.Fencer].phase == up
}

// fencing is what the fencer does: it looks at the nodes all the time, and ends a fence that is pending.
//
// A look is one step here. A real one counts unchanged rows from after the answer of the first look to before the last
// is sent, which is shorter: it ends no fence that this does not end.
func (m *moves) fencing(s state) {
	if !m.canFence(&s) {
		return
	}
	if m.cfg.has(LateJudgement) && s.fence == pending && m.passed(&s) {
		judged := s
		judged.fence = returned
		m.add(&judged, opFenced, m.cfg.Fencer)
	}
	m.look(s)
	m.remove(s)
}

// look reads the nodes' rows, and returns to the client what the fence has waited for.
func (m *moves) look(s state) {
	before := s
	if s.server {
		s.server, s.serverAge = false, 0
	}
	for n := range s.rows {
		if s.rows[n].changed {
			s.rows[n].changed, s.rows[n].age = false, 0
		}
	}
	o := opLook
	if s.fence == pending && m.passed(&s) {
		s.fence, o = returned, opFenced
	}
	if s != before {
		m.add(&s, o, m.cfg.Fencer)
	}
}

// lease is how long a fencer waits, by the fastest clock.
func (m *moves) lease() uint8 {
	if m.cfg.has(NoMargin) {
		return m.cfg.Lease - 1
	}
	return m.cfg.Lease
}

// passed says whether no node can answer from before the withdrawal, as far as the fencer knows.
func (m *moves) passed(s *state) bool {
	if s.serverAge < m.lease() && !m.cfg.has(NoServerWait) {
		return false
	}
	own := m.cfg.Fencer
	if at := &s.nodes[own]; m.cfg.Checked[own] && !m.confirmed(s, at.applied) {
		return false
	}
	other := &s.rows[1-own]
	return !other.present || other.age >= m.lease() || other.applied != 0 && other.applied.get().revision() >= s.primary.stop()
}

// confirmed says whether the fencer's own feed has applied the withdrawal: Record returns after that.
func (m *moves) confirmed(s *state, applied history) bool {
	if m.cfg.chained() {
		return applied.stop() > 0
	}
	return applied.revision() >= s.primary.stop()
}

// remove: the fencer takes out a node that is dead for it, unless it has renewed since.
func (m *moves) remove(s state) {
	other := 1 - m.cfg.Fencer
	if r := s.rows[other]; r.present && !r.changed && r.age >= m.lease() {
		s.rows[other] = row{}
		m.add(&s, opRemove, other)
	}
}
