package space_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
)

// now is the instant around which the tests make situations: 2026-11-01.
const now = consent.Instant(1793491200_000_000_000)

// load loads the shipped policies.
func load(t *testing.T, files fs.FS) *policy.Set {
	t.Helper()
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Detached()
}

// edited are the shipped policies with a text replaced in a file that must have it.
func edited(t *testing.T, file, before, after string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(policies.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(policies.FS, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	content := string(files[file].Data)
	if !strings.Contains(content, before) {
		t.Fatalf("%s does not have %q", file, before)
	}
	files[file].Data = []byte(strings.Replace(content, before, after, 1))
	return files
}

func vocabulary(t *testing.T, sets ...*policy.Set) *space.Vocabulary {
	t.Helper()
	v, err := space.NewVocabulary("example", now, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestWalkComparesTwoSets walks the space of two sets at once, as a diff does: it meets situations on which they
// differ, says in words which.
func TestWalkComparesTwoSets(t *testing.T) {
	sets := [2]*policy.Set{load(t, policies.FS), load(t, edited(t, "lib/levels/levels.rego", `	objected
	not basis.unconditional`, `	objected
	place.jurisdiction != "FR"
	not basis.unconditional`))}
	v := vocabulary(t, sets[:]...)
	shown, flips := 0, 0
	deciders := [2]*space.Decider{space.NewDecider(sets[0], "example"), space.NewDecider(sets[1], "example")}
	err := v.Space("product_improvement").Walk(t.Context(), func(c *space.Situation) space.Answer {
		shown++
		var decided [2]consent.Decision
		for i := range sets {
			var err error
			if decided[i], err = sets[i].Evaluate(t.Context(), &c.Request, c.State, c.Now); err != nil {
				t.Error(err)
			}
			if got, err := deciders[i].Decide(t.Context(), c); err != nil || !cmp.Equal(decided[i], got) {
				t.Fatalf("%s: decided %v, %v near the others, and %v alone", c.Describe(), got, err, decided[i])
			}
		}
		if decided[0].Effect != decided[1].Effect {
			flips++
			if c.State.Jurisdiction.Value != "FR" || len(c.State.Objections) == 0 {
				t.Errorf("they differ where %s", c.Describe())
			}
		}
		return space.Combine(space.AnswerOf(&decided[0]), space.AnswerOf(&decided[1]))
	})
	if err != nil || flips == 0 || shown < 5000 {
		t.Errorf("%v: %d flips in %d situations", err, flips, shown)
	}
}

// TestSpaceOfNobody: a controller that no set has is an error, and a context that ended ends a walk.
func TestSpaceOfNobody(t *testing.T) {
	set := load(t, policies.FS)
	if _, err := space.NewVocabulary("nobody", now, set); !errors.Is(err, consent.ErrUnknownController) {
		t.Errorf("error = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := vocabulary(t, set).Space("storage").Walk(ctx, func(*space.Situation) space.Answer { return space.Answer{} })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

// TestAPlaceThatNothingNames: one place is of the range that ISO 3166-1 leaves to its users and that neither rules
// nor data name, also where they name the first of the range.
func TestAPlaceThatNothingNames(t *testing.T) {
	for want, files := range map[string]fs.FS{
		"XA": policies.FS,
		"XB": edited(t, "lib/place/place.rego", `country == "GB"`, `country in {"GB", "XA"}`),
	} {
		lived := map[string]bool{}
		err := vocabulary(t, load(t, files)).Space("storage").Walk(t.Context(), func(c *space.Situation) space.Answer {
			lived[c.State.Jurisdiction.Value] = true
			return space.Answer{}
		})
		if err != nil || !lived[want] {
			t.Errorf("%v: nobody lives in %s: %v", err, want, lived)
		}
	}
}

// TestPlainest: a step is made as plain as what it shows, and what it changes stays.
func TestPlainest(t *testing.T) {
	set := load(t, policies.FS)
	s, decider, walker := vocabulary(t, set).Space("product_improvement"), space.NewDecider(set, "example"), &space.Walker{}
	err := walker.Walk(t.Context(), s, func(c *space.Situation) space.Answer {
		d, err := decider.Decide(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return space.AnswerOf(&d)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := walker.Freed(func(step space.Step) { t.Errorf("a restriction allows: %v", step) }); err != nil {
		t.Fatal(err)
	}
	var heaviest space.Step
	err = s.Walk(t.Context(), func(c *space.Situation) space.Answer {
		if objected(c) && c.Point().Weight() > heaviest.After.Weight() {
			heaviest = space.Stay(c.Point())
		}
		return space.Answer{}
	})
	if err != nil || heaviest.After.Weight() < 2 {
		t.Fatalf("%v: the heaviest situation has weight %d: the test says little", err, heaviest.After.Weight())
	}
	plainest := s.Plainest(heaviest, func(st space.Step) bool { return objected(s.Situation(st.After)) })
	if plainest.Before != plainest.After || plainest.After.Weight() != 1 {
		t.Errorf("an objection alone has weight %d: %s", plainest.After.Weight(), s.Situation(plainest.After).Describe())
	}
}

func objected(c *space.Situation) bool { return len(c.State.Objections) > 0 }
