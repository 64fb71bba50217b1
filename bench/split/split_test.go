package split_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/pprof/profile"

	"github.com/consentd/consentd/bench/split"
)

const ours = "github.com/consentd/consentd/server/"

// handmade is a processor profile of one sample for each stack, given from the innermost function on. Functions after
// the first are alternately inlined into the one before and in a location of their own.
func handmade(stacks ...[]string) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 10_000_000,
	}
	for _, names := range stacks {
		s := &profile.Sample{Value: []int64{1, 10_000_000}}
		for i, name := range names {
			f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
			p.Function = append(p.Function, f)
			if i%2 == 0 {
				l := &profile.Location{ID: uint64(len(p.Location) + 1)}
				p.Location, s.Location = append(p.Location, l), append(s.Location, l)
			}
			last := s.Location[len(s.Location)-1]
			last.Line = append(last.Line, profile.Line{Function: f})
		}
		p.Sample = append(p.Sample, s)
	}
	return p
}

// Each stack counts for the part that does the work of it.
func TestAttribution(t *testing.T) {
	grpc := []string{ours + "grpcapi.(*edge).guarded.func1", "google.golang.org/grpc.(*Server).processUnaryRPC", "runtime.goexit"}
	over := func(names ...string) []string { return append(names, grpc...) }
	var (
		decision, edge  = split.Split{Decision: 1, Samples: 1}, split.Split{Edge: 1, Samples: 1}
		gc, transported = split.Split{Collection: 1, Samples: 1}, split.Split{Transport: 1, Samples: 1}
	)
	for name, c := range map[string]struct {
		want  split.Split
		stack []string
	}{
		"a policy":              {decision, over(ours + "policy/engine.(*program).run")},
		"an allocation of it":   {decision, over("runtime.mallocgc", ours+"policy.(*Set).Decide")},
		"the check":             {decision, over(ours + "authz.(*Authorizer).Check")},
		"the states' cache":     {decision, over("runtime.mapaccess1", ours+"cache.(*Cache).Get")},
		"the domain, for it":    {decision, over(ours+"consent.InstantOf", ours+"authz.(*Authorizer).Check")},
		"a read of the store":   {decision, over("internal/poll.(*FD).Pread", "os.(*File).ReadAt", ours+"store/pebble.(*Store).Read")},
		"the edge itself":       {edge, over()},
		"protobuf below it":     {edge, over("google.golang.org/protobuf/proto.Unmarshal", ours+"grpcapi.codec.Unmarshal")},
		"validation below it":   {edge, over("buf.build/go/protovalidate.(*validator).Validate")},
		"the limits on arrival": {edge, []string{ours + "limit.(*Limits).Arrive", ours + "app.(*App).arrive", "runtime.goexit"}},
		"who calls":             {edge, over(ours + "caller/authn.(*Authenticator).Authenticate")},
		"a type argument":       {edge, over(ours + "grpcapi.handle[go.shape.*" + ours + "policy.Set].func1")},
		"gRPC":                  {transported, grpc[1:]},
		"the scheduler":         {transported, []string{"runtime.futex", "runtime.findRunnable", "runtime.mcall"}},
		"a wrapped connection":  {transported, []string{"internal/poll.(*FD).Write", "net.(*conn).Write", ours + "limit.(*conn).Write"}},
		"a room of like name":   {transported, []string{ours + "policytest.Run", "runtime.goexit"}},
		"a sample without one":  {transported, nil},
		"the collector":         {gc, []string{"runtime.scanobject", "runtime.gcDrain", "runtime.gcBgMarkWorker.func2"}},
		"help for it":           {gc, over("runtime.gcAssistAlloc", "runtime.mallocgc", ours+"policy.(*Set).Decide")},
		"the sweeper":           {gc, []string{"runtime.sweepone", "runtime.bgsweep"}},
		"the scavenger":         {gc, []string{"runtime.madvise", "runtime.bgscavenge"}},
	} {
		got, err := split.Of(handmade(c.stack))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

// Shares are of the time, after the profile's way over the wire too, and add up.
func TestShares(t *testing.T) {
	p := handmade([]string{ours + "policy.f"}, []string{ours + "grpcapi.f"}, []string{"runtime.bgsweep"}, []string{"runtime.futex"})
	p.Sample[0].Value = []int64{5, 50_000_000}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := split.Read(&b)
	want := split.Split{Decision: 0.625, Edge: 0.125, Collection: 0.125, Transport: 0.125, Samples: 8}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// Nothing sampled is no share, and no NaN; another profile is an error, as is what is none.
func TestNothing(t *testing.T) {
	if got, err := split.Of(handmade()); err != nil || got != (split.Split{}) || math.IsNaN(got.Edge) {
		t.Errorf("%+v, %v", got, err)
	}
	heap := handmade()
	heap.SampleType = []*profile.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"}}
	if _, err := split.Of(heap); err == nil {
		t.Error("a heap profile is split")
	}
	if _, err := split.Read(bytes.NewReader([]byte("no such thing"))); err == nil {
		t.Error("what is no profile is split")
	}
}
