package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/bench/split"
	"github.com/consentd/consentd/client"
)

// profileSeconds is how long a profile is taken at most: some 500 looks at a server that keeps one processor busy.
const profileSeconds = 5

// profiled is how long a profile is taken, in whole seconds, as pprof takes it: as long as a figure's slices.
func (o *options) profiled() int {
	return min(profileSeconds, max(1, int(o.duration*time.Duration(o.answersSlices)/time.Second)))
}

// splits says where the server's time goes in a closed loop, apart from the slices that are compared: a profile costs
// something itself.
func (s *study) splits(ctx context.Context) error {
	s.b.progress.begin("answers: profiles")
	if err := os.MkdirAll(s.b.out, 0o750); err != nil {
		return err
	}
	c, err := client.Dial(s.on.grpcAddr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, one := range []struct {
		lane    *lane
		of      *answering
		callers int
	}{
		{newLane(echoName, s.echo(), s.on.server), s.on, 0},
		{s.unary(s.on, rememberedName), s.on, 0},
		{s.unary(s.off, notRememberedName), s.off, 0},
		{newLane(goClientName, s.on.asker.client(c, s.uniform()), s.on.server), s.on, manyCallers},
	} {
		if err := s.split(ctx, one.lane, one.of, one.callers); err != nil {
			return err
		}
	}
	return nil
}

// goClientName is the lane of the Go client, whose own time is in another profile.
const goClientName = "Go client, remembered"

// split takes the shares from a profile, and what they are shares of from the process' clock meanwhile.
func (s *study) split(ctx context.Context, l *lane, a *answering, callers int) error {
	seconds := s.b.profiled()
	c := s.b.completed(scenario{schedule: closed, workers: callers})
	c.duration = time.Duration(seconds)*time.Second + 100*time.Millisecond // the profile's request takes some
	var shares split.Split
	failed := make(chan error, 1)
	go func() {
		var err error
		shares, err = a.profile(ctx, seconds, s.profileFile(l.name))
		failed <- err
	}()
	own, err := os.Create(s.profileFile(l.name + " generator"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(own); err != nil {
		return err
	}
	slice := s.b.slice(ctx, c, &l.target)
	pprof.StopCPUProfile()
	if err := errors.Join(<-failed, own.Close()); err != nil {
		return err
	}
	s.b.progress.advance(c.duration)
	cpu := cpuPerRequest(&slice)
	row := report.Split{
		What: l.name, Subjects: s.b.population.Size, CPU: cpu, Samples: shares.Samples,
		Decision: shares.Decision * cpu, Edge: shares.Edge * cpu, Collection: shares.Collection * cpu, Transport: shares.Transport * cpu,
	}
	if l.err != nil {
		row.Note = "**first error: " + oneLine(l.err) + "**"
	}
	s.b.report.Splits = append(s.b.report.Splits, row)
	return ctx.Err()
}

// profileFile is where a lane's profile is kept, for go tool pprof.
func (s *study) profileFile(lane string) string {
	name := strings.NewReplacer(" ", "-", ",", "").Replace(lane)
	return filepath.Join(s.b.out, fmt.Sprintf("%s-%d.pprof", name, s.b.population.Size))
}

// profile splits a processor profile of the server over some seconds, from now on, and keeps it in a file.
func (a *answering) profile(ctx context.Context, seconds int, file string) (split.Split, error) {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", a.admin, seconds)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return split.Split{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return split.Split{}, fmt.Errorf("taking a profile: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // it only says why
		return split.Split{}, fmt.Errorf("taking a profile: %s: %s", response.Status, text)
	}
	kept, err := os.Create(file)
	if err != nil {
		return split.Split{}, err
	}
	shares, err := split.Read(io.TeeReader(response.Body, kept))
	return shares, errors.Join(err, kept.Close())
}
