package model

// op names a step; step is one, as a trace shows it.
type op uint8

type step struct {
	op   op
	node uint8
	arg  uint8
}

type move struct {
	step step
	next state
}

// moves gathers all that can happen next in one state.
type moves struct {
	cfg *Config
	out []move
}

func (m *moves) add(s *state, o op, n uint8) { m.note(s, step{op: o, node: n}) }

func (m *moves) note(s *state, st step) {
	if m.cfg.Only != 0 && s.broken != m.cfg.Only {
		s.broken = 0
	}
	if s.fence == returned || s.fence == void {
		s.settle()
	}
	m.out = append(m.out, move{st, *s})
}

// settle forgets what serves no fence to come: states that differ in that alone are one.
func (s *state) settle() {
	s.rows, s.server, s.serverAge = [2]row{}, false, 0
	s.nodes[0].report, s.nodes[1].report = 0, 0
}

// of fills out anew. Each move is one atomic step of one process; between any two of them all others may go on, and
// time too: that is a pause.
func (m *moves) of(s *state) {
	m.out = m.out[:0]
	m.time(*s)
	m.database(*s)
	m.fencing(*s)
	for n := range uint8(2) {
		if m.cfg.Checked[n] {
			m.leasing(*s, n)
			m.feeding(*s, n)
			m.failing(*s, n)
			if m.cfg.Only != Ends {
				m.begin(*s, n)
			}
		}
	}
	m.checking(*s)
}

func (m *moves) time(s state) {
	s.tick(m.cfg)
	m.add(&s, opTick, 0)
}

// failing: a node crashes, and starts again.
func (m *moves) failing(s state, n uint8) {
	switch {
	case s.nodes[n].phase == down:
		m.join(s, n)
	case s.crashes < m.cfg.Crashes:
		m.crash(s, n)
	}
}

func (m *moves) crash(s state, n uint8) {
	s.crashes++
	s.nodes[n] = node{}
	if s.check.node == n {
		s.check = check{}
	}
	if m.cfg.Fencer == n {
		s.forget()
	}
	m.add(&s, opCrash, n)
}

// forget is the crash of the fencer: it has seen nobody since, and a fence that was pending returns to nobody.
func (s *state) forget() {
	if s.fence == pending {
		s.fence = void
	}
	s.server, s.serverAge = false, 0
	for n := range s.rows {
		s.rows[n].age = 0
	}
}

// join: registers first; the feed starts at a head that is read after the registration was answered.
func (m *moves) join(s state, n uint8) {
	s.nodes[n] = node{phase: joining, renewal: sent, left: m.cfg.Lease}
	if m.cfg.has(HeadFirst | HeadFirstAtOnce) {
		s.nodes[n].phase, s.nodes[n].applied, s.nodes[n].floor = early, s.primary, s.primary.revision()
	}
	m.add(&s, opJoin, n)
}
