package policytest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/consentd/consentd/server/policy/tree"
)

// Mutation is how many planted faults the tests and cases noticed.
type Mutation struct {
	Mutants int     `json:"mutants"`
	Noticed int     `json:"noticed"`
	Percent float64 `json:"percent"`
	// Unnoticed are in the order of files and lines.
	Unnoticed []Mutant `json:"unnoticed"`
	Seconds   float64  `json:"seconds"`
}

// MutateOptions configure Mutate. The zero value plants faults everywhere and tells nobody how far it is.
type MutateOptions struct {
	// Under is a folder of the directory (controllers/acme) or a file: faults are planted there only. Empty:
	// everywhere.
	Under string
	// Progress, if not nil, is told how many faults are done of how many, one call at a time.
	Progress func(done, of int)
}

// Mutate plants one fault at a time in the rules that decisions depend on, and asks the tests and cases that look
// at its line whether they still come out as they should, until one does not. The faults: a condition is removed
// or negated, a comparison is moved by its bound (< for <=), one of several definitions of a rule is dropped. What
// does not compile, or what no decision depends on, is no mutant.
//
// The result is the same in every run. Time grows with the number of faults, some 20 ms each, and with the tests
// that have to run for those that nobody notices. The error is that of ctx, or says that a test fails without any
// fault.
func (s *Suite) Mutate(ctx context.Context, o MutateOptions) (*Mutation, error) {
	started := time.Now()
	var result *Mutation
	err := s.read(ctx, func(txn storage.Transaction) error {
		l, err := s.laboratory(ctx, txn)
		if err != nil {
			return err
		}
		l.mutants = slices.DeleteFunc(l.mutants, func(m mutant) bool { return !under(m.File, o.Under) })
		if len(l.mutants) == 0 {
			return fmt.Errorf("no rule to plant a fault in under %q", o.Under)
		}
		fates, err := l.run(ctx, o.Progress)
		result = summary(l.mutants, fates)
		return err
	})
	if err != nil {
		return nil, err
	}
	result.Seconds = seconds(started)
	return result, nil
}

func under(file, folder string) bool {
	folder = path.Clean("/" + folder)
	return folder == "/" || "/"+file == folder || strings.HasPrefix("/"+file, folder+"/")
}

// fate is what became of a mutant.
type fate uint8

const (
	stillborn fate = iota // it does not compile
	survived
	noticed
)

func summary(mutants []mutant, fates []fate) *Mutation {
	m := &Mutation{Unnoticed: []Mutant{}}
	for i, f := range fates {
		if f != stillborn {
			m.Mutants++
		}
		switch f {
		case noticed:
			m.Noticed++
		case survived:
			m.Unnoticed = append(m.Unnoticed, mutants[i].Mutant)
		}
	}
	if m.Mutants > 0 {
		m.Percent = math.Floor(float64(m.Noticed)*1000/float64(m.Mutants)) / 10
	}
	return m
}

// laboratory is what mutants are tried with.
type laboratory struct {
	suite   *Suite
	txn     storage.Transaction
	mutants []mutant
	// modules are the rules, and of the tests what they share: test rules are asked by their compiled bodies,
	// because to compile them for each mutant would take most of the time.
	modules map[string]*ast.Module
	// probes are sorted by how little they look at, so that the likeliest to notice come first.
	probes []reaching
}

// reaching is a probe and what it looks at.
type reaching struct {
	*probe
	reach reach
}

func (s *Suite) laboratory(ctx context.Context, txn storage.Transaction) (*laboratory, error) {
	compiler := ast.NewCompiler()
	if compiler.Compile(s.modules); compiler.Failed() {
		return nil, fmt.Errorf("compiling the tests: %w", compiler.Errors)
	}
	l := &laboratory{suite: s, txn: txn, mutants: s.mutants(compiler), modules: s.rules()}
	for name, m := range s.modules {
		if tree.IsTest(name) {
			l.modules[name] = withoutTests(m)
		}
	}
	sound := ast.NewCompiler()
	if sound.Compile(l.modules); sound.Failed() {
		return nil, fmt.Errorf("compiling the policies without their tests: %w", sound.Errors)
	}
	for _, p := range s.probes(compiler) {
		r := reaching{probe: p, reach: reach{}}
		e := evaluation{compiler: sound, store: s.store, txn: txn, tracer: r.reach, whole: true}
		var err error
		if p.want, err = p.count(ctx, e); err != nil {
			return nil, err
		}
		if p.want == 0 {
			return nil, fmt.Errorf("%s fails as the policies are", p.name)
		}
		l.probes = append(l.probes, r)
	}
	slices.SortStableFunc(l.probes, func(a, b reaching) int { return cmp.Compare(len(a.reach), len(b.reach)) })
	return l, nil
}

// probes are all tests and cases, in the order of files.
func (s *Suite) probes(compiler *ast.Compiler) (list []*probe) {
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		for _, rule := range compiler.Modules[name].Rules {
			if tree.IsTest(name) && isTestRule(rule) {
				name := fmt.Sprintf("%s:%d: %s", rule.Location.File, rule.Location.Row, rule.Head.Ref())
				list = append(list, &probe{name: name, body: rule.Body, value: rule.Head.Value})
			}
		}
	}
	for _, c := range s.cases {
		list = append(list, caseProbe(c))
	}
	return list
}

func isTestRule(rule *ast.Rule) bool {
	return strings.HasPrefix(strings.TrimPrefix(rule.Head.Ref()[0].String(), "data."), "test_") && rule.Else == nil
}

func withoutTests(m *ast.Module) *ast.Module {
	out := *m
	out.Rules = slices.DeleteFunc(slices.Clone(m.Rules), isTestRule)
	return &out
}

// run tries all mutants, as many at once as there are processors.
func (l *laboratory) run(ctx context.Context, progress func(done, of int)) ([]fate, error) {
	fates := make([]fate, len(l.mutants))
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range l.mutants {
		group.Go(func() (err error) {
			fates[i], err = l.try(ctx, &l.mutants[i])
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, len(l.mutants))
			}
			return err
		})
	}
	return fates, group.Wait()
}

func (l *laboratory) try(ctx context.Context, m *mutant) (fate, error) {
	if ctx.Err() != nil {
		return stillborn, context.Cause(ctx)
	}
	modules := maps.Clone(l.modules)
	modules[m.File] = m.plant(modules[m.File])
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return stillborn, nil
	}
	for _, p := range l.probes {
		if !p.reach.of(m) {
			continue
		}
		ok, err := p.holds(ctx, evaluation{compiler: compiler, store: l.suite.store, txn: l.txn})
		if err != nil {
			return stillborn, err
		}
		if !ok {
			return noticed, nil
		}
	}
	return survived, nil
}
