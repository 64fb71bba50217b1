// Package archive keeps the sets of policies that were in force, and when each was, so that a decision can be explained
// by the policies of then.
//
// Below its directory, sets/<revision>.zip holds the files of a set (a Copy, labelled with the revision), and
// history.jsonl the spans of time, under a digest of their own. A set is on disk before the span that names it, and the
// span before the set is in force: after a crash the history names nothing that was not kept. What is read back is
// verified twice, by the copy's digest and by the revision of what it loads as; anything else is an error, never
// another set.
//
// The newest sets are kept, as many as configured; their older spans stay in the history and say that they are not. A
// span ends when another set is put in force, so it goes on while no server runs.
//
// Where nodes share policies (Config.Sets) the history is the store's: its activations, whichever node made them and
// whether this node lived or not, and before the first one what this node kept. A set that is not kept here is fetched
// from there, and verified likewise. Where the store cannot be asked that is an error that wraps
// consent.ErrUnavailable.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/source"
)

// DefaultKeep is how many sets are kept if nothing else is said: the shipped set takes 80 kB, and 0.4 s to load.
const DefaultKeep = 100

// maxSpans bounds the history; a span takes some 200 bytes.
const maxSpans = 10_000

// maxLoaded is how many kept sets stay loaded, for questions that come one after the other.
const maxLoaded = 2

// Config says what an Archive works on.
type Config struct {
	// Dir is where it is kept; required. It is made when the first set is.
	Dir string
	// Keep is how many sets are kept, at least 1. Zero means DefaultKeep.
	Keep int
	// Sets are those of the store whose nodes share policies. Nil: this node has its own.
	Sets shared.Sets
	// Options are those that kept sets are loaded with, to decide as they did; they have no shadow.
	Options policy.Options
	// Logger gets what is wrong with kept sets. Nil: there is no log.
	Logger *slog.Logger
}

// Archive is the sets that were in force. All methods may be called concurrently.
type Archive struct {
	config Config

	mu struct {
		sync.Mutex
		// spans are in the order of their beginnings; unwritten is whether the disk has others.
		spans     []consent.PolicySpan
		unwritten bool
		// kept are the revisions of the sets on disk; settled is that of the last span, once all that Begin does is
		// done for it.
		kept    map[string]bool
		settled string
	}
	// loading is held by who loads a set; it guards loaded, the newest last.
	loading chan struct{}
	loaded  []*policy.Set
	// known are activations of the store, the newest first.
	known struct {
		sync.Mutex
		activations []shared.Activation
	}
}

// Open reads the history; nothing is written. A damaged history, or one of a newer format, is an error that says what
// to do.
func Open(c Config) (*Archive, error) {
	if c.Keep == 0 {
		c.Keep = DefaultKeep
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Archive{config: c, loading: make(chan struct{}, 1)}
	var err error
	if a.mu.spans, err = readHistory(a.history()); err != nil {
		return nil, err
	}
	a.mu.kept = map[string]bool{}
	names, err := a.stored()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if revision, ok := strings.CutSuffix(name, copySuffix); ok {
			a.mu.kept[revision] = true
		}
	}
	return a, nil
}

const copySuffix = ".zip"

func (a *Archive) history() string { return filepath.Join(a.config.Dir, "history.jsonl") }

func (a *Archive) copyOf(revision string) Copy {
	return Copy(filepath.Join(a.config.Dir, "sets", revision+copySuffix))
}

// stored are the names in the folder of sets.
func (a *Archive) stored() (names []string, err error) {
	entries, err := os.ReadDir(filepath.Join(a.config.Dir, "sets"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("the kept policies cannot be read: %w: correct the folder's permissions", err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Begin keeps a set, and notes that it is in force from an instant on: it is on disk when Begin returns. Where it
// cannot be written the error says why, and the history is right as long as this process lives; the next Begin tries
// again. A set that is in force already, from the same source, begins no other span.
func (a *Archive) Begin(set *policy.Set, from string, at consent.Instant) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	revision := set.Revision()
	if last := a.last(); last == nil || last.Revision != revision || last.Source != from {
		a.mu.unwritten, a.mu.settled = true, ""
		if last != nil {
			at = max(at, last.From) // a clock that was set back makes no span that ends before it begins
			last.Until = at
		}
		a.mu.spans = append(a.mu.spans, consent.PolicySpan{
			Revision: revision, From: at, Source: from, Controllers: controllersOf(set),
		})
		a.mu.spans = a.mu.spans[max(0, len(a.mu.spans)-maxSpans):]
	}
	if a.mu.settled == revision {
		return nil
	}
	if err := a.keep(set); err != nil {
		return err
	}
	if err := a.write(); err != nil {
		return fmt.Errorf("keeping the history of policies: %w", err)
	}
	a.prune()
	a.mu.settled = revision
	return nil
}

// last is the span of the set in force; nil: there is none. mu is held.
func (a *Archive) last() *consent.PolicySpan {
	if len(a.mu.spans) == 0 {
		return nil
	}
	return &a.mu.spans[len(a.mu.spans)-1]
}

func controllersOf(set *policy.Set) (ids []string) {
	for _, c := range set.Describe().Controllers {
		ids = append(ids, c.ID)
	}
	return ids
}

// Keep keeps a set that is about to be put in force: it is on disk when Keep returns.
func (a *Archive) Keep(set *policy.Set) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keep(set)
}

// keep writes the set's files if they are not there whole. mu is held.
func (a *Archive) keep(set *policy.Set) error {
	revision := set.Revision()
	if a.mu.kept[revision] {
		if _, origin, err := a.copyOf(revision).Read(); err == nil && origin == revision {
			return nil
		}
	}
	files, err := source.NewFiles(set.Describe().Files)
	if err == nil {
		err = a.copyOf(revision).Write(files, revision)
	}
	if err != nil {
		return fmt.Errorf("keeping the policies: %w", err)
	}
	a.mu.kept[revision] = true
	return nil
}

// write writes the history if the disk has another. mu is held.
func (a *Archive) write() error {
	if !a.mu.unwritten {
		return nil
	}
	if err := writeHistory(a.history(), a.mu.spans); err != nil {
		return err
	}
	a.mu.unwritten = false
	return nil
}

// prune removes the sets beyond those that are to be kept, and what a crash left. A file that cannot be removed is one
// too many, no loss. mu is held.
func (a *Archive) prune() {
	wanted := map[string]bool{}
	for _, span := range slices.Backward(a.mu.spans) {
		if len(wanted) < a.config.Keep {
			wanted[span.Revision] = true
		}
	}
	names, err := a.stored()
	for _, name := range names {
		if revision, ok := strings.CutSuffix(name, copySuffix); !ok || !wanted[revision] {
			err = errors.Join(err, os.Remove(filepath.Join(a.config.Dir, "sets", name)))
			delete(a.mu.kept, revision)
		}
	}
	if err != nil {
		a.config.Logger.Warn("kept policies could not be removed", "error", err)
	}
}

// History returns the spans, the newest first. The caller may keep and change it, but for what its elements refer to.
// The error wraps consent.ErrUnavailable; there is none where nodes share no policies.
func (a *Archive) History(ctx context.Context) ([]consent.PolicySpan, error) {
	if a.config.Sets == nil {
		return a.own(), nil
	}
	activations, err := a.activations(ctx)
	if err != nil {
		return nil, err
	}
	return append(spansOf(activations), before(a.own(), activations)...), nil
}

// own are the spans of this node, the newest first.
func (a *Archive) own() []consent.PolicySpan {
	a.mu.Lock()
	defer a.mu.Unlock()
	spans := slices.Clone(a.mu.spans)
	slices.Reverse(spans)
	for i := range spans {
		spans[i].Kept = a.mu.kept[spans[i].Revision]
	}
	return spans
}

// At returns the span in which an instant lies, or a *consent.PolicyNotKeptError where the history does not go back so
// far. Other errors are those of History.
func (a *Archive) At(ctx context.Context, at consent.Instant) (consent.PolicySpan, error) {
	spans, err := a.History(ctx)
	if err != nil {
		return consent.PolicySpan{}, err
	}
	for _, s := range spans {
		if s.From <= at && (s.Until == 0 || at < s.Until) {
			return s, nil
		}
	}
	e := &consent.PolicyNotKeptError{At: at, Why: "there is no history of policies yet"}
	if len(spans) > 0 {
		e.Why = "the history of policies begins on " + dateOf(spans[len(spans)-1].From)
	}
	return consent.PolicySpan{}, e
}

func dateOf(i consent.Instant) string { return i.Time().Format("2 January 2006, 15:04:05 MST") }

// Set loads a kept set by its revision, one at a time. The error is a *consent.PolicyNotKeptError, wraps
// consent.ErrUnavailable, or is the context's.
func (a *Archive) Set(ctx context.Context, revision string) (*policy.Set, error) {
	select {
	case a.loading <- struct{}{}:
		defer func() { <-a.loading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if i := slices.IndexFunc(a.loaded, func(s *policy.Set) bool { return s.Revision() == revision }); i >= 0 {
		return a.loaded[i], nil
	}
	set, err := a.load(revision)
	if err != nil && a.config.Sets != nil {
		set, err = a.loadShared(ctx, revision)
	}
	if err != nil {
		return nil, err
	}
	a.loaded = append(a.loaded, set)
	a.loaded = a.loaded[max(0, len(a.loaded)-maxLoaded):]
	return set, nil
}

// load loads a set that is kept here.
func (a *Archive) load(revision string) (*policy.Set, error) {
	if !a.keeps(revision) {
		return nil, &consent.PolicyNotKeptError{Revision: revision, Why: fmt.Sprintf("policies-keep is %d sets", a.config.Keep)}
	}
	files, origin, err := a.copyOf(revision).Read()
	if err == nil && origin != revision {
		err = fmt.Errorf("the kept policies %s are those of %s", a.copyOf(revision), origin)
	}
	if err != nil {
		return nil, a.unusable(revision, "the copy is damaged, as the server's log says", err)
	}
	return a.loadFiles(files, revision)
}

// loadFiles loads the files of a revision, and no others.
func (a *Archive) loadFiles(files *source.Files, revision string) (*policy.Set, error) {
	set, err := policy.Load(files.FS(), a.config.Options)
	if err != nil {
		return nil, a.unusable(revision, "this version of the server does not load them any more, as its log says", err)
	}
	if set.Revision() != revision {
		return nil, a.unusable(revision, "the copy is of others, as the server's log says",
			fmt.Errorf("it loads as %s", set.Revision()))
	}
	return set, nil
}

// unusable logs why kept policies cannot be used, and returns what is said of it.
func (a *Archive) unusable(revision, why string, err error) error {
	a.config.Logger.Error("kept policies cannot be used", "policy_revision", revision, "error", err)
	return &consent.PolicyNotKeptError{Revision: revision, Why: why}
}

// keeps reports whether a set is on disk. Only names from there are made into paths.
func (a *Archive) keeps(revision string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.kept[revision]
}
