package model

// feeding is what a node's feed does, and its reports.
func (m *moves) feeding(s state, n uint8) {
	at := &s.nodes[n]
	if at.phase == down {
		return
	}
	if at.page == 0 {
		m.poll(s, n)
	} else {
		m.apply(s, n)
		m.losePage(s, n)
	}
	if at.phase != up {
		return
	}
	if s.fence <= pending {
		m.reporting(s, n)
	}
	if m.cfg.has(HintTrusted) {
		m.hint(s, n)
	}
}

// poll reads one snapshot of the primary. A node that joins polls once its registration is answered.
func (m *moves) poll(s state, n uint8) {
	at := &s.nodes[n]
	if at.phase == joining && at.renewal != waiting {
		return
	}
	at.page, at.after, at.pageMark = some(s.primary), at.renewal == waiting, m.cfg.Stale
	m.add(&s, opPoll, n)
}

func (m *moves) losePage(s state, n uint8) {
	s.nodes[n].dropPage()
	m.add(&s, opLosePage, n)
}

func (n *node) dropPage() { n.page, n.after, n.pageMark = 0, false, 0 }

// apply takes one change of the page, or finds that the page has another history.
func (m *moves) apply(s state, n uint8) {
	at, page := &s.nodes[n], s.nodes[n].page.get()
	switch {
	case at.phase == joining:
		at.phase, at.applied, at.floor = up, page, page.revision()
	case !m.continues(at.applied, page):
		s.lose(n, page, m.cfg)
	case at.applied.revision() < page.revision():
		s.advance(n, page, m.cfg)
	}
	if at.applied.revision() == page.revision() {
		s.caughtUp(n, m.cfg)
	}
	m.note(&s, step{opApply, n, uint8(page)})
}

// continues says whether a page is of the history that was applied.
func (m *moves) continues(applied, page history) bool {
	if m.cfg.has(ChainIgnored) {
		return applied.revision() <= page.revision()
	}
	return m.cfg.follows(applied, page)
}

// advance applies the next change: the floor first.
func (s *state) advance(n uint8, page history, c *Config) {
	at := &s.nodes[n]
	next := page.upTo(at.applied.revision() + 1)
	if next == at.applied || next.revision() == at.applied.revision() {
		next = page // a gap is stepped over
	}
	if next.revision() != at.applied.revision()+1 {
		s.broken = Gapless
	}
	if next.stop() == next.revision() && !c.has(FloorNotRaised) {
		at.floor = next.stop()
	}
	at.applied = next
}

// lose gives up all that is kept, and goes on at the new head.
func (s *state) lose(n uint8, head history, c *Config) {
	at := &s.nodes[n]
	at.applied, at.floor, at.entry, at.allow = head, head.revision(), 0, false
	if s.check.node != n || s.check.phase == none {
		return
	}
	s.check.lost = true
	if s.check.phase == looked && !c.has(TokenOnce) {
		s.check = check{} // it begins again
	}
}

// caughtUp ends a page: all is applied up to the head that it saw.
func (s *state) caughtUp(n uint8, c *Config) {
	at := &s.nodes[n]
	if at.renewal == waiting && (at.after || c.has(AnyPoll)) {
		at.lease, at.renewal, at.left = at.left, idle, 0
	}
	at.mark = max(at.mark, at.pageMark)
	head := at.page.get()
	if at.applied != head || at.entry != 0 && !head.holds(at.entry.get()) {
		s.broken = Noticed
	}
	at.dropPage()
}

// reporting: a report carries what was applied when it was sent, with its chain, and may come late or never.
func (m *moves) reporting(s state, n uint8) {
	at := &s.nodes[n]
	if at.report == 0 {
		at.report = some(at.applied)
		m.add(&s, opReport, n)
		return
	}
	reported := at.report.get()
	at.report = 0
	if s.rows[n].present && (s.primary.holds(reported) || m.cfg.has(ReportByNumber) || !m.cfg.chained()) {
		s.rows[n].applied = some(reported)
	}
	m.add(&s, opCommitReport, n)
}

// hint is a planted bug: hints were lost, and the newest is taken for all that happened.
func (m *moves) hint(s state, n uint8) {
	at := &s.nodes[n]
	if at.applied == s.primary || !s.primary.holds(at.applied) {
		return
	}
	at.applied = s.primary
	if s.primary.stop() == s.primary.revision() {
		at.floor = s.primary.stop()
	}
	m.add(&s, opHint, n)
}
