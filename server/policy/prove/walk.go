package prove

import (
	"context"
	"errors"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// Answer is what Walk needs of a decision.
type Answer struct {
	// Allowed says that it is ALLOW.
	Allowed bool
	// Reasons is how many reasons deny; it guides the search for a case that is allowed.
	Reasons int
	// Fingerprint tells answers apart.
	Fingerprint uint64
}

// AnswerOf is the answer that a decision is. Decisions that differ in effect, reasons, basis, obligations or the number of
// permitted categories differ in fingerprint.
func AnswerOf(d *consent.Decision) Answer {
	h := fingerprint(offset)
	h.byte(byte(d.Effect))
	h.byte(byte(d.Basis))
	for _, r := range d.Reasons {
		h.byte(byte(r.Code))
		h.text(r.Clause)
	}
	for _, o := range d.Obligations {
		h.byte(byte(o.Code))
	}
	h.byte(byte(len(d.PermittedDataCategories)))
	return Answer{Allowed: d.Effect == consent.Allow, Reasons: len(d.Reasons), Fingerprint: uint64(h)}
}

// Combine is the answer of two policies to one case: allowed if either allows, told apart if either tells it apart.
func Combine(a, b Answer) Answer {
	h := fingerprint(a.Fingerprint)
	for i := range 8 {
		h.byte(byte(b.Fingerprint >> (8 * i)))
	}
	return Answer{Allowed: a.Allowed || b.Allowed, Reasons: min(a.Reasons, b.Reasons), Fingerprint: uint64(h)}
}

// fingerprint is an FNV-1a hash.
type fingerprint uint64

const offset = 14695981039346656037

func (f *fingerprint) byte(b byte) { *f = (*f ^ fingerprint(b)) * 1099511628211 }

func (f *fingerprint) text(s string) {
	for i := range len(s) {
		f.byte(s[i])
	}
	f.byte(0)
}

// maxCases bounds what one Walk shows: about ten times what the largest shipped purpose takes.
const maxCases = 200_000

// errTooLarge ends a walk that shows more than maxCases; what it has seen counts.
var errTooLarge = errors.New("the space is too large to be walked whole")

// Walk shows ask the cases of the space, each once, as the package's documentation says. It returns the context's error if
// that ends, and an error that names the bound if the space is too large; else nil.
func (s *Space) Walk(ctx context.Context, ask func(*Case) Answer) error {
	w := &walk{space: s, ctx: ctx, show: ask, seen: map[point]Answer{}}
	return w.run()
}

// walk is one walk over a space.
type walk struct {
	space *Space
	ctx   context.Context
	show  func(*Case) Answer
	seen  map[point]Answer
	// err is sticky: once it is set nothing is shown any more.
	err error
	now Case
	// centers are the points around which the other dimensions are varied, by place.
	centers []point
}

func (w *walk) ask(p point) Answer {
	if a, ok := w.seen[p]; ok || w.err != nil {
		return a
	}
	if len(w.seen)%256 == 0 {
		w.err = w.ctx.Err()
	}
	if len(w.seen) >= maxCases {
		w.err = errTooLarge
	}
	w.space.build(&w.now, p)
	a := w.show(&w.now)
	w.seen[p] = a
	return a
}

func (w *walk) run() error {
	places := len(w.space.dims[dimPlace].values)
	for place := range places {
		w.centers = append(w.centers, w.center(uint8(place)))
	}
	prints := make([]fingerprint, places)
	for place, c := range w.centers {
		prints[place] = w.around(c)
	}
	groups := firsts(prints)
	classes := w.classes(groups)
	for _, place := range groups {
		for _, consentValue := range w.pairConsents(w.centers[place]) {
			w.pairs(with(w.centers[place], dimConsent, consentValue), classes)
		}
	}
	return w.err
}

func with(p point, dim int, value uint8) point {
	p[dim] = value
	return p
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

// center finds a point at a place that is allowed, by the centers of other places and else from the best of consents, step
// by step, each the one that leaves the fewest reasons to deny. Where there is none it is the one with the fewest.
func (w *walk) center(place uint8) point {
	for _, known := range w.centers {
		if p := with(known, dimPlace, place); w.ask(p).Allowed {
			return p
		}
	}
	p := point{}
	p[dimPlace] = place
	p[dimConsent] = bestConsent
	for !w.ask(p).Allowed && w.err == nil {
		next := w.step(p)
		if next == p {
			break
		}
		p = next
	}
	if !w.ask(p).Allowed && w.err == nil {
		return w.leap(p)
	}
	return p
}

// step is the neighbour with the fewest reasons to deny, if they are fewer than those of p.
func (w *walk) step(p point) point {
	best, fewest := p, w.ask(p).Reasons
	w.neighbours(p, func(q point) bool {
		a := w.ask(q)
		if a.Allowed {
			best = q
			return false
		}
		if a.Reasons < fewest {
			best, fewest = q, a.Reasons
		}
		return true
	})
	return best
}

// leap looks two steps ahead of p for a point that is allowed, once no single step leaves fewer reasons.
func (w *walk) leap(p point) point {
	found := p
	w.neighbours(p, func(q point) bool {
		w.neighbours(q, func(r point) bool {
			if w.ask(r).Allowed {
				found = r
			}
			return found == p && w.err == nil && len(w.seen) < maxCases/10
		})
		return found == p && w.err == nil && len(w.seen) < maxCases/10
	})
	return found
}

// neighbours calls f with each point that differs from p in one dimension, time and place aside, until f returns false.
func (w *walk) neighbours(p point, f func(point) bool) {
	for d := range w.space.dims {
		if d == dimPlace || d == dimNow {
			continue
		}
		for v := range w.space.valuesOf(d) {
			if v != p[d] && !w.space.dims[d].values[v].unknown && !f(with(p, d, v)) {
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

// around shows, at one place, every consent, and every value of every other dimension with two of them. It returns what it
// saw.
func (w *walk) around(c point) fingerprint {
	h := fingerprint(offset)
	for d := range c {
		if d != dimPlace {
			h.byte(c[d])
		}
	}
	for v := range w.space.dims[dimConsent].values {
		h.add(w.ask(with(c, dimConsent, uint8(v))))
	}
	for _, v := range w.pairConsents(c) {
		w.singles(with(c, dimConsent, v), func(_ int, _ uint8, a Answer) { h.add(a) })
	}
	return h
}

func (f *fingerprint) add(a Answer) {
	for i := range 8 {
		f.byte(byte(a.Fingerprint >> (8 * i)))
	}
}

// pairConsents are the consents at which dimensions are varied more than one at a time: that of the center, none and the best.
func (w *walk) pairConsents(c point) []uint8 {
	out := []uint8{c[dimConsent]}
	for _, v := range []uint8{noConsent, bestConsent} {
		if !slices.Contains(out, v) && len(out) < 2 {
			out = append(out, v)
		}
	}
	return out
}

// singles shows every value of every dimension but consent and place, one changed at a time.
func (w *walk) singles(p point, f func(dim int, value uint8, a Answer)) {
	for d := dimNow; d < len(w.space.dims); d++ {
		for v := range w.space.dims[d].values {
			f(d, uint8(v), w.ask(with(p, d, uint8(v))))
		}
	}
}

// classes shows every coarse consent with every value of every other dimension, at one place of each group, and returns the
// values of each dimension that were told apart: of those that were not, the first. The plain value stays
// apart from all others, and is left out where no center has another.
func (w *walk) classes(groups []int) [][]uint8 {
	prints := make([][]fingerprint, len(w.space.dims))
	for d := range prints {
		prints[d] = make([]fingerprint, len(w.space.dims[d].values))
	}
	for _, place := range groups {
		for v := range w.space.valuesOf(dimConsent) {
			w.singles(with(w.centers[place], dimConsent, v), func(d int, v uint8, a Answer) { prints[d][v].add(a) })
		}
	}
	classes := make([][]uint8, len(w.space.dims))
	for d := dimNow; d < len(prints); d++ {
		if slices.ContainsFunc(groups, func(place int) bool { return w.centers[place][d] != 0 }) {
			classes[d] = append(classes[d], 0)
		}
		for _, i := range firsts(prints[d][1:]) {
			classes[d] = append(classes[d], uint8(i+1))
		}
	}
	return classes
}

// pair shows p with another value in dimension e. Of an unknown subject there are no facts to vary.
func (w *walk) pair(p point, d, e int, value uint8) {
	p[e] = value
	for _, at := range [2]int{d, e} {
		if w.space.dims[at].values[p[at]].unknown && w.space.dims[d].state && w.space.dims[e].state {
			return
		}
	}
	w.ask(p)
}

// pairs shows every two dimensions changed at once, each to one value of each of its classes.
func (w *walk) pairs(p point, classes [][]uint8) {
	for d := dimNow; d < len(classes); d++ {
		for _, v := range classes[d] {
			q := with(p, d, v)
			for e := d + 1; e < len(classes) && w.err == nil; e++ {
				for _, u := range classes[e] {
					w.pair(q, d, e, u)
				}
			}
		}
	}
}
