// Package split says where a server's processor time goes, by its profile: into decisions, the edge around them,
// garbage collection, or the transport.
//
// Each sample counts for one of the four. A frame of the garbage collector makes it collection, wherever it stands:
// who allocates is made to help. Otherwise the innermost frame of a package of ours decides, so that what libraries do
// for a package, protobuf's decoding below the edge or an allocation below a policy, is that package's. All else is
// transport: gRPC, the network, system calls, the scheduler. So is what lies below the network's own frames: the edge
// wraps connections, but reading and writing is none of its work.
package split

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/pprof/profile"
)

// Split is a share, from 0 to 1, for each part of a server. The shares add up to 1, or are all 0 where nothing was
// sampled.
type Split struct {
	Decision, Edge, Collection, Transport float64
	// Samples is how often the profiler looked: a share of few is a rough one.
	Samples int64
}

const server = "github.com/consentd/consentd/server/"

// decision and edge are the packages that count for each, with those below them. Packages of the server that are in
// neither, such as consent and app, count for whichever calls them.
var (
	decision = []string{"policy", "authz", "cache", "store"}
	edge     = []string{"grpcapi", "limit", "access", "caller", "telemetry", "usage", "audit"}
)

// collector are the beginnings of the garbage collector's functions: its workers, what allocations are made to help
// with, and what takes memory back.
var collector = []string{"runtime.gcBgMarkWorker", "runtime.gcAssist", "runtime.bgsweep", "runtime.bgscavenge"}

// Read splits a processor profile as net/http/pprof writes it.
func Read(r io.Reader) (Split, error) {
	p, err := profile.Parse(r)
	if err != nil {
		return Split{}, fmt.Errorf("reading a profile: %w", err)
	}
	return Of(p)
}

// Of splits a processor profile. It fails if p is another kind of profile.
func Of(p *profile.Profile) (Split, error) {
	count, nanos := -1, -1
	for i, t := range p.SampleType {
		switch t.Type {
		case "samples":
			count = i
		case "cpu":
			nanos = i
		}
	}
	if count < 0 || nanos < 0 {
		return Split{}, errors.New("no processor profile: it has no samples, or no time for them")
	}
	var s Split
	total := 0.0
	for _, sample := range p.Sample {
		spent := float64(sample.Value[nanos])
		*s.part(partOf(sample)) += spent
		s.Samples += sample.Value[count]
		total += spent
	}
	for of := range parts {
		if total > 0 {
			*s.part(of) /= total
		}
	}
	return s, nil
}

// part is where a sample counts.
type part int

const (
	transport part = iota
	decisions
	edges
	collection
	parts
)

func (s *Split) part(of part) *float64 {
	return [parts]*float64{&s.Transport, &s.Decision, &s.Edge, &s.Collection}[of]
}

func partOf(s *profile.Sample) part {
	names := stack(s)
	for _, name := range names {
		for _, beginning := range collector {
			if strings.HasPrefix(name, beginning) {
				return collection
			}
		}
	}
	for _, name := range names {
		switch p := packageOf(name); {
		case p == "net":
			return transport
		case within(p, decision):
			return decisions
		case within(p, edge):
			return edges
		}
	}
	return transport
}

// stack are the names of a sample's functions, the innermost first, those that were inlined too.
func stack(s *profile.Sample) (names []string) {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

// packageOf is the import path in a function's name: of a/b.(*C).d it is a/b.
func packageOf(name string) string {
	name, _, _ = strings.Cut(name, "[") // type arguments have paths of their own
	base := strings.LastIndexByte(name, '/') + 1
	own, _, _ := strings.Cut(name[base:], ".")
	return name[:base] + own
}

func within(name string, rooms []string) bool {
	rest, ok := strings.CutPrefix(name, server)
	if !ok {
		return false
	}
	room, _, _ := strings.Cut(rest, "/")
	for _, r := range rooms {
		if r == room {
			return true
		}
	}
	return false
}
