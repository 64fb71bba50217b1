package space

import "slices"

// Step is one restricting event: from the situation before it to that after it. They differ in what it was about.
// Before is After where no event is meant.
type Step struct{ Before, After Point }

// Stay is the step that changes nothing.
func Stay(p Point) Step { return Step{p, p} }

// Freed calls f with each step of the last walk's space from a situation that is denied to one that was shown and
// is allowed. What the walk did not show of situations before a step is shown now. The error is that of Walk.
func (w *Walker) Freed(f func(Step)) error {
	var allowed []Point
	for p, a := range w.walk.seen {
		if a.Allowed {
			allowed = append(allowed, p)
		}
	}
	slices.SortFunc(allowed, func(a, b Point) int { return slices.Compare(a[:], b[:]) })
	for _, after := range allowed {
		w.walk.before(after, func(before Point, a Answer) {
			if !a.Allowed {
				f(Step{before, after})
			}
		})
	}
	return w.walk.err
}

// before shows the situations from which one restricting event leads to a point.
func (w *walk) before(after Point, f func(Point, Answer)) {
	w.hub = after
	for d := range w.space.dims {
		for _, from := range w.space.dims[d].from[after[d]] {
			before := w.space.canonical(with(after, d, from))
			if a := w.ask(before); w.err == nil {
				f(before, a)
			}
		}
	}
}

// Plainest makes every dimension of a step as plain as it may be for holds: values stand in the order of what they
// say. What the step changes stays.
func (s *Space) Plainest(step Step, holds func(Step) bool) Step {
	for changed := true; changed; {
		changed = false
		for d := range s.dims {
			if plainer, ok := step.plainer(d, holds); ok {
				step, changed = plainer, true
			}
		}
	}
	return step
}

// plainer is the step with the plainest value of a dimension with which it holds, if that is plainer.
func (st Step) plainer(d int, holds func(Step) bool) (Step, bool) {
	if st.Before[d] != st.After[d] {
		return st, false
	}
	for value := range st.After[d] {
		if plainer := (Step{with(st.Before, d, value), with(st.After, d, value)}); holds(plainer) {
			return plainer, true
		}
	}
	return st, false
}
