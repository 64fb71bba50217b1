// Regocorpus runs the rules and tests of a folder of Rego through the compiled engine, in all its
// variants, beside OPA's topdown, and counts where they differ. It is meant for public repositories with
// tests, fetched beside the project:
//
//	go run . [-inputs N] [-seed N] FOLDER…
//
// Every module is compiled with as many of its neighbors as OPA takes at once. Every document and every test rule is an
// entrypoint; inputs are those that the tests of the folder use, besides none and an empty one. Built-ins that are not
// OPA's own get a stub, the same for both; modules with built-ins that reach out of the process, or that are random,
// are left out, and so are files of data.
//
// The exit status is 1 where a value differs. An error of the engine where topdown has a value is counted as spared:
// there the service asks topdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	o := options{}
	flag.IntVar(&o.inputs, "inputs", 6, "inputs for each entrypoint")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the choice of inputs")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Second, "time for one evaluation by topdown")
	flag.IntVar(&o.shown, "show", 20, "differences to show")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: regocorpus [flags] FOLDER…")
		os.Exit(2)
	}
	differences := 0
	for _, folder := range flag.Args() {
		c, err := run(context.Background(), folder, o)
		if err != nil {
			fmt.Fprintf(os.Stderr, "regocorpus: %s: %v\n", folder, err)
			os.Exit(2)
		}
		c.print(folder)
		differences += c.differences
	}
	if differences > 0 {
		os.Exit(1)
	}
}

// options are those of the command line.
type options struct {
	inputs, shown int
	seed          uint64
	timeout       time.Duration
}

// counts are what a folder showed.
type counts struct {
	files, modules   int // found, and compiled in some group
	groups           int
	entrypoints      int // documents and tests
	tests            int // of these
	refused          map[string]int
	evaluations      int // by the engine
	spared           int // errors of the engine where topdown has a value
	overBudget       int
	undecided        int // topdown took too long
	values, failures int // what topdown made of the entrypoints: values, and errors
	differences      int
}

func (c *counts) print(folder string) {
	fmt.Printf("%s: %d of %d modules in %d groups, %d entrypoints (%d tests), %d evaluations by the engine, "+
		"%d values and %d errors by topdown\n",
		folder, c.modules, c.files, c.groups, c.entrypoints, c.tests, c.evaluations, c.values, c.failures)
	given := 0
	for why, n := range c.refused {
		fmt.Printf("  %d entrypoints given to topdown: %s\n", n, why)
		given += n
	}
	fmt.Printf("  given to topdown %d, errors spared %d, over budget %d, undecided %d, DIFFERENCES %d\n",
		given, c.spared, c.overBudget, c.undecided, c.differences)
}

// run compares all groups of a folder.
func run(ctx context.Context, folder string, o options) (*counts, error) {
	c := &counts{refused: map[string]int{}}
	files, err := read(folder)
	if err != nil {
		return nil, err
	}
	c.files = len(files)
	stub(files)
	for _, g := range group(files, folder) {
		c.groups++
		c.modules += len(g.modules)
		if err := g.compare(ctx, c, o); err != nil {
			return nil, err
		}
	}
	return c, nil
}
