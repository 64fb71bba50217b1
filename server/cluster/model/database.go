package model

// database is what others write, and its fail-over.
func (m *moves) database(s state) {
	m.withdraw(s)
	m.write(s)
	if s.failOvers < m.cfg.FailOvers {
		m.failOver(s)
	}
}

// withdraw: the fencer commits the withdrawal, once.
func (m *moves) withdraw(s state) {
	if s.fence != unsaid || !m.canFence(&s) {
		return
	}
	s.primary, s.fence = s.primary.withW(), pending
	m.add(&s, opWithdraw, m.cfg.Fencer)
}

// write: somebody writes of another subject, once.
func (m *moves) write(s state) {
	if s.primary.wrote() || s.former != 0 && s.former.get().wrote() {
		return
	}
	s.primary = s.primary.withX(m.cfg.has(LateCommit) && s.fence == unsaid)
	m.add(&s, opWrite, 0)
}

// failOver takes the newest commits away, where it is not synchronous, and the newest writes of the nodes' rows: of
// these more than any standby would lose, which is on the safe side.
func (m *moves) failOver(s state) {
	for r := uint8(1); r <= s.primary.revision(); r++ {
		if to := s.primary.upTo(r); to.revision() == r && (to == s.primary || !m.cfg.Synchronous) {
			m.failTo(s, to)
		}
	}
}

func (m *moves) failTo(s state, to history) {
	s.former, s.primary, s.failOvers = some(s.primary), to, s.failOvers+1
	s.server, s.serverAge = true, 0
	if to.stop() == 0 {
		s.since, s.check.fenced = 0, false
		if s.fence != unsaid {
			s.fence = void
		}
	}
	m.loseRows(s, 0)
}

// loseRows tries all that may be left of the rows from n on.
func (m *moves) loseRows(s state, n int) {
	switch {
	case n == len(s.rows):
		m.note(&s, step{op: opFailOver, arg: uint8(s.primary)})
		return
	case !s.rows[n].present:
		m.loseRows(s, n+1)
		return
	case !m.cfg.Synchronous:
		without := s
		without.rows[n] = row{}
		m.loseRows(without, n+1)
	}
	m.loseReports(s, n)
}

// loseReports: the row is there, with what was reported up to any time before.
func (m *moves) loseReports(s state, n int) {
	was := s.rows[n].applied
	s.rows[n].changed, s.rows[n].age = true, 0
	s.rows[n].applied = 0
	m.loseRows(s, n+1)
	for h := range histories {
		if was != 0 && was.get().holds(h) && s.primary.holds(h) {
			s.rows[n].applied = some(h)
			m.loseRows(s, n+1)
		}
	}
}
