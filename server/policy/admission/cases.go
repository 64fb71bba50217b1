package admission

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"time"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// readCases reads the cases that stand beside the rules. The error has the faults of files that are no lists of
// cases, and of cases of controllers that the set does not have.
func (u *units) readCases(fsys fs.FS, controllers []consent.Controller) error {
	list, contents, err := cases.Find(fsys)
	if err != nil {
		return err
	}
	u.cases, u.contents = map[string][]cases.Case{}, contents
	for _, c := range controllers {
		u.cases[c.ID] = nil
	}
	faults := &consent.PolicyFaultsError{}
	for i := range list {
		c := &list[i]
		if _, ok := u.cases[c.Controller]; !ok {
			faults.Faults = append(faults.Faults, consent.PolicyFault{File: c.File, Line: c.Line, Message: fmt.Sprintf(
				"case %q: controller %q is not in this set: mend the name or remove the case", c.Name, c.Controller)})
			continue
		}
		u.cases[c.Controller] = append(u.cases[c.Controller], *c)
	}
	if len(faults.Faults) > 0 {
		return faults
	}
	return nil
}

const day = consent.Instant(24 * time.Hour)

// casesKey is that of a controller's cases: what the controller means, what the files say that have them, and the
// day, because cases may name dates.
func (a *attempt) casesKey(controller string) string {
	h := sha256.New()
	written := map[string]bool{}
	for _, c := range a.units.cases[controller] {
		if !written[c.File] {
			written[c.File] = true
			fmt.Fprintf(h, "%d:%s=%d:%s\n", len(c.File), c.File, len(a.units.contents[c.File]), a.units.contents[c.File])
		}
	}
	return fmt.Sprintf("cases:%d:%s:%s", a.now/day, a.provenKey(controller), hex.EncodeToString(h.Sum(nil)))
}

// testCases decides the cases of the controllers whose cases are not known to pass, by the compiled policies.
func (a *attempt) testCases(ctx context.Context, r *consent.PolicyReport) {
	for _, controller := range a.set.Describe().Controllers {
		list := a.units.cases[controller.ID]
		if len(list) == 0 {
			continue
		}
		key := a.casesKey(controller.ID)
		u, known := a.prover.testedBefore(key)
		if !known {
			failed := r.Tests.Failed
			u = a.decideCases(ctx, list, r)
			known = r.Tests.Failed == failed && ctx.Err() == nil
		}
		r.Tests.Passed += u.passed
		r.Tests.Skipped += u.skipped
		maps.Copy(a.covered, u.covered)
		if known {
			a.memory.tested[key] = u
		}
	}
}

// decideCases decides cases until ctx ends. Those that expect an error are about the API and are skipped.
func (a *attempt) decideCases(ctx context.Context, list []cases.Case, r *consent.PolicyReport) testedUnit {
	a.ran = true
	u := testedUnit{covered: map[string]bool{}}
	for i := range list {
		c := &list[i]
		switch differences := a.decideCase(ctx, c, u.covered); {
		case c.Expect.Error != "":
			u.skipped++
		case ctx.Err() != nil:
			return u
		case differences == "":
			u.passed++
		default:
			r.Tests.Failed++
			r.Faults = append(r.Faults, faultAt(c.File, c.Line, fmt.Sprintf(
				"case %q fails: %s: mend the rule or the case", c.Name, differences)))
		}
	}
	return u
}

// compared returns how the engines differ over a question; nil: they do not, or nobody can tell.
func (a *attempt) compared(ctx context.Context, q *cases.Question) (d *policy.DifferenceError) {
	_, err := a.set.Compare(ctx, &q.Request, q.State, q.Now)
	errors.As(err, &d)
	return d
}

// decideCase returns how the decision differs from what the case expects; empty: it does not.
func (a *attempt) decideCase(ctx context.Context, c *cases.Case, covered map[string]bool) string {
	if c.Expect.Error != "" {
		return ""
	}
	q, err := c.Question(a.now.Time())
	if err != nil {
		return err.Error()
	}
	d, err := a.set.Evaluate(ctx, &q.Request, q.State, q.Now)
	if difference := a.compared(ctx, &q); difference != nil && err == nil {
		return difference.Error()
	}
	if err != nil {
		return fmt.Sprintf("expected %s, but the policy fails: %s", c.Expect.Decision, policy.OneLine(err.Error()))
	}
	if a.tracked != nil {
		rules := a.tracked.Rules()
		a.tracked.Fired(ctx, &q.Request, q.State, q.Now, func(rule int) {
			covered[a.lines[position(rules[rule].File, rules[rule].Row)]] = true
		})
	}
	var texts []string
	for _, difference := range c.Expect.Differences(cases.AnswerOf(d)) {
		texts = append(texts, fmt.Sprintf("expected %s, got %s", difference.Want, difference.Got))
	}
	return strings.Join(texts, "; ")
}
