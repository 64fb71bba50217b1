package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/bench/echo"
	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// answersFigures is about how many figures' time the part takes for each size of the population.
const answersFigures = 16

// The lanes of the part.
const (
	nullName          = "null RPC"
	echoName          = "echo"
	rememberedName    = "remembered"
	notRememberedName = "not remembered"
)

// answering is bench/target over a copy of the run's data.
type answering struct {
	*server
	// admin is where its profiles are.
	admin string
	asker *asker
}

// study compares a server that remembers answers with one that does not, over the same subjects, and both with what
// gRPC alone charges for calls of their sizes.
type study struct {
	b       *bench
	on, off *answering
	// sizes are those of a check's messages, on average.
	sizes echo.Sizes
}

// answersBeside says what a check costs over its floor, and where the time goes, for each size of the population.
// Slices of what is compared take turns.
func (b *bench) answersBeside(ctx context.Context) error {
	b.progress.begin("building bench/target")
	binary, err := buildTarget(ctx, b.temp)
	if err != nil {
		return err
	}
	if b.options.server != "" {
		b.report.Notes = append(b.report.Notes,
			"answers: measured on bench/target, built from this source, and not on the binary that --server names")
	}
	for _, size := range b.answersSubjects {
		if err := b.study(ctx, binary, size); err != nil {
			return fmt.Errorf("%d subjects: %w", size, err)
		}
	}
	return nil
}

func (b *bench) study(ctx context.Context, binary string, size int) error {
	if b.population.Size != size {
		if err := b.forget(); err != nil {
			return err
		}
		if err := b.populate(ctx, size); err != nil {
			return err
		}
	}
	s := &study{b: b}
	defer s.stop()
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return s.start(ctx, binary) },
		s.warm, s.measureSizes, s.compare, s.splits, s.batches, s.goClient, s.mixes,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return errors.Join(wrongs(s.on.asker, s.off.asker), b.server.start(ctx))
}

// start starts both servers over copies of the data. The run's server is stopped meanwhile: its files must not change,
// and it must not take time.
func (s *study) start(ctx context.Context, binary string) (err error) {
	s.b.server.stop()
	if s.on, err = s.startOne(ctx, binary, answersOn); err != nil {
		return err
	}
	s.off, err = s.startOne(ctx, binary, answersOff)
	return err
}

// cacheBytes is room for all states and answers of 100,000 subjects: what is compared is what each costs that is there.
const cacheBytes = "1073741824"

func (s *study) startOne(ctx context.Context, binary, answers string) (*answering, error) {
	admin, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	a := &answering{admin: admin, server: &server{
		binary: binary, dataDir: filepath.Join(s.b.temp, "answers-"+answers), connections: s.b.conns,
		flags: []string{"--answers", answers, "--admin-addr", admin, "--cache-size", cacheBytes},
	}}
	if err := os.CopyFS(a.dataDir, os.DirFS(s.b.server.dataDir)); err != nil {
		return nil, fmt.Errorf("copying the data: %w", err)
	}
	if err := a.server.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("--answers %s: %w", answers, err), a.end())
	}
	a.asker = newAsker(s.b.population, a.conns)
	return a, nil
}

// end stops the server and removes its data.
func (a *answering) end() error {
	a.stop()
	return os.RemoveAll(a.dataDir)
}

func (s *study) stop() {
	for _, a := range []*answering{s.on, s.off} {
		if a != nil {
			_ = a.end() // what is left is removed with the run's folder
		}
	}
}

// enough is the share of answers that a warm server remembers.
const enough = 0.999

// warm has both servers know all states, and the one remember all answers.
func (s *study) warm(ctx context.Context) error {
	s.b.progress.begin("answers: warming")
	for _, a := range []*answering{s.on, s.off} {
		if err := a.asker.all(ctx); err != nil {
			return err
		}
	}
	return s.remember(ctx)
}

// remember asks for everything until nearly all is remembered, and notes where it is not.
func (s *study) remember(ctx context.Context) error {
	const passes = 4
	share := 0.0
	for range passes {
		hits, all, err := s.on.answersLookups(ctx)
		if err != nil {
			return err
		}
		if err := s.everything(ctx); err != nil {
			return err
		}
		hitsNow, allNow, err := s.on.answersLookups(ctx)
		if err != nil {
			return err
		}
		if allNow == all {
			s.note("the server counts no lookups of answers: it remembers none, and both servers do the same")
			return nil
		}
		if share = (hitsNow - hits) / float64(s.questions()); share >= enough {
			return nil
		}
	}
	s.note(fmt.Sprintf("**only %.1f %% of answers are remembered after all were asked for %d times**", 100*share, passes))
	return nil
}

func (s *study) questions() int { return len(question.Purposes) * s.b.population.Size }

// everything asks once for each purpose of each subject.
func (s *study) everything(ctx context.Context) error {
	ask := s.on.asker.unary(func(n int) question.Question {
		return question.Question{Subject: n / len(question.Purposes), Purpose: n % len(question.Purposes)}
	})
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(s.b.workers)
	for n := range s.questions() {
		asking.Go(func() error { return ask(ctx, n) })
	}
	if err := asking.Wait(); err != nil {
		return fmt.Errorf("asking for everything: %w", err)
	}
	return nil
}

// measureSizes takes the mean of some real checks: a denial with its reasons is longer than an approval.
func (s *study) measureSizes(ctx context.Context) error {
	const calls = 200
	choose := s.uniform()
	for n := range calls {
		request := s.b.population.Check(choose(n))
		answer, err := s.on.asker.clients[0].Check(ctx, request)
		if err != nil {
			return err
		}
		s.sizes.Request += proto.Size(request)
		s.sizes.Answer += proto.Size(answer)
	}
	half := calls / 2 // rounds to the nearest
	s.sizes.Request, s.sizes.Answer = (s.sizes.Request+half)/calls, (s.sizes.Answer+half)/calls
	return nil
}

// echo is a call that carries as much as a check, on the server that remembers.
func (s *study) echo() load.Call {
	call := echo.Call(s.sizes)
	return func(ctx context.Context, n int) error { return call(ctx, s.on.conns[n%len(s.on.conns)]) }
}

func (s *study) uniform() question.Chooser { return question.Uniform(s.b.population) }

// unary is a lane of single checks.
func (s *study) unary(a *answering, name string) *lane {
	return newLane(name, a.asker.unary(s.uniform()), a.server)
}

// rounds is bench.rounds in as many rounds as the part has.
func (s *study) rounds(ctx context.Context, what string, c scenario, lanes ...*lane) error {
	s.b.progress.begin("answers: " + what)
	c.slices = s.b.answersSlices
	return s.b.rounds(ctx, c, lanes...)
}

func (s *study) figure(f report.Figure) { s.b.report.Figures = append(s.b.report.Figures, f) }

// of is a figure of a lane.
func (s *study) of(l *lane, what, unit string, figure func(*load.Slice) float64) report.Figure {
	f := report.Figure{What: what, System: l.name, Subjects: s.b.population.Size, Unit: unit, Value: l.of(figure)}
	return withErrors(f, l)
}

// over is a figure of a lane over the same of another, in the same round.
func (s *study) over(l, other *lane, what string, figure func(*load.Slice) float64) report.Figure {
	f := report.Figure{
		What: what, System: l.name + " ÷ " + other.name, Subjects: s.b.population.Size, Unit: "×", Value: l.over(other, figure),
	}
	return withErrors(f, l, other)
}

func (s *study) note(text string) {
	s.b.report.Notes = append(s.b.report.Notes, fmt.Sprintf("answers, %d subjects: %s", s.b.population.Size, text))
}
