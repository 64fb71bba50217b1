package space

import (
	"slices"

	"github.com/consentd/consentd/server/policy/law"
)

// anyKind is for a site with whatever recipient, or none, that is allowed.
const anyKind = maxValues

// kinds are the recipients, or none, at which sites are looked for. Of those that the law tells apart (the
// controller and its processors, authorities and its group, all others) it is the first with which a request is
// allowed, unless no single value of another dimension tells it apart from an earlier one at the probes. Where
// none is allowed it is anyKind.
func (w *walk) kinds() []uint8 {
	var allowed []uint8
	var prints []fingerprint
	seen := map[law.Class]bool{}
	for kind, v := range w.space.dims[w.space.recipient].values {
		if seen[v.class] {
			continue
		}
		if h, ok := w.kindPrint(uint8(kind)); ok {
			seen[v.class] = true
			allowed, prints = append(allowed, uint8(kind)), append(prints, h)
		}
	}
	if len(allowed) == 0 {
		return []uint8{anyKind}
	}
	var out []uint8
	for _, i := range firsts(prints) {
		out = append(out, allowed[i])
	}
	return out
}

// kindPrint is what single values show of a kind of recipient at a few places.
func (w *walk) kindPrint(kind uint8) (h fingerprint, allowed bool) {
	h = offset
	for _, place := range w.space.probes {
		c := w.center(place, kind)
		if !w.ask(c).Allowed {
			h.byte(0)
			continue
		}
		allowed = true
		base := w.ask(c)
		w.singles(c, nil, func(d int, _ uint8, a Answer) {
			if d != w.space.country {
				h.add(a, base)
			}
		})
	}
	return h, allowed
}

// firsts are the first of each group of equal prints.
func firsts(prints []fingerprint) (out []int) {
	for i, p := range prints {
		if slices.Index(prints, p) == i {
			out = append(out, i)
		}
	}
	return out
}

// center finds a point that is allowed at a place and with a kind of recipient: by the centers of other sites, and
// else from the best of consents, step by step, each the one that leaves the fewest reasons to deny. Where there
// is none it is the one with the fewest.
func (w *walk) center(place, kind uint8) Point {
	start := Point{dimConsent: w.space.best}
	for _, known := range append(w.sites, &site{center: start}) {
		if p := w.fix(known.center, place, kind); w.ask(p).Allowed {
			return p
		}
	}
	p := w.fix(start, place, kind)
	for w.err == nil {
		next := w.step(p, kind)
		if next == p {
			break
		}
		p = next
	}
	if !w.ask(p).Allowed && kind == anyKind {
		return w.leap(p)
	}
	return p
}

func (w *walk) fix(p Point, place, kind uint8) Point {
	p[dimPlace] = place
	if kind != anyKind {
		p[w.space.recipient] = kind
	}
	return p
}

// step is the neighbour with the fewest reasons to deny, if they are fewer than those of p, or one that is allowed.
func (w *walk) step(p Point, kind uint8) Point {
	here := w.ask(p)
	if here.Allowed {
		return p
	}
	w.hub = p
	best, fewest := p, here.Reasons
	w.neighbours(p, kind, func(q Point) bool {
		a := w.ask(q)
		if a.Allowed || a.Reasons < fewest {
			best, fewest = q, a.Reasons
		}
		return !a.Allowed
	})
	return best
}

// maxLeap bounds the cases of a leap.
const maxLeap = 20_000

// leap looks two steps ahead of p for a point that is allowed, where no single step leaves fewer reasons.
func (w *walk) leap(p Point) Point {
	found := p
	going := func() bool { return found == p && w.err == nil && len(w.seen) < maxLeap }
	w.neighbours(p, anyKind, func(q Point) bool {
		w.hub = q
		w.neighbours(q, anyKind, func(r Point) bool {
			if w.ask(r).Allowed {
				found = r
			}
			return going()
		})
		return going()
	})
	return found
}

// neighbours calls f with each point that differs from p in one dimension, until f returns false: not in time and
// place, nor in the recipient where that is fixed.
func (w *walk) neighbours(p Point, kind uint8, f func(Point) bool) {
	for d := range w.space.dims {
		if d == dimPlace || d == dimNow || d == w.space.recipient && kind != anyKind {
			continue
		}
		for v := range w.space.valuesOf(d) {
			// Of somebody else nothing is learned about p.
			if to := &w.space.dims[d].values[v]; v != p[d] && !to.unknown && !to.completes && !f(with(p, d, v)) {
				return
			}
		}
	}
}

// valuesOf yields the values of a dimension: of consents, the coarse ones.
func (s *Space) valuesOf(d int) func(func(uint8) bool) {
	return func(yield func(uint8) bool) {
		for v := range s.dims[d].values {
			if d == dimConsent && !s.dims[d].values[v].coarse {
				return
			}
			if !yield(uint8(v)) {
				return
			}
		}
	}
}
