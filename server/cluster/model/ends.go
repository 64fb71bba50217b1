package model

// ends says whether a fence that is pending returns within 40 steps if from now on no fault happens and each process
// goes on: what is under way first, then what the fence waits for, then time.
func (m *moves) ends(s state) bool {
	for range 40 {
		m.of(&s)
		best := 0
		for i := range m.out {
			if m.urgency(&s, m.out[i].step) > m.urgency(&s, m.out[best].step) {
				best = i
			}
		}
		if s = m.out[best].next; s.fence == returned {
			return true
		}
	}
	return false
}

// urgency orders what healthy processes do.
func (m *moves) urgency(s *state, st step) int {
	at := &s.nodes[st.node]
	switch {
	case st.op == opFenced:
		return 6
	case st.op == opApply, st.op == opCommitReport:
		return 5
	case st.op == opPoll && at.phase == up && at.applied != s.primary:
		return 4
	case st.op == opReport && s.rows[st.node].present && s.rows[st.node].applied != some(at.applied):
		return 3
	case st.op == opLook:
		return 2
	case st.op == opTick:
		return 1
	}
	return 0
}
