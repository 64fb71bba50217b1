package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

type checkStream struct {
	grpc.BidiStreamingClient[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse]
	t *testing.T
}

func openStream(t *testing.T, s *served) checkStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	stream, err := consentv1.NewDecisionServiceClient(s.conn).CheckStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return checkStream{stream, t}
}

func streamed(id uint64, subject string) *consentv1.StreamedCheck {
	return &consentv1.StreamedCheck{Id: id, Check: &consentv1.CheckRequest{Controller: "acme", SubjectId: subject, Purpose: "ads"}}
}

func (s checkStream) send(checks ...*consentv1.StreamedCheck) {
	s.t.Helper()
	if err := s.Send(&consentv1.CheckStreamRequest{Checks: checks}); err != nil {
		s.t.Fatal(err)
	}
}

// results receives until there are n results.
func (s checkStream) results(n int) (all []*consentv1.StreamedResult) {
	s.t.Helper()
	for len(all) < n {
		m, err := s.Recv()
		if err != nil {
			s.t.Fatalf("after %d of %d results: %v", len(all), n, err)
		}
		all = append(all, m.GetResults()...)
	}
	return all
}

// ended receives until the stream ends and returns how.
func (s checkStream) ended() (results []*consentv1.StreamedResult, err error) {
	for {
		m, err := s.Recv()
		if err != nil {
			return results, err
		}
		results = append(results, m.GetResults()...)
	}
}

func (s checkStream) close() {
	s.t.Helper()
	if err := s.CloseSend(); err != nil {
		s.t.Fatal(err)
	}
}

// held is a fake whose checks of the subject "slow" wait for release or for their context.
func held() (f *fake, started chan struct{}, release chan struct{}) {
	started, release = make(chan struct{}, 100_000), make(chan struct{})
	return &fake{check: func(ctx context.Context, r *consent.Request, _ authz.Consistency) (consent.Decision, error) {
		if r.Subject.ID != "slow" {
			return consent.Decision{Effect: consent.Allow}, ctx.Err()
		}
		started <- struct{}{}
		select {
		case <-release:
			return consent.Decision{Effect: consent.Allow}, nil
		case <-ctx.Done():
			return consent.Decision{}, ctx.Err()
		}
	}}, started, release
}

func TestStreamAnswersWhatIsDoneFirst(t *testing.T) {
	f, started, release := held()
	stream := openStream(t, serve(t, f))
	stream.send(streamed(7, "slow"), streamed(9, "quick"))
	<-started
	if got := stream.results(1); got[0].GetId() != 9 || got[0].GetResponse().GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Errorf("first answer = %v, want that of 9", got)
	}
	stream.send(streamed(11, "quick"))
	if got := stream.results(1); got[0].GetId() != 11 {
		t.Errorf("second answer = %v, want that of 11", got)
	}
	close(release)
	if got := stream.results(1); got[0].GetId() != 7 {
		t.Errorf("last answer = %v, want that of 7", got)
	}
	stream.close()
	if rest, err := stream.ended(); !errors.Is(err, io.EOF) || len(rest) > 0 {
		t.Errorf("the stream ended with %v, %v", rest, err)
	}
}

// What fails alone in a stream fails as it does in a call of Check.
func TestStreamedErrorsAreThoseOfCheck(t *testing.T) {
	s := serve(t, &fake{check: func(_ context.Context, r *consent.Request, c authz.Consistency) (consent.Decision, error) {
		switch r.Subject.ID {
		case "down":
			return consent.Decision{}, consent.ErrUnavailable
		case "panic":
			panic("in the policy")
		case "token":
			return consent.Decision{}, consent.ErrBadToken
		}
		return consent.Decision{}, errors.New("driver text")
	}})
	type change = func(*consentv1.CheckRequest)
	for name, change := range map[string]change{
		"internal": func(*consentv1.CheckRequest) {},
		"down":     func(r *consentv1.CheckRequest) { r.SubjectId = "down" },
		"panic":    func(r *consentv1.CheckRequest) { r.SubjectId = "panic" },
		"token":    func(r *consentv1.CheckRequest) { r.SubjectId = "token" },
		"purpose":  func(r *consentv1.CheckRequest) { r.Purpose = "No" },
		"empty":    func(r *consentv1.CheckRequest) { proto.Reset(r) },
		"two faults": func(r *consentv1.CheckRequest) {
			r.Purpose, r.DataCategories = "", []string{"a", "!"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			stream := openStream(t, s)
			check := streamed(1, "u")
			change(check.Check)
			_, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), check.Check)
			want := status.Convert(err)
			stream.send(check, streamed(2, "down"))
			var got *consentv1.CheckError
			for _, r := range stream.results(2) {
				if r.GetId() == 1 {
					got = r.GetError()
				}
			}
			if codes.Code(got.GetCode()) != want.Code() || got.GetMessage() != want.Message() || want.Code() == codes.OK {
				t.Errorf("the stream says %v, Check %v", got, want)
			}
			var paths []string
			for _, v := range got.GetFieldViolations() {
				paths = append(paths, v.GetField())
			}
			if diff := cmp.Diff(fields(err), paths); diff != "" {
				t.Errorf("fields at fault (-Check +stream):\n%s", diff)
			}
			if wait := got.GetRetryDelay().AsDuration(); wait != retryIn(err) || (wait > 0) != (want.Code() == codes.Unavailable) {
				t.Errorf("%v: retry after %v, Check says %v", want.Code(), wait, retryIn(err))
			}
		})
	}
	if n := strings.Count(s.log.String(), "driver text"); n == 0 || strings.Contains(s.log.String(), "subject") {
		t.Errorf("the log has %d causes:\n%s", n, s.log.String())
	}
	if got := counter(t, s, "consentd_stream_checks_total", map[string]string{"grpc_code": "Unavailable"}); got != 8 {
		t.Errorf("%v UNAVAILABLE counted, want 8", got)
	}
}

// rawFrames sends bytes.
type rawFrames struct{}

func (rawFrames) Marshal(v any) ([]byte, error) {
	if raw, ok := v.([]byte); ok {
		return raw, nil
	}
	return proto.Marshal(v.(proto.Message))
}
func (rawFrames) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }
func (rawFrames) Name() string                       { return "proto" }

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rawStream(t *testing.T, s *served) checkStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)

	stream, err := consentv1.NewDecisionServiceClient(s.conn).CheckStream(ctx, grpc.ForceCodec(rawFrames{}))
	if err != nil {
		t.Fatal(err)
	}
	return checkStream{stream, t}
}

func TestOneUndecodableCheckFailsAlone(t *testing.T) {
	stream := rawStream(t, serve(t, &fake{}))
	data := encode(t, &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(1, "QQ"), streamed(2, "u")}})
	data = []byte(strings.Replace(string(data), "QQ", "\xff\xfe", 1))
	if err := stream.SendMsg(data); err != nil {
		t.Fatal(err)
	}
	for _, r := range stream.results(2) {
		e := r.GetError()
		switch {
		case r.GetId() == 2 && e != nil:
			t.Errorf("the sound check failed: %v", e)
		case r.GetId() == 1 && (codes.Code(e.GetCode()) != codes.InvalidArgument || e.GetFieldViolations()[0].GetField() != "subject_id"):
			t.Errorf("the undecodable check: %v", r)
		}
	}
}

func TestWhatBreaksTheProtocolEndsTheStream(t *testing.T) {
	f, _, release := held()
	defer close(release)
	s := serve(t, f)
	many := make([]*consentv1.StreamedCheck, 1001)
	for i := range many {
		many[i] = streamed(uint64(i)+1, "u")
	}
	for name, test := range map[string]struct {
		data  []byte
		field string
	}{
		"id 0": {encode(t, &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(0, "u")}}), "checks.id"},
		"same message": {encode(t, &consentv1.CheckStreamRequest{
			Checks: []*consentv1.StreamedCheck{streamed(5, "slow"), streamed(5, "u")},
		}), "checks.id"},
		"under way": {encode(t, &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(99, "u")}}), "checks.id"},
		"too many":  {encode(t, &consentv1.CheckStreamRequest{Checks: many}), "checks"},
		"garbage":   {[]byte{0xff, 0xff, 0xff}, "request"},
		"cut off":   {encode(t, &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(1, "u")}})[:9], "request"},
	} {
		t.Run(name, func(t *testing.T) {
			stream := rawStream(t, s)
			slow := &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(99, "slow")}}
			if err := stream.SendMsg(encode(t, slow)); err != nil {
				t.Fatal(err)
			}
			if err := stream.SendMsg(test.data); err != nil {
				t.Fatal(err)
			}
			_, err := stream.ended()
			if got := fields(err); status.Code(err) != codes.InvalidArgument || len(got) != 1 || got[0] != test.field {
				t.Errorf("the stream ended with %v, fields %v; want INVALID_ARGUMENT for %s", err, got, test.field)
			}
		})
	}
	stream := openStream(t, s)
	if err := stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{
		{Id: 1, Check: &consentv1.CheckRequest{SubjectId: strings.Repeat("x", 5<<20)}},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.ended(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message over 4 MiB: %v", err)
	}
}

func TestStreamedChecksAreCancelledAndTimeOut(t *testing.T) {
	f, started, _ := held()
	stream := openStream(t, serve(t, f))
	cancel := func(ids ...uint64) {
		t.Helper()
		if err := stream.Send(&consentv1.CheckStreamRequest{Cancel: ids}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(id uint64, code codes.Code) {
		t.Helper()
		got := stream.results(1)[0]
		if got.GetId() != id || codes.Code(got.GetError().GetCode()) != code {
			t.Errorf("got %v, want %v for %d", got, code, id)
		}
	}
	cancel(404)
	stream.send(streamed(1, "slow"))
	<-started
	cancel(1, 404)
	expect(1, codes.Canceled)
	cancel(1) // its answer has crossed
	late := streamed(2, "slow")
	late.Timeout = durationpb.New(20 * time.Millisecond)
	stream.send(late)
	<-started
	expect(2, codes.DeadlineExceeded)
	for id, timeout := range map[uint64]time.Duration{3: 0, 4: -time.Second} {
		none := streamed(id, "slow")
		none.Timeout = durationpb.New(timeout)
		stream.send(none)
		expect(id, codes.DeadlineExceeded)
	}
	if len(started) != 0 {
		t.Error("a check whose time was over was decided")
	}
	stream.send(streamed(1, "u")) // an id may be used again
	expect(1, codes.OK)
}

// A client that sends and does not receive is held up, not refused, and gets every answer in the end.
func TestStreamBoundsWhatIsUnderWay(t *testing.T) {
	const messages, each = 100, 200
	f, started, release := held()
	stream := openStream(t, serve(t, f))
	var sender sync.WaitGroup
	sender.Go(func() {
		for m := range messages {
			checks := make([]*consentv1.StreamedCheck, each)
			for i := range checks {
				checks[i] = streamed(uint64(m*each+i+1), "slow")
			}
			if err := stream.Send(&consentv1.CheckStreamRequest{Checks: checks}); err != nil {
				t.Error(err)
				return
			}
		}
		stream.close()
	})
	for n := range 256 {
		select {
		case <-started:
		case <-stream.Context().Done():
			t.Fatalf("%d checks were begun until the test's time was over", n)
		}
	}
	if n := len(started); n > 0 {
		t.Errorf("%d checks more than 256 are being decided", n)
	}
	close(release)
	seen := map[uint64]bool{}
	for _, r := range stream.results(messages * each) {
		if seen[r.GetId()] || r.GetResponse() == nil {
			t.Fatalf("answered twice or with an error: %v", r)
		}
		seen[r.GetId()] = true
	}
	sender.Wait()
	if _, err := stream.ended(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}

func TestStreamDrains(t *testing.T) {
	for _, closes := range []bool{true, false} {
		t.Run(fmt.Sprintf("client closes %v", closes), func(t *testing.T) {
			f, started, release := held()
			s := serve(t, f)
			stream := openStream(t, s)
			stream.send(streamed(1, "slow"))
			<-started
			s.api.Drain()
			if m, err := stream.Recv(); err != nil || !m.GetDraining() {
				t.Fatalf("got %v, %v, want draining", m, err)
			}
			stream.send(streamed(2, "u"))
			if got := stream.results(1); got[0].GetId() != 2 {
				t.Errorf("what crossed the word is answered: %v", got)
			}
			want := codes.Unavailable
			if closes {
				stream.close()
				want = codes.Unknown // io.EOF
			} else {
				stop := time.AfterFunc(300*time.Millisecond, func() { close(release) })
				defer stop.Stop()
			}
			if closes {
				close(release)
			}
			rest, err := stream.ended()
			if len(rest) != 1 || rest[0].GetId() != 1 || rest[0].GetResponse() == nil || status.Code(err) != want {
				t.Errorf("the stream ended with %v, %v", rest, err)
			}
		})
	}
}

func TestStreamedAnswersAreThoseOfCheck(t *testing.T) {
	s := serve(t, &fake{check: func(_ context.Context, r *consent.Request, c authz.Consistency) (consent.Decision, error) {
		return consent.Decision{Effect: consent.Allow, ID: r.Subject.ID + c.Token, PermittedDataCategories: r.DataCategories}, nil
	}})
	check := streamed(1, "u")
	check.Check.DataCategories = []string{"user.contact"}
	check.Check.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: "t"}}
	want, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), check.Check)
	if err != nil {
		t.Fatal(err)
	}
	stream := openStream(t, s)
	stream.send(check)
	if diff := cmp.Diff(want, stream.results(1)[0].GetResponse(), protocmp.Transform()); diff != "" {
		t.Errorf("-Check +stream:\n%s", diff)
	}
}

// Calls and streams use memory again: what one gets is never another's.
func TestAnswersAreNotMixed(t *testing.T) {
	s := serve(t, &fake{
		check: func(_ context.Context, r *consent.Request, _ authz.Consistency) (consent.Decision, error) {
			return consent.Decision{Effect: consent.Allow, ID: r.Subject.ID, PermittedDataCategories: r.DataCategories}, nil
		},
		batch: func(requests []consent.Request) ([]authz.Result, error) {
			results := make([]authz.Result, len(requests))
			for i, r := range requests {
				results[i].Decision = consent.Decision{Effect: consent.Allow, ID: r.Subject.ID}
			}
			return results, nil
		},
	})
	var group sync.WaitGroup
	for caller := range 16 {
		client := consentv1.NewDecisionServiceClient(s.conn)
		stream := openStream(t, s)
		group.Go(func() {
			for n := range 50 {
				id := strings.Repeat("x", (caller*37+n*11)%200) + fmt.Sprint(caller, "-", n)
				check := streamed(uint64(n+1), id).GetCheck()
				single, err := client.Check(t.Context(), check)
				if err != nil || single.GetDecisionId() != id {
					t.Errorf("Check of %s is of %s, %v", id, single.GetDecisionId(), err)
				}
				batch, err := client.BatchCheck(t.Context(), &consentv1.BatchCheckRequest{
					Requests: []*consentv1.CheckRequest{check, {}, check},
				})
				if err != nil || len(batch.GetResults()) != 3 || batch.GetResults()[2].GetResponse().GetDecisionId() != id ||
					batch.GetResults()[1].GetError() == nil {
					t.Errorf("BatchCheck of %s: %v, %v", id, batch, err)
				}
				one := &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{streamed(uint64(n+1), id)}}
				if err := stream.Send(one); err != nil {
					t.Error(err)
					return
				}
				m, err := stream.Recv()
				if err != nil || len(m.GetResults()) != 1 || m.GetResults()[0].GetResponse().GetDecisionId() != id {
					t.Errorf("the stream's answer for %s: %v, %v", id, m, err)
				}
			}
		})
	}
	group.Wait()
}
