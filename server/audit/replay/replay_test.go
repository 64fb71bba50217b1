package replay_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/pebble"
)

var decisions = flag.Int("replay-decisions", 20_000, "how many decisions are logged under load and made again")

const controller = "example"

// people is few on purpose: what is checked is being changed.
const people = 60

// load asks and records, as several callers at once, until enough was asked.
type load struct {
	t      *testing.T
	s      *servertest.Server
	stream *client.Client
	began  time.Time
	asked  atomic.Int64
	events atomic.Int64
	// recorded counts the writes that were not refused.
	recorded atomic.Int64
	// batch is how many decisions a batch asks for.
	batch int
	// purposes are all of the controller's.
	purposes []string
}

// run returns how many decisions were given out.
func (l *load) run(want int) int {
	var asking, writing sync.WaitGroup
	ctx, stop := context.WithCancel(l.t.Context())
	defer stop()
	for w := range 24 { // they share syncs of the disk
		writing.Go(func() {
			for r := rand.New(rand.NewPCG(uint64(w), 1)); ctx.Err() == nil; {
				l.write(ctx, r)
			}
		})
	}
	for w := range 4 {
		asking.Go(func() {
			for r := rand.New(rand.NewPCG(uint64(w), 2)); l.asked.Load() < int64(want) && ctx.Err() == nil; {
				l.ask(ctx, r)
			}
		})
	}
	asking.Wait()
	stop()
	writing.Wait()
	return int(l.asked.Load())
}

func id(r *rand.Rand) string {
	if n := r.IntN(people); n%3 == 0 {
		return fmt.Sprintf("cookie:c%d", n)
	} else if n%20 == 1 {
		return fmt.Sprintf("device:shared%d", n)
	} else {
		return fmt.Sprintf("u%d", n)
	}
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// check is a random request.
func (l *load) check(r *rand.Rand) *consentv1.CheckRequest {
	check := client.NewCheck(controller, id(r), pick(r, slices.Concat(l.purposes, []string{"undeclared"})...))
	if r.IntN(3) == 0 {
		check.DataCategories = []string{pick(r, "user.contact.email", "user.location", "user.health_and_medical")}
	}
	if r.IntN(4) == 0 {
		check.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind(1 + r.IntN(7)), Id: "acme", Country: pick(r, "US", "JP", "")}
	}
	if r.IntN(4) == 0 {
		check.Context = &structpb.Struct{Fields: map[string]*structpb.Value{
			pick(r, "gpc", "anonymized", "feedback", "x\"y"): structpb.NewBoolValue(true), "n": structpb.NewNumberValue(r.Float64()),
		}}
	}
	return check
}

// ask asks in one of the ways that there are.
func (l *load) ask(ctx context.Context, r *rand.Rand) {
	var err error
	n := 1
	switch r.IntN(4) {
	case 0:
		_, err = l.s.Decisions.Check(ctx, l.check(r))
	case 1:
		_, err = l.stream.Check(ctx, l.check(r))
	case 2:
		request := &consentv1.BatchCheckRequest{}
		for n = 0; n < l.batch; n++ {
			request.Requests = append(request.Requests, l.check(r))
		}
		_, err = l.s.Decisions.BatchCheck(ctx, request)
	default:
		n = len(l.purposes)
		_, err = l.s.Decisions.ListPurposes(ctx, &consentv1.ListPurposesRequest{Controller: controller, SubjectId: id(r)})
	}
	if err != nil {
		l.t.Error(err)
		return
	}
	l.asked.Add(int64(n))
}

// write records something. What contradicts what is on record is refused, and that is right.
func (l *load) write(ctx context.Context, r *rand.Rand) {
	var err error
	one, other := id(r), id(r)
	for one == other {
		other = id(r)
	}
	switch r.IntN(12) {
	case 0:
		_, err = l.s.Consents.LinkSubjects(ctx, client.NewLink(controller, one, other, "support"))
	case 1:
		_, err = l.s.Consents.UnlinkSubjects(ctx, client.NewUnlink(controller, one, other, "support", "urn:paper:1"))
	default:
		_, err = l.s.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: controller, SubjectId: id(r), Events: []*consentv1.Event{l.event(r), l.event(r)},
		})
	}
	switch status.Code(err) {
	case codes.OK:
		l.recorded.Add(1)
	case codes.FailedPrecondition, codes.Canceled, codes.DeadlineExceeded:
	default:
		l.t.Error(err)
	}
}

func (l *load) event(r *rand.Rand) *consentv1.Event {
	n := l.events.Add(1)
	e := &consentv1.Event{
		Id: fmt.Sprintf("e%d", n), Source: "privacy_settings", Evidence: "urn:paper:1",
		OccurredAt: timestamppb.New(l.began.Add(time.Duration(r.IntN(3600)-3600) * time.Second)),
	}
	purpose, lifted := pick(r, l.purposes...), r.IntN(2) == 0
	switch r.IntN(10) {
	case 0:
		e.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: []string{purpose}, Lifted: lifted}}
	case 1:
		e.Kind = &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
			Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_ACCURACY_CONTESTED, Lifted: lifted,
		}}
	case 2:
		e.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: fmt.Sprintf("e%d", 1+r.Int64N(n))}}
	case 3:
		jurisdiction := pick(r, "DE", "US-CA", "JP")
		e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: &jurisdiction}}
	case 4:
		yes := true
		e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: &yes}}
	default:
		e.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
			Purpose: purpose, Status: consentv1.ConsentStatus(1 + r.IntN(5)), NoticeVersion: 3, Explicit: lifted,
		}}
		if lifted && e.GetConsent().GetStatus() == consentv1.ConsentStatus_CONSENT_STATUS_GIVEN {
			e.GetConsent().ExpiresAt = timestamppb.New(time.Now().Add(time.Duration(r.IntN(4000)) * time.Millisecond))
		}
	}
	return e
}

// logged starts a server that logs to a file, and has it decide under load.
func logged(t *testing.T, c decisionlog.Config, want int) (dir string, asked int) {
	t.Helper()
	dir = t.TempDir()
	c.Overflow, c.FileSize, c.FileTotal = decisionlog.Block, 4<<20, 100<<30
	s := servertest.Start(t, servertest.Options{DataDir: dir, DecisionLog: c, Policies: someControllers(t)})
	stream, err := client.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	l := &load{t: t, s: s, stream: stream, began: time.Now(), batch: min(500, max(50, want/400))}
	all, err := s.Decisions.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: controller, SubjectId: "u1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all.GetPurposes() {
		l.purposes = append(l.purposes, p.GetPurpose())
	}
	began := time.Now()
	asked = l.run(want) + len(l.purposes)
	t.Logf("%d decisions and %d writes in %v", asked, l.recorded.Load(), time.Since(began).Round(time.Millisecond))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	return dir, asked
}

// someControllers are the shipped policies without the other controllers, whose proofs take their time.
func someControllers(t *testing.T) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, policies.FS); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "controllers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != controller {
			if err := os.RemoveAll(filepath.Join(dir, "controllers", e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	return os.DirFS(dir)
}

// verify replays the files on a data directory.
func verify(t *testing.T, dir, pattern string, change func(*replay.Config, *line.Line)) replay.Result {
	t.Helper()
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	sets, err := archive.Open(archive.Config{
		Dir: filepath.Join(dir, "policies"), Options: policy.Options{Logger: slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	config := replay.Config{Store: store, Policies: sets}
	change(&config, nil)
	r := replay.New(config)
	var whole replay.Result
	for _, name := range files {
		log, err := line.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var items []replay.Item
		for {
			next, err := log.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s:%v", name, err)
			}
			change(nil, &next)
			items = append(items, replay.Item{Line: next, File: name, Number: log.Number()})
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		result, err := r.Verify(t.Context(), items)
		if err != nil {
			t.Fatal(err)
		}
		whole.Add(result)
	}
	return whole
}

func unchanged(*replay.Config, *line.Line) {}

// TestEveryDecisionReplays: each decision that was given out under load, in every way there is, is in the log once, and
// comes out the same; and what is changed in the log does not.
func TestEveryDecisionReplays(t *testing.T) {
	logs := t.TempDir()
	dir, asked := logged(t, decisionlog.Config{Sink: filepath.Join(logs, "decisions.jsonl.zst")}, *decisions)
	began, pattern := time.Now(), filepath.Join(logs, "*.zst")
	got := verify(t, dir, pattern, unchanged)
	t.Logf("replayed in %v", time.Since(began).Round(time.Millisecond))
	if got.Decisions != uint64(asked) || got.Same != got.Decisions || got.Missing > 0 {
		t.Errorf("%d given out, %d logged, %d the same, %d different, not replayed: %v",
			asked, got.Decisions, got.Same, got.Different, got.Skipped)
	}
	for _, d := range got.Differences[:min(len(got.Differences), 3)] {
		t.Errorf("%s:%d\n%s%+v", d.File, d.Number, line.Append(nil, &d.Line), d.Replayed)
	}
	if *decisions > 20_000 {
		return
	}
	t.Run("a changed log is found out", func(t *testing.T) {
		changes := []func(*line.Line){
			func(l *line.Line) { l.Decision.Effect = 1 - l.Decision.Effect },
			func(l *line.Line) { l.Decision.Reasons[0].Code++ },
			func(l *line.Line) { l.Decision.Reasons[0].Clause += "x" },
			func(l *line.Line) { l.Decision.Basis++ },
			func(l *line.Line) { l.Decision.ValidUntil++ },
		}
		n, changed := 0, map[string]bool{}
		got := verify(t, dir, pattern, func(_ *replay.Config, l *line.Line) {
			if l == nil {
				return
			}
			if n++; n%500 == 0 {
				changes[n/500%len(changes)](l)
				changed[l.Decision.ID] = true
			}
		})
		if got.Different != uint64(len(changed)) || got.Same+got.Different != got.Decisions || len(changed) < len(changes) {
			t.Errorf("%d of %d different, want %d", got.Different, got.Decisions, len(changed))
		}
		for _, d := range got.Differences {
			if !changed[d.Line.Decision.ID] {
				t.Errorf("%s was not changed, and is different", d.Line.Decision.ID)
			}
		}
		// Other states give other answers: the revision in the line is what makes a replay exact.
		got = verify(t, dir, pattern, func(_ *replay.Config, l *line.Line) {
			if l != nil {
				l.Decision.StateRevision /= 2
			}
		})
		if got.Different < got.Decisions/100 {
			t.Errorf("on other states %d of %d are different: the test says little", got.Different, got.Decisions)
		}
	})
	t.Run("what cannot be replayed is told", func(t *testing.T) {
		reasons := []string{replay.Masked, replay.NoState, replay.StateAhead, replay.NotKept, replay.NoKey, replay.NoController}
		n, want := 0, map[string]uint64{}
		got := verify(t, dir, pattern, func(_ *replay.Config, l *line.Line) {
			if l == nil {
				return
			}
			why := reasons[n%len(reasons)]
			n++
			want[why]++
			switch why {
			case replay.Masked:
				l.Masked = []string{"request.context"}
			case replay.NoState:
				l.HasState = false
			case replay.StateAhead:
				l.Decision.StateRevision = 1 << 40
			case replay.NotKept:
				l.Decision.PolicyRevision = "0123456789abcdef0123456789abcdef"
			case replay.NoKey:
				l.SubjectKey = "k"
			case replay.NoController:
				l.Request.Subject.Controller = "none"
			}
		})
		if diff := cmp.Diff(want, got.Skipped); diff != "" || got.Same+got.Different > 0 {
			t.Errorf("%d the same, %d different (-want +got):\n%s", got.Same, got.Different, diff)
		}
	})
}

// TestSubjectsUnderAKeyReplay: who has the key can make decisions again that do not name their subject.
func TestSubjectsUnderAKeyReplay(t *testing.T) {
	logs := t.TempDir()
	file := filepath.Join(logs, "keys")
	if err := os.WriteFile(file, []byte("k1 000102030405060708090a0b0c0d0e0f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := line.ReadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, asked := logged(t, decisionlog.Config{Sink: filepath.Join(logs, "decisions.jsonl"), SubjectKey: file}, 2000)
	got := verify(t, dir, filepath.Join(logs, "*.jsonl"), func(c *replay.Config, l *line.Line) {
		if c != nil {
			c.Keys = keys
		}
		if l != nil && (l.SubjectKey != "k1" || len(l.Request.Subject.ID) != 64) {
			t.Errorf("the line names %+v", l.Request.Subject)
		}
	})
	// Those who were never on record cannot be found by their name.
	if got.Decisions != uint64(asked) || got.Same+got.Skipped[replay.NotOnRecord] != got.Decisions || got.Same < got.Decisions/2 {
		t.Errorf("%d of %d the same, %d different, %v", got.Same, asked, got.Different, got.Skipped)
	}
}
