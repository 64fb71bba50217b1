package main

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// mixes asks few subjects often and most seldom, where of a hundred answers some are remembered. What is missed is the
// answer alone: states are warm. All lanes are one server's, so that one that misses takes room from the others, as it
// does where a server is asked both; the share that was remembered stands beside the one that was aimed at.
func (s *study) mixes(ctx context.Context) error {
	var lanes []*lane
	for i, percent := range []int{0, 50, 90, 99} {
		call := s.on.asker.mixed(question.Zipf(s.b.population), mix{percent: percent, number: i})
		lanes = append(lanes, s.remembers(newLane(fmt.Sprintf("aimed at %d %%", percent), call, s.on.server)))
	}
	if err := s.rounds(ctx, "mixes", scenario{schedule: closed}, lanes...); err != nil {
		return err
	}
	for _, l := range lanes {
		for _, f := range []struct {
			what, unit string
			of         func(*load.Slice) float64
		}{{"server CPU per check, some answers remembered", "µs", cpuPerRequest}, {"checks, some answers remembered", "/s", perSecond}} {
			one := s.of(l, f.what, f.unit, f.of)
			one.Note = joined(one.Note, fmt.Sprintf("%.1f %% were remembered, says /metrics", 100*l.hitShare()))
			s.figure(one)
		}
	}
	return nil
}

// mix is how many of a hundred requests may have been asked before, and the number of the mix among those of the run,
// which makes its other requests differ from those of the others.
type mix struct{ percent, number int }

// mixed asks one question per request.
func (a *asker) mixed(choose question.Chooser, m mix) load.Call {
	return func(ctx context.Context, n int) error {
		q := choose(n)
		request := a.population.Check(q)
		if n%100 >= m.percent {
			makeUnique(request, uint64(m.number)<<48|uint64(n))
		}
		answer, err := a.clients[n%len(a.clients)].Check(ctx, request)
		if err != nil {
			return err
		}
		a.compare(q, answer)
		return nil
	}
}

// uniqueField is no field of a CheckRequest, so that a server that follows protobuf's rules answers as without it.
const uniqueField = 1000

// makeUnique changes a request's bytes, and not what it asks.
func makeUnique(request *consentv1.CheckRequest, number uint64) {
	unknown := protowire.AppendTag(nil, uniqueField, protowire.Fixed64Type)
	request.ProtoReflect().SetUnknown(protowire.AppendFixed64(unknown, number))
}
