package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errWrong is the error of an answer that is not the truth.
var errWrong = errors.New("wrong answer")

// acts count what was done, by kind and outcome. The zero value is ready for use; it may be used concurrently.
type acts struct {
	mu    sync.Mutex
	kinds map[string]map[string]*outcome
}

type outcome struct {
	count int
	first error
}

const wrong = "wrong"

func outcomeOf(err error) string {
	if errors.Is(err, errWrong) {
		return wrong
	}
	return status.Code(err).String()
}

func (a *acts) count(kind string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds == nil {
		a.kinds = map[string]map[string]*outcome{}
	}
	if a.kinds[kind] == nil {
		a.kinds[kind] = map[string]*outcome{}
	}
	name := outcomeOf(err)
	if a.kinds[kind][name] == nil {
		a.kinds[kind][name] = &outcome{first: err}
	}
	a.kinds[kind][name].count++
}

// String is a table.
func (a *acts) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	b.WriteString("\n| what | outcome | count | the first |\n|---|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(a.kinds)) {
		for _, name := range slices.Sorted(maps.Keys(a.kinds[kind])) {
			o, first := a.kinds[kind][name], ""
			if o.first != nil {
				first = o.first.Error()
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", kind, name, o.count, first)
		}
	}
	return b.String() + "\n"
}

// faults are wrong answers, and kinds of which nothing succeeded.
func (a *acts) faults() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []error
	for kind, outcomes := range a.kinds {
		if o := outcomes[wrong]; o != nil {
			all = append(all, fmt.Errorf("%s: %d times: %w", kind, o.count, o.first))
		}
		if outcomes[codes.OK.String()] == nil {
			all = append(all, fmt.Errorf("%s: none succeeded", kind))
		}
	}
	return errors.Join(all...)
}
