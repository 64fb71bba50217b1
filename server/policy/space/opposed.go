package space

import "slices"

// Opposed calls f with each step of the last walk's space from a situation that is allowed to one that is denied, both
// shown, by the subject's word against the processing: an objection (GDPR Art. 21), an opt-out, or a signal that is one
// (CCPA 1798.120, .121, .135). By a restriction (Art. 18), an erasure (Art. 17) or the closing of an account the
// subject asks the controller, who has to act without undue delay and within a month (Art. 12(3)): those end nothing by
// themselves. Consents are not looked at: what rests on one is found in the answer.
func (w *Walker) Opposed(f func(Step)) {
	var denied []Point
	for p, a := range w.walk.seen {
		if !a.Allowed {
			denied = append(denied, p)
		}
	}
	slices.SortFunc(denied, func(a, b Point) int { return slices.Compare(a[:], b[:]) })
	for _, after := range denied {
		w.walk.allowedBefore(after, func(before Point) { f(Step{before, after}) })
	}
}

// allowedBefore calls f with each situation that was shown, is allowed, and from which one opposing event leads to a
// point.
func (w *walk) allowedBefore(after Point, f func(Point)) {
	for d := range w.space.dims {
		if !w.space.dims[d].opposes {
			continue
		}
		for _, from := range w.space.dims[d].from[after[d]] {
			before := w.space.canonical(with(after, d, from))
			if w.seen[before].Allowed {
				f(before)
			}
		}
	}
}
