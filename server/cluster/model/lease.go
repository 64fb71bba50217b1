package model

// leasing is what a node does about its lease.
func (m *moves) leasing(s state, n uint8) {
	if s.nodes[n].phase == down {
		return
	}
	m.lapse(s, n)
	switch s.nodes[n].renewal {
	case idle:
		m.renew(s, n)
	case sent:
		m.commitRenewal(s, n)
		m.loseRenewal(s, n)
	case committed:
		m.answerRenewal(s, n)
		m.loseRenewal(s, n)
	}
}

// lapse: the holder's clock is a fast one. With the margin a lease lasts a tick less then, never more than Lease.
func (m *moves) lapse(s state, n uint8) {
	if s.nodes[n].lease == 1 {
		s.nodes[n].lease = 0
		m.add(&s, opLapse, n)
	}
}

// renew: the lease is counted from before the renewal is sent.
func (m *moves) renew(s state, n uint8) {
	s.nodes[n].renewal, s.nodes[n].left = sent, m.cfg.Lease
	m.add(&s, opRenew, n)
}

func (m *moves) commitRenewal(s state, n uint8) {
	s.nodes[n].renewal = committed
	s.rows[n].renewed(m.cfg)
	if s.nodes[n].phase != up {
		s.rows[n].applied = 0
	}
	m.add(&s, opCommitRenewal, n)
}

// loseRenewal: the request or its answer is lost.
func (m *moves) loseRenewal(s state, n uint8) {
	s.nodes[n].renewal, s.nodes[n].left = idle, 0
	m.add(&s, opLoseRenewal, n)
}

// answerRenewal: where the former lease is still valid the new one extends it; if not it waits for a poll.
func (m *moves) answerRenewal(s state, n uint8) {
	at := &s.nodes[n]
	if m.cfg.has(LeaseFromAnswer) {
		at.left = m.cfg.Lease
	}
	switch {
	case at.left == 0:
		at.renewal = idle
	case at.lease > 0 || m.atOnce(at):
		at.lease, at.renewal, at.left = max(at.lease, at.left), idle, 0
	default:
		at.renewal = waiting
	}
	if at.phase == early {
		at.phase = up
	}
	m.add(&s, opAnswerRenewal, n)
}

// atOnce says whether a planted bug lets a lease that had lapsed, or a first one, take effect.
func (m *moves) atOnce(at *node) bool {
	return at.phase == up && m.cfg.has(LapsedAtOnce) || at.phase == early && m.cfg.has(HeadFirstAtOnce)
}
