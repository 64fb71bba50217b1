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
	// Fingerprint tells answers apart, Why the effect and the codes of their reasons alone.
	Fingerprint, Why uint64
}

// AnswerOf is the answer that a decision is. Decisions that differ in effect, reasons, basis, obligations or the number of
// permitted categories differ in fingerprint.
func AnswerOf(d *consent.Decision) Answer {
	h, why := fingerprint(offset), fingerprint(offset)
	h.byte(byte(d.Effect))
	h.byte(byte(d.Basis))
	for _, r := range d.Reasons {
		why.byte(byte(r.Code))
		h.byte(byte(r.Code))
		h.text(r.Clause)
	}
	for _, o := range d.Obligations {
		h.byte(byte(o.Code))
	}
	h.byte(byte(len(d.PermittedDataCategories)))
	return Answer{Allowed: d.Effect == consent.Allow, Reasons: len(d.Reasons), Fingerprint: uint64(h), Why: uint64(why)}
}

// Combine is the answer of two policies to one case: allowed if either allows, told apart if either tells it apart.
func Combine(a, b Answer) Answer {
	h, why := fingerprint(a.Fingerprint), fingerprint(a.Why)
	h.number(b.Fingerprint)
	why.number(b.Why)
	return Answer{
		Allowed: a.Allowed || b.Allowed, Reasons: min(a.Reasons, b.Reasons), Fingerprint: uint64(h), Why: uint64(why),
	}
}

// fingerprint is an FNV-1a hash.
type fingerprint uint64

const offset = 14695981039346656037

func (f *fingerprint) byte(b byte) { *f = (*f ^ fingerprint(b)) * 1099511628211 }

func (f *fingerprint) number(n uint64) {
	for i := range 8 {
		f.byte(byte(n >> (8 * i)))
	}
}

// add takes an answer by what it changes of that at the center: nothing, or the reasons. Places and recipients that differ at
// the center, in an obligation say, are so alike where they answer alike.
func (f *fingerprint) add(a, center Answer) {
	if a.Fingerprint == center.Fingerprint {
		f.byte(0)
		return
	}
	f.number(a.Why)
}

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
	// hub is a point from which the next ones differ in a dimension or two: a Decider makes use of that.
	hub point
	// sites are the points around which the other dimensions are varied.
	sites []*site
	// prints are what was seen of each dimension's value at all sites.
	prints [][]fingerprint
}

// site is a point that is allowed, if there is one, at a place and with a kind of recipient.
type site struct {
	center point
	// prints are what was seen of each dimension here.
	prints []fingerprint
}

func (w *walk) ask(p point) Answer {
	p = w.space.canonical(p)
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
			for _, v := range consentsAt(s.center) {
				w.pairs(with(s.center, dimConsent, v), classes, varied)
			}
		}
	}
	return w.err
}

// visit makes the sites of one kind of recipient, at the probes or at all other places, and looks around them: at every value,
// or at those given for each of two consents.
func (w *walk) visit(kind uint8, probes bool, values [2][][]uint8) {
	for place := range w.space.dims[dimPlace].values {
		if slices.Contains(w.space.probes, uint8(place)) == probes {
			s := &site{center: w.center(uint8(place), kind)}
			w.sites = append(w.sites, s)
			w.around(s, values)
		}
	}
}

func with(p point, dim int, value uint8) point {
	p[dim] = value
	return p
}

// anyKind is for a site with whatever recipient, or none, that is allowed.
const anyKind = maxValues

// kinds are the recipients, or none, at which sites are looked for. Of those that the law tells apart (the controller and its
// processors, authorities and its group, all others) it is the first with which a request is allowed, unless no single value
// of another dimension tells it apart from an earlier one at the probes. Where none is allowed it is anyKind.
func (w *walk) kinds() []uint8 {
	var allowed []uint8
	var prints []fingerprint
	seen := map[int]bool{}
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

// center finds a point that is allowed at a place and with a kind of recipient: by the centers of other sites, and else from
// the best of consents, step by step, each the one that leaves the fewest reasons to deny. Where there is none it is the one
// with the fewest.
func (w *walk) center(place, kind uint8) point {
	start := point{dimConsent: bestConsent}
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

func (w *walk) fix(p point, place, kind uint8) point {
	p[dimPlace] = place
	if kind != anyKind {
		p[w.space.recipient] = kind
	}
	return p
}

// step is the neighbour with the fewest reasons to deny, if they are fewer than those of p, or one that is allowed.
func (w *walk) step(p point, kind uint8) point {
	here := w.ask(p)
	if here.Allowed {
		return p
	}
	w.hub = p
	best, fewest := p, here.Reasons
	w.neighbours(p, kind, func(q point) bool {
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
func (w *walk) leap(p point) point {
	found := p
	going := func() bool { return found == p && w.err == nil && len(w.seen) < maxLeap }
	w.neighbours(p, anyKind, func(q point) bool {
		w.hub = q
		w.neighbours(q, anyKind, func(r point) bool {
			if w.ask(r).Allowed {
				found = r
			}
			return going()
		})
		return going()
	})
	return found
}

// neighbours calls f with each point that differs from p in one dimension, until f returns false: not in time and place, nor
// in the recipient where that is fixed.
func (w *walk) neighbours(p point, kind uint8, f func(point) bool) {
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

// around shows, at a site, every consent, and every value of every other dimension, or those given, with two of them.
func (w *walk) around(s *site, values [2][][]uint8) {
	w.hub = s.center
	for v := range w.space.dims[dimConsent].values {
		w.ask(with(s.center, dimConsent, uint8(v)))
	}
	for i, v := range consentsAt(s.center) {
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
	for _, v := range consentsAt(s.center) {
		center := with(s.center, dimConsent, v)
		base := w.ask(center)
		w.singles(center, classes, func(d int, _ uint8, a Answer) { s.prints[d].add(a, base) })
	}
}

// consentsAt are the two consents at which other dimensions are varied everywhere: that of the center, and none or the best.
func consentsAt(c point) []uint8 {
	if c[dimConsent] == noConsent {
		return []uint8{noConsent, bestConsent}
	}
	return []uint8{c[dimConsent], noConsent}
}

// singles shows every value of every dimension but consent and place, or those given, one changed at a time. What is rare
// only the first place is asked, and what is probed the probes alone.
func (w *walk) singles(p point, values [][]uint8, f func(dim int, value uint8, a Answer)) {
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

// classes are the values of each dimension that were told apart at some site: of those that were not, the first. The plain
// value stays apart from all others, and is left out where no center has another.
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

// apart are the values of a dimension, but for the plain one, that were told apart. What a consent to the recipient alone does
// shows only together with a recipient, and what a completed erasure does with what it ends: those values always are.
func (w *walk) apart(d int) []int {
	prints := slices.Clone(w.prints[d][1:])
	for i := range prints {
		if d == w.space.named || w.space.dims[d].values[i+1].completes {
			prints[i] = fingerprint(i)
		}
	}
	return firsts(prints)
}

// varied says which dimensions are combined with others at a site: those that answered otherwise than at the earlier site
// that it is most like. At the first it is all of them.
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
func (w *walk) pairs(p point, classes [][]uint8, varied []bool) {
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
