package model

import (
	"fmt"
	"slices"
)

const (
	opTick op = iota
	opLapse
	opRenew
	opCommitRenewal
	opAnswerRenewal
	opLoseRenewal
	opPoll
	opLosePage
	opApply
	opReport
	opCommitReport
	opHint
	opCrash
	opJoin
	opWithdraw
	opWrite
	opFailOver
	opLook
	opFenced
	opRemove
	opBegin
	opLookUp
	opLeave
	opRead
	opFill
	opDrop
)

// said is how a trace names each step: the node, and what the argument stands for.
var said = map[op]string{
	opTick:          "a tick goes by",
	opLapse:         "%s: its clock is fast, its lease lapses",
	opRenew:         "%s: sends a renewal of its lease",
	opCommitRenewal: "%s: its renewal is committed",
	opAnswerRenewal: "%s: gets the renewal's answer",
	opLoseRenewal:   "%s: its renewal, or the answer, is lost",
	opPoll:          "%s: polls, the primary reads",
	opLosePage:      "%s: the poll's answer is lost",
	opApply:         "%s: applies of the page ",
	opReport:        "%s: sends a report of what it applied",
	opCommitReport:  "%s: its report is committed, or refused",
	opHint:          "%s: trusts a hint",
	opCrash:         "%s: crashes",
	opJoin:          "%s: starts, and sends its registration",
	opWithdraw:      "%s: commits the fenced withdrawal, W",
	opWrite:         "somebody writes X",
	opFailOver:      "the database fails over, to history ",
	opLook:          "%s: looks at the nodes' rows",
	opFenced:        "%s: the fenced withdrawal RETURNS",
	opRemove:        "%s: is taken out of the nodes",
	opBegin:         "%s: a check begins, and the node has standing",
	opLookUp:        "%s: the check is answered from the cache, as of ",
	opLeave:         "%s: the answer leaves, after the second look",
	opRead:          "%s: the check is answered from the store, by the state at ",
	opFill:          "%s: keeps what was read, as of ",
	opDrop:          "%s: does not keep what was read",
}

func (st step) String() string {
	text := said[st.op]
	if name := [...]string{"A", "B"}[st.node]; len(text) > 1 && text[0] == '%' {
		text = fmt.Sprintf(text, name)
	}
	switch st.op {
	case opApply, opFailOver, opRead:
		return text + history(st.arg).String()
	case opLookUp, opFill:
		return text + maybe(st.arg).get().String()
	case opBegin:
		if st.arg != 0 {
			return text + ", with the token of " + maybe(st.arg).get().String()
		}
	}
	return text
}

// trace goes back from a state to the start, and finds the steps between by taking them again.
func (v *visited) trace(c *Config, i int) []string {
	var steps []string
	m := moves{cfg: c}
	for ; i != 0; i = int(v.parents[i]) {
		m.of(v.at(int(v.parents[i])))
		k := slices.IndexFunc(m.out, func(next move) bool { return next.next == *v.at(i) })
		steps = append(steps, m.out[k].step.String())
	}
	slices.Reverse(steps)
	return steps
}
