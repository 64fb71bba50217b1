package model

// begin starts a check on a node, without a token or with any that was ever given, and takes the first look.
func (m *moves) begin(s state, n uint8) {
	if s.check.phase != none || s.nodes[n].phase != up {
		return
	}
	m.beginWith(s, n, 0)
	if m.cfg.Only == Final {
		return // no token makes an answer older
	}
	for h := granted + 1; h < histories; h++ {
		if s.primary.holds(h) || s.former != 0 && s.former.get().holds(h) {
			m.beginWith(s, n, some(h))
		}
	}
}

func (m *moves) beginWith(s state, n uint8, token maybe) {
	at := &s.nodes[n]
	s.check = check{phase: looked, node: n, token: token, fenced: token == 0 && s.fence == returned, left: at.deadline(m.cfg)}
	if token != 0 && !m.plausible(&s, at.applied) {
		return // refused
	}
	if m.cfg.standing(at) && (token == 0 || token.get().revision() <= at.applied.revision() || m.cfg.has(TokenOnce)) {
		m.note(&s, step{opBegin, n, uint8(token)})
		return
	}
	m.readPrimary(s)
	if m.cfg.has(LapsedReadsReplica) && token == 0 {
		m.readReplicas(s)
	}
}

// plausible compares a token with what the node knows; TokenOnce: or with what the store says, which is not in the same
// statement as the read then.
func (m *moves) plausible(s *state, applied history) bool {
	token := s.check.token.get()
	if token.revision() <= applied.revision() {
		return m.cfg.follows(token, applied)
	}
	return !m.cfg.has(TokenOnce) || m.cfg.follows(token, s.primary)
}

// standing says whether the node may answer from its cache.
func (c *Config) standing(n *node) bool {
	return (n.lease > 0 || c.has(LeaseIgnored)) && (c.Stale == 0 || n.mark > 0)
}

// deadline is how many ticks the standing lasts, where watermarks are part of it.
func (n *node) deadline(c *Config) uint8 {
	if c.Stale == 0 {
		return 0
	}
	return min(n.lease, n.mark)
}

// checking goes on with the check under way.
func (m *moves) checking(s state) {
	switch s.check.phase {
	case looked:
		m.lookUp(s)
		m.readPrimary(s)
		m.readReplicas(s)
	case hit:
		m.leave(s)
	case filling:
		m.fill(s)
	}
}

// lookUp answers from the cache.
func (m *moves) lookUp(s state) {
	at := &s.nodes[s.check.node]
	token := s.check.token
	if at.entry == 0 || at.entry.get().revision() < at.floor || token != 0 && token.get().revision() > at.applied.revision() {
		return
	}
	n := s.check.node
	s.judge(at.allow, token != 0 && token.get().stop() > 0 && at.allow)
	s.check = check{phase: hit, node: n, allow: at.allow, left: s.check.left}
	if m.cfg.Stale == 0 {
		s.check = check{}
	}
	m.note(&s, step{opLookUp, n, uint8(at.entry)})
}

// judge holds an answer against the promises to its check.
func (s *state) judge(allow, older bool) {
	switch {
	case s.check.fenced && allow:
		s.broken = Final
	case older:
		s.broken = Fresh
	}
}

// leave looks again, and lets the answer from the cache go.
func (m *moves) leave(s state) {
	n, allow := s.check.node, s.check.allow
	may := s.check.left > 0 || m.cfg.has(NoSecondLook) || m.cfg.has(NewestDeadline) && m.cfg.standing(&s.nodes[n])
	if may && allow && s.since > m.cfg.Stale {
		s.broken = Bounded
	}
	s.check = check{}
	m.add(&s, opLeave, n)
}

// readPrimary reads through. The token's mark is read in the same statement.
func (m *moves) readPrimary(s state) {
	m.read(s, s.primary, s.primary)
	if m.cfg.has(TwoPrimaries) && s.former != 0 {
		m.read(s, s.former.get(), s.former.get())
	}
}

// readReplicas reads any replica, however late, of this history or of the former one: it shows whether it has what the
// node has applied, by the chain there.
func (m *moves) readReplicas(s state) {
	applied := s.nodes[s.check.node].applied
	for h := range histories {
		switch {
		case !s.primary.holds(h) && (s.former == 0 || !s.former.get().holds(h)):
		case m.cfg.has(ReplicaFreshness):
			m.read(s, s.primary, h)
		case m.cfg.follows(applied, h), m.cfg.has(ReplicaByNumber) && applied.revision() <= h.revision():
			m.read(s, h, h)
		}
	}
}

// read answers from a state, as of a history that is that of the state but for bugs.
func (m *moves) read(s state, asOf, content history) {
	n, token := s.check.node, s.check.token
	if token != 0 && !m.covers(token.get(), asOf) {
		return // refused
	}
	s.judge(content.allows(), token != 0 && !content.holds(token.get()))
	s.check = check{phase: filling, node: n, read: some(asOf), allow: content.allows()}
	m.note(&s, step{opRead, n, uint8(content)})
}

// covers says whether a read has all that a token asks for.
func (m *moves) covers(token, read history) bool {
	if m.cfg.has(TokenOnce) {
		return token.revision() <= read.revision()
	}
	return m.cfg.follows(token, read)
}

// fill puts what was read into the cache, or drops it. It is kept where the feed has applied all that it is as of, in
// the same history.
func (m *moves) fill(s state) {
	n, read, allow, lost := s.check.node, s.check.read, s.check.allow, s.check.lost
	s.check = check{}
	m.add(&s, opDrop, n)
	at := &s.nodes[n]
	known := m.cfg.follows(read.get(), at.applied) || m.cfg.has(FillAhead) && !lost
	if known && read.get().revision() >= at.floor {
		at.entry, at.allow = read, allow
		m.note(&s, step{opFill, n, uint8(read)})
	}
}
