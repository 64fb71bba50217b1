package admission

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

// accessUnit is the unit of the rules of access. No controller is called so.
const accessUnit = "access/"

// proveAccess asks the policy of access of all that its table names, and of what it does not, about each action, each
// controller and each purpose of the set: it must always answer true or false, by both engines alike, and permit
// nothing to nobody. It takes some milliseconds; a policy without rules of access is that of the rules that ship.
func (a *attempt) proveAccess(ctx context.Context, r *consent.PolicyReport) error {
	rules := a.set.Access()
	if rules == nil {
		return nil
	}
	access, err := rules.Over(a.set.Tree().Access)
	if err != nil {
		return err
	}
	at := a.placeOfAllow()
	for _, c := range a.callers() {
		for _, act := range a.acts() {
			message := accessFault(ctx, access, accessQuestion{c, act})
			if ctx.Err() != nil {
				return fmt.Errorf("proving the policy of access: %w", context.Cause(ctx))
			}
			if message != "" {
				r.Faults = append(r.Faults, faultAt(at.File, at.Line, message))
				return nil
			}
		}
	}
	return nil
}

// accessQuestion is whether a caller may do something.
type accessQuestion struct {
	who *caller.Caller
	act caller.Act
}

// String says who asks for what.
func (q accessQuestion) String() string {
	text := fmt.Sprintf("%s asks to %s", q.who, q.act.Action)
	if q.act.Controller != "" || q.act.Purpose != "" {
		text += fmt.Sprintf(" purpose %q of controller %q", q.act.Purpose, q.act.Controller)
	}
	return text
}

// accessFault is what is wrong with the answer to one question; empty: nothing.
func accessFault(ctx context.Context, access *policy.Access, q accessQuestion) string {
	err := access.Compare(ctx, q.who, q.act)
	if difference, differs := errors.AsType[*policy.DifferenceError](err); differs {
		return fmt.Sprintf("where %s %s", q, policy.OneLine(difference.Error()))
	}
	if err != nil {
		return fmt.Sprintf("allow fails where %s: %s: let it be true or false for every caller", q, policy.OneLine(err.Error()))
	}
	if permitted, err := access.Permits(q.who, q.act); err == nil && permitted && q.who.Kind == caller.KindAnonymous {
		return fmt.Sprintf("allow holds where %s: ask who calls before anything is permitted", q)
	}
	return ""
}

// placeOfAllow is where allow is defined first.
func (a *attempt) placeOfAllow() (at consent.PolicyFault) {
	modules := a.set.Tree().AccessModules()
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		for _, rule := range modules[name].Rules {
			if rule.Head.Name == "allow" && rule.Module.Package.Path.String() == tree.AccessRules {
				return consent.PolicyFault{File: name, Line: rule.Loc().Row}
			}
		}
	}
	return at
}

// callers are some of each kind, those that the set's table names, and nobody.
func (a *attempt) callers() []*caller.Caller {
	out := []*caller.Caller{
		caller.Anonymous,
		{Kind: caller.KindKey, ID: "x"}, {Kind: caller.KindCertificate, ID: "spiffe://x.example/y"},
		{Kind: caller.KindToken, ID: "x", Issuer: "https://x.example"},
		{
			Kind: caller.KindToken, ID: "ü *\n", Issuer: "https://x.example",
			Claims: map[string]any{"scope": "a b", "groups": []any{"a", 1.0, nil}},
		},
	}
	if table := a.set.Tree().Access; table != nil {
		for _, g := range table.Grants[:min(len(table.Grants), 20)] {
			for _, pattern := range g.Callers {
				out = append(out, callerOf(string(pattern)))
			}
		}
	}
	return out
}

// callerOf is one that a pattern names.
func callerOf(pattern string) *caller.Caller {
	kind, rest, _ := strings.Cut(pattern, ":")
	id, issuer, _ := strings.Cut(rest, " ")
	return &caller.Caller{Kind: caller.Kind(kind), ID: strings.Replace(id, "*", "x", 1), Issuer: issuer}
}

// acts are each action, on nothing, and on some purposes of the set's controllers with and without a recipient.
func (a *attempt) acts() (out []caller.Act) {
	for _, action := range caller.Actions() {
		out = append(out, caller.Act{Action: action}, caller.Act{Action: action, Controller: "unknown", Purpose: "unknown"})
	}
	for _, c := range a.set.Describe().Controllers {
		out = append(out, caller.Act{Action: caller.Read, Controller: c.ID})
		for _, p := range c.Purposes[:min(len(c.Purposes), 3)] {
			one := caller.Act{Action: caller.Check, Controller: c.ID, Purpose: p.Name}
			out = append(out, one)
			one.Recipient = consent.Recipient{Kind: consent.Affiliate, ID: "x", Country: "DE"}
			out = append(out, one)
		}
	}
	return out
}
