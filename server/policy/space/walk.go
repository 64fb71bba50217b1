package space

import (
	"context"
	"slices"
)

// Walk shows ask the situations of the space, each once, as the package's documentation says. It returns the
// context's error if that ends, one that wraps ErrTooLarge if the space is too large, else nil.
func (s *Space) Walk(ctx context.Context, ask func(*Situation) Answer) error {
	return new(Walker).Walk(ctx, s, ask)
}

// Walker walks spaces, one after the other, in the same memory, and remembers the answers of the last. It is for
// one goroutine.
type Walker struct{ walk walk }

// Walk is Space.Walk.
func (w *Walker) Walk(ctx context.Context, s *Space, ask func(*Situation) Answer) error {
	seen := w.walk.seen
	if seen == nil {
		seen = map[Point]Answer{}
	}
	clear(seen)
	w.walk = walk{space: s, ctx: ctx, show: ask, seen: seen, err: s.nameable()}
	if w.walk.err != nil {
		return w.walk.err
	}
	return w.walk.run()
}

// Shown is how many situations of the space were shown.
func (w *Walker) Shown() int { return len(w.walk.seen) }

// walk is one walk over a space.
//
// What a walk shows is decided by what it was answered: where no situation is allowed yet it searches, and what no
// answer told apart it does not combine. Four things must hold for that to prove anything.
//
//   - A rule that is lost shows only as an ALLOW that should be none, so every combination is tried around a center
//     at which nothing else denies. To vary the dimensions around any fixed point, the best consent say, looks the
//     same and is cheaper by the whole search; there one unrelated rule denies nearly everything, and a rule that
//     was lost beside it is never missed.
//   - Values are one class only if no site told them apart, never because one site did not: classes grow with each
//     visit, and pairs are made when all sites have been visited. To pair while visiting would drop values that a
//     later place tells apart.
//   - A value is told apart by the reasons that it changes at a center, not by the whole answer (Answer.Why):
//     clauses and obligations differ from place to place, so by the whole answer no two places would be alike, and
//     each would be combined in full. But what leaves the whole answer as it is counts as no change at all: to
//     compare reasons alone would take a lost obligation for nothing.
//   - The answer of a point is asked once and kept (seen), by its canonical point. Situations that two points make
//     must be one there: else they are counted, compared and decided twice. The other way round, what canonical
//     makes equal and is not would be taken for decided and never looked at.
//
// It is deterministic: the same set gives the same walk, whatever else runs. So the hub, which only says what lies
// near, and the order of dimensions decide how fast it is and nothing else.
type walk struct {
	space *Space
	ctx   context.Context
	show  func(*Situation) Answer
	seen  map[Point]Answer
	// err is sticky: once it is set nothing is shown any more.
	err error
	now Situation
	// hub is a point from which the next ones differ in a dimension or two: a Decider makes use of that.
	hub Point
	// sites are the points around which the other dimensions are varied.
	sites []*site
	// prints are what was seen of each dimension's value at all sites.
	prints [][]fingerprint
}

// site is a point that is allowed, if there is one, at a place and with a kind of recipient.
type site struct {
	center Point
	// prints are what was seen of each dimension here.
	prints []fingerprint
}

func (w *walk) ask(p Point) Answer {
	p = w.space.canonical(p)
	if a, ok := w.seen[p]; ok || w.err != nil {
		return a
	}
	if len(w.seen)%256 == 0 {
		w.err = w.ctx.Err()
	}
	if len(w.seen) >= MaxSituations {
		w.err = w.space.exceeded()
		return Answer{}
	}
	w.space.build(&w.now, p)
	w.now.hub = w.hub
	a := w.show(&w.now)
	w.seen[p] = a
	return a
}

func (w *walk) run() error {
	w.prints = make([][]fingerprint, len(w.space.dims))
	for d := range w.prints {
		w.prints[d] = make([]fingerprint, len(w.space.dims[d].values))
	}
	kinds := w.kinds()
	for _, kind := range kinds {
		w.visit(kind, true, [2][][]uint8{})
	}
	known := w.classes()
	for i, kind := range kinds {
		if i == 0 {
			w.visit(kind, false, [2][][]uint8{nil, known})
		} else {
			w.visit(kind, false, [2][][]uint8{known, known})
		}
	}
	classes := w.classes()
	for _, s := range w.sites {
		w.print(s, classes)
	}
	for i, s := range w.sites {
		if varied := w.varied(i); slices.Contains(varied, true) {
			w.consents(s, classes, varied)
			for _, v := range w.consentsAt(s.center) {
				w.pairs(with(s.center, dimConsent, v), classes, varied)
			}
		}
	}
	return w.err
}

// visit makes the sites of one kind of recipient, at the probes or at all other places, and looks around them: at
// every value, or at those given for each of two consents.
func (w *walk) visit(kind uint8, probes bool, values [2][][]uint8) {
	for place := range w.space.dims[dimPlace].values {
		if slices.Contains(w.space.probes, uint8(place)) == probes {
			s := &site{center: w.center(uint8(place), kind)}
			w.sites = append(w.sites, s)
			w.around(s, values)
		}
	}
}

func with(p Point, dim int, value uint8) Point {
	p[dim] = value
	return p
}

// around shows, at a site, every consent, and every value of every other dimension, or those given, with two of them.
func (w *walk) around(s *site, values [2][][]uint8) {
	w.hub = s.center
	for v := range w.space.dims[dimConsent].values {
		w.ask(with(s.center, dimConsent, uint8(v)))
	}
	for i, v := range w.consentsAt(s.center) {
		center := with(s.center, dimConsent, v)
		base := w.ask(center)
		w.singles(center, values[i], func(d int, v uint8, a Answer) {
			if to := &w.space.dims[d].values[v]; !to.rare && !to.probed {
				w.prints[d][v].add(a, base)
			}
		})
	}
}

// print makes the prints of a site: of the consents, and of the classes of every other dimension.
func (w *walk) print(s *site, classes [][]uint8) {
	s.prints = make([]fingerprint, len(w.space.dims))
	base := w.ask(s.center)
	w.hub = s.center
	for v := range w.space.dims[dimConsent].values {
		s.prints[dimConsent].add(w.ask(with(s.center, dimConsent, uint8(v))), base)
	}
	for _, v := range w.consentsAt(s.center) {
		center := with(s.center, dimConsent, v)
		base := w.ask(center)
		w.singles(center, classes, func(d int, _ uint8, a Answer) { s.prints[d].add(a, base) })
	}
}

// consentsAt are the two consents at which other dimensions are varied everywhere: that of the center, and none or
// the best.
func (w *walk) consentsAt(c Point) []uint8 {
	if c[dimConsent] == noConsent {
		return []uint8{noConsent, w.space.best}
	}
	return []uint8{c[dimConsent], noConsent}
}

// singles shows every value of every dimension but consent and place, or those given, one changed at a time. What
// is rare only the first place is asked, and what is probed the probes alone.
func (w *walk) singles(p Point, values [][]uint8, f func(dim int, value uint8, a Answer)) {
	w.hub = p
	for d := dimNow; d < len(w.space.dims); d++ {
		for v := range w.space.dims[d].values {
			value := &w.space.dims[d].values[v]
			elsewhere := value.rare && p[dimPlace] != 0 || value.probed && !slices.Contains(w.space.probes, p[dimPlace])
			if !elsewhere && (values == nil || slices.Contains(values[d], uint8(v))) {
				f(d, uint8(v), w.ask(with(p, d, uint8(v))))
			}
		}
	}
}

// classes are the values of each dimension that were told apart at some site: of those that were not, the first.
// The plain value stays apart from all others, and is left out where no center has another.
func (w *walk) classes() [][]uint8 {
	classes := make([][]uint8, len(w.space.dims))
	for d := dimNow; d < len(w.prints); d++ {
		if slices.ContainsFunc(w.sites, func(s *site) bool { return s.center[d] != 0 }) {
			classes[d] = append(classes[d], 0)
		}
		for _, i := range w.apart(d) {
			if to := &w.space.dims[d].values[i+1]; !to.rare && !to.probed {
				classes[d] = append(classes[d], uint8(i+1))
			}
		}
	}
	return classes
}

// apart are the values of a dimension, but for the plain one, that were told apart. What a consent to the
// recipient alone does shows only together with a recipient, and what a completed erasure does with what it ends:
// those values always are.
func (w *walk) apart(d int) []int {
	prints := slices.Clone(w.prints[d][1:])
	for i := range prints {
		if d == w.space.named || w.space.dims[d].values[i+1].completes {
			prints[i] = fingerprint(i)
		}
	}
	return firsts(prints)
}

// varied says which dimensions are combined with others at a site: those that answered otherwise than at the
// earlier site that it is most like. At the first it is all of them.
func (w *walk) varied(i int) []bool {
	here := w.sites[i]
	var fewest []bool
	for _, other := range w.sites[:i] {
		if d := here.unlike(other); fewest == nil || count(d) < count(fewest) {
			fewest = d
		}
	}
	if fewest == nil {
		fewest = make([]bool, len(w.space.dims))
		for d := range fewest {
			fewest[d] = true
		}
	}
	return fewest
}

func count(list []bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}

func (s *site) unlike(other *site) []bool {
	out := make([]bool, len(s.prints))
	for d := range out {
		out[d] = s.prints[d] != other.prints[d]
	}
	return out
}

// consents shows every coarse consent with each class of the dimensions that vary, or of all where the consents do.
func (w *walk) consents(s *site, classes [][]uint8, varied []bool) {
	for v := range w.space.valuesOf(dimConsent) {
		w.hub = with(s.center, dimConsent, v)
		for d := dimNow; d < len(classes); d++ {
			for _, u := range classes[d] {
				if varied[d] || varied[dimConsent] {
					w.ask(with(w.hub, d, u))
				}
			}
		}
	}
}

// pairs shows every two dimensions of which one varies changed at once, each to one value of each of its classes.
func (w *walk) pairs(p Point, classes [][]uint8, varied []bool) {
	for d := dimNow; d < len(classes); d++ {
		for _, v := range classes[d] {
			w.hub = with(p, d, v)
			for e := d + 1; e < len(classes) && w.err == nil; e++ {
				if !varied[d] && !varied[e] {
					continue
				}
				for _, u := range classes[e] {
					w.ask(with(w.hub, e, u))
				}
			}
		}
	}
}
