package decisionlog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// rate says which decisions are logged.
type rate struct {
	// n: one in n; zero: none.
	n uint64
	// denials: those that deny alone.
	denials bool
}

func parseRate(s string) (rate, error) {
	switch s {
	case "all":
		return rate{n: 1}, nil
	case "deny":
		return rate{n: 1, denials: true}, nil
	case "none":
		return rate{}, nil
	}
	digits, ok := strings.CutPrefix(s, "1/")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n == 0 {
		return rate{}, fmt.Errorf("%q: give all, deny, none, or 1/N, such as 1/100", s)
	}
	return rate{n: n}, nil
}

// takes reports whether a decision is logged. One in n is chosen by its id, so that what near caches report of it goes
// with it.
func (r rate) takes(d *consent.Decision) bool {
	switch {
	case r.n == 0, r.denials && d.Effect == consent.Allow:
		return false
	case r.n == 1:
		return true
	}
	return chance(d.ID)%r.n == 0
}

// chance spreads ids evenly: FNV-1a, then mixed, as its low bits alone are not even enough.
func chance(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return h ^ h>>33
}

// purposes has the rates of single purposes, by purpose or controller/purpose.
type purposes map[string]rate

func parsePurposes(s string) (purposes, error) {
	all := purposes{}
	var faults []error
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		r, err := parseRate(value)
		switch _, twice := all[name]; {
		case !ok || name == "":
			err = fmt.Errorf("%q: give purpose=all, or controller/purpose=1/100, separated by commas", part)
		case twice:
			err = fmt.Errorf("%q stands twice", name)
		case err != nil:
			err = fmt.Errorf("%s: %w", name, err)
		}
		faults = append(faults, err)
		all[name] = r
	}
	return all, errors.Join(faults...)
}

// of is the rate of a request's purpose: its controller's own, the purpose's, or the rate of all.
func (p purposes) of(r *consent.Request, all rate) rate {
	if len(p) == 0 {
		return all
	}
	if own, ok := p[r.Subject.Controller+"/"+r.Purpose]; ok {
		return own
	}
	if own, ok := p[r.Purpose]; ok {
		return own
	}
	return all
}
