package policytest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

// Options configure a Suite. The zero value is for everyday use.
type Options struct {
	// Cases are run besides those in the directory.
	Cases []cases.Case
	// Now is what the times of cases count from; zero means the present.
	Now time.Time
	// Policy says how the policies are loaded, but for the logger: nothing is logged.
	Policy policy.Options
}

// Suite is a directory of policies with its tests and cases.
type Suite struct {
	set       *policy.Set
	modules   map[string]*ast.Module // all, tests too, as they were parsed
	store     storage.Store
	documents map[string]any // what the store has
	cases     []readyCase
	skipped   int
	now       consent.Instant
}

// readyCase is a case, ready to be asked.
type readyCase struct {
	*cases.Case
	asked cases.Question
	input ast.Value
}

// Load reads the policies below fsys with their tests and cases. The error lists the faults of the first stage
// that fails.
func Load(fsys fs.FS, o Options) (*Suite, error) {
	o.Policy.Logger = slog.New(slog.DiscardHandler)
	set, err := policy.Load(fsys, o.Policy)
	if err != nil {
		return nil, err
	}
	modules, err := set.Tree().All()
	if err != nil {
		return nil, err
	}
	s := &Suite{
		set: set, modules: modules, documents: set.Tree().Documents,
		store: inmem.NewFromObjectWithOpts(set.Tree().Documents, inmem.OptReturnASTValuesOnRead(true)),
	}
	found, _, err := cases.Find(fsys)
	if err != nil {
		return nil, err
	}
	return s, s.ask(slices.Concat(found, o.Cases), o.Now)
}

// ask turns the cases into requests over states.
func (s *Suite) ask(list []cases.Case, now time.Time) error {
	if now.IsZero() {
		now = time.Now()
	}
	s.now = consent.InstantOf(now)
	var faults []error
	for i := range list {
		c := &list[i]
		if c.Expect.Error != "" {
			s.skipped++
			continue
		}
		q, err := s.ready(c, now)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", c.File, c.Line, err))
			continue
		}
		s.cases = append(s.cases, q)
	}
	return errors.Join(faults...)
}

func (s *Suite) ready(c *cases.Case, now time.Time) (q readyCase, err error) {
	if _, err := s.set.Purposes(c.Controller); err != nil {
		return q, fmt.Errorf("controller %q is not in this directory", c.Controller)
	}
	q.Case = c
	if q.asked, err = c.Question(now); err == nil {
		q.input = s.set.Input(&q.asked.Request, q.asked.State, q.asked.Now)
	}
	return q, err
}

// rules are the modules without the tests.
func (s *Suite) rules() map[string]*ast.Module {
	out := make(map[string]*ast.Module, len(s.modules))
	for name, m := range s.modules {
		if !tree.IsTest(name) {
			out[name] = m
		}
	}
	return out
}

// read runs f in a transaction that reads the data.
func (s *Suite) read(ctx context.Context, f func(storage.Transaction) error) error {
	return storage.Txn(ctx, s.store, storage.TransactionParams{}, f)
}
