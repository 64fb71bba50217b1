package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
)

// quiet is for what logs on its own: commands print errors.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// logSample takes decisions evenly from a log of unknown length (reservoir sampling). Two runs take the same.
type logSample struct {
	items  []replay.Item
	size   int
	seen   int64
	random *rand.Rand
}

func newLogSample(size int) *logSample {
	return &logSample{size: size, random: rand.New(rand.NewPCG(1, 2))}
}

func (s *logSample) add(i replay.Item) error {
	if i.Line.Kind() != line.Decided {
		return nil
	}
	s.seen++
	if len(s.items) < s.size {
		s.items = append(s.items, i)
	} else if at := s.random.Int64N(s.seen); at < int64(s.size) {
		s.items[at] = i
	}
	return nil
}

// Why a line is not explained, beside what replay says.
const (
	underKey    = "the subject is named under a key: replay it with --data and --log-key"
	degraded    = "the state could not be read when it was decided"
	sameMoment  = "something was recorded for the subject at that very moment"
	notExplains = "the server cannot answer as of then: "
)

// explainLogged has a server explain what a line says, as of then, and compares decision, reasons and policies.
func explainLogged(ctx context.Context, c *client.Client, item *replay.Item) (result replay.Result, err error) {
	result.Decisions = 1
	skip := func(why string) (replay.Result, error) {
		result.Skipped = map[string]uint64{why: 1}
		return result, nil
	}
	l := &item.Line
	switch {
	case l.SubjectKey != "":
		return skip(underKey)
	case slices.ContainsFunc(l.Masked, func(path string) bool { return path != "caller" && path != "latency_ns" }):
		return skip(replay.Masked)
	case l.Decision.Degraded != 0:
		return skip(degraded)
	}
	request, err := loggedQuestion(l)
	if err != nil {
		return result, err
	}
	response, err := c.Explain(ctx, request)
	if code := status.Code(err); code == codes.NotFound || code == codes.FailedPrecondition {
		return skip(notExplains + status.Convert(err).Message())
	} else if err != nil {
		return result, err
	}
	then := replayedOf(response.GetDecision())
	if token, err := wire.ParseToken(response.GetDecision().GetConsistencyToken()); err == nil && l.HasState &&
		consent.Revision(token.Revision) > l.Decision.StateRevision {
		return skip(sameMoment)
	}
	if then.Effect == l.Decision.Effect && slices.Equal(then.Reasons, l.Decision.Reasons) &&
		(l.Decision.PolicyRevision == "" || then.PolicyRevision == l.Decision.PolicyRevision) {
		result.Same = 1
		return result, nil
	}
	result.Different, result.Differences = 1, []replay.Difference{{Item: *item, Replayed: then}}
	return result, nil
}

// replayedOf has of an answer what is compared.
func replayedOf(r *consentv1.CheckResponse) consent.Decision {
	d := consent.Decision{PolicyRevision: r.GetPolicyRevision(), Basis: consent.Basis(r.GetLegalBasis())}
	if r.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		d.Effect = consent.Allow
	}
	for _, reason := range r.GetReasons() {
		d.Reasons = append(d.Reasons, consent.Reason{Code: consent.ReasonCode(reason.GetCode()), Clause: reason.GetClause()})
	}
	return d
}

// loggedQuestion asks for a line's decision as of then.
func loggedQuestion(l *line.Line) (*consentv1.ExplainRequest, error) {
	check, err := loggedCheck(l)
	if err != nil {
		return nil, err
	}
	at := timestamppb.New(l.Time.Time())
	return &consentv1.ExplainRequest{Check: check, At: at, KnownAt: at, Policies: consentv1.PolicyChoice_POLICY_CHOICE_THEN}, nil
}

// loggedCheck is a line's request as the API has it.
func loggedCheck(l *line.Line) (*consentv1.CheckRequest, error) {
	r := &l.Request
	check := client.NewCheck(r.Subject.Controller, r.Subject.ID, r.Purpose)
	check.DataCategories = r.DataCategories
	if r.Recipient != (consent.Recipient{}) {
		check.Recipient = &consentv1.Recipient{
			Kind: consentv1.RecipientKind(r.Recipient.Kind), Id: r.Recipient.ID, Country: r.Recipient.Country,
		}
	}
	facts, err := l.Facts()
	if err == nil && facts != nil {
		check.Context, err = structpb.NewStruct(facts)
	}
	return check, err
}
