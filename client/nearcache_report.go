package client

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// What a near cache answers, the server is told of afterwards, by counts, so that its decision log and its record of
// processing know. A hit costs one atomic addition; all else happens here, off the path of checks, and whatever goes
// wrong with it concerns no check. What was counted since the last report is missing when the process is killed.

// The measures of reports.
const (
	defaultReportEvery = 5 * time.Second
	// reportTimeout bounds a call, lastReport what closing waits for.
	reportTimeout = 5 * time.Second
	lastReport    = 500 * time.Millisecond
	// maxReported is how many decisions one call may tell of, by the API.
	maxReported = 1000
	// maxGone bounds the decisions that are kept only to be reported, and the reports that could not be sent.
	maxGone = 1 << 16
)

// nearReports gathers what a near cache answered and tells the server. Its methods may be called concurrently.
type nearReports struct {
	decisions consentv1.DecisionServiceClient
	every     time.Duration
	// off is set where nobody is told: by the configuration, or because the server does not know the call.
	off atomic.Bool

	mu sync.Mutex
	// gone are entries that are no longer in a table, unsent reports that could not be sent. Guarded by mu.
	gone   []*nearEntry
	unsent []*consentv1.ReportedAnswers
}

func newNearReports(every time.Duration, decisions consentv1.DecisionServiceClient) *nearReports {
	r := &nearReports{decisions: decisions, every: every}
	if every == 0 {
		r.every = defaultReportEvery
	}
	r.off.Store(every < 0)
	return r
}

// retire keeps an entry that is being thrown away until it is reported. A lookup that found it just before may still
// count in it.
func (r *nearReports) retire(e *nearEntry) {
	if r == nil || e == nil || e.answers.Load() == 0 || r.off.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.gone) < maxGone {
		r.gone = append(r.gone, e)
	}
}

// retireAll is retire for a whole table.
func (r *nearReports) retireAll(t *nearTable) {
	t.All(r.retire)
}

// run reports every so often, until ended is closed, and once more after that.
func (r *nearReports) run(current func() *nearSession, ended <-chan struct{}) {
	if r.off.Load() {
		return
	}
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.report(current(), reportTimeout)
		case <-ended:
			r.report(nil, lastReport)
			return
		}
	}
}

// report tells the server what was answered since the last time. What it cannot be told now it is told next time, but
// for what may have arrived. A server refuses a report whole where one purpose in it is not this caller's any more: the
// purposes are told one by one then.
func (r *nearReports) report(current *nearSession, within time.Duration) {
	_ = guarded(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		answers, apart := r.take(current), false
		for len(answers) > 0 && !r.off.Load() {
			n := min(len(answers), maxReported)
			if apart {
				n = alike(answers[:n])
			}
			_, err := r.decisions.ReportAnswers(ctx, &consentv1.ReportAnswersRequest{Answers: answers[:n]})
			switch status.Code(err) {
			case codes.Unimplemented:
				r.off.Store(true) // an older server
			case codes.Unavailable, codes.ResourceExhausted, codes.Unauthenticated:
				r.keep(answers)
				return nil
			case codes.PermissionDenied:
				if !apart {
					apart = true
					slices.SortFunc(answers, byPurpose)
					continue
				}
			}
			answers = answers[n:]
		}
		return nil
	})
}

func byPurpose(a, b *consentv1.ReportedAnswers) int {
	return cmp.Or(cmp.Compare(a.GetController(), b.GetController()), cmp.Compare(a.GetPurpose(), b.GetPurpose()),
		cmp.Compare(a.GetRecipientKind(), b.GetRecipientKind()))
}

// alike is how many of the first answers are to what one right is for.
func alike(answers []*consentv1.ReportedAnswers) int {
	n := 1
	for n < len(answers) && byPurpose(answers[0], answers[n]) == 0 {
		n++
	}
	return n
}

// keep takes reports back that were not sent.
func (r *nearReports) keep(answers []*consentv1.ReportedAnswers) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsent = append(r.unsent, answers[:min(len(answers), maxGone-len(r.unsent))]...)
}

// take returns all counts, and sets them back.
func (r *nearReports) take(current *nearSession) []*consentv1.ReportedAnswers {
	r.mu.Lock()
	answers, gone := r.unsent, r.gone
	r.unsent, r.gone = nil, nil
	r.mu.Unlock()
	for _, e := range gone {
		answers = appendAnswers(answers, e)
	}
	if current != nil {
		current.table.All(func(e *nearEntry) { answers = appendAnswers(answers, e) })
	}
	return answers
}

func appendAnswers(answers []*consentv1.ReportedAnswers, e *nearEntry) []*consentv1.ReportedAnswers {
	if e == nil || e.answers.Load() == 0 {
		return answers
	}
	return append(answers, &consentv1.ReportedAnswers{
		DecisionId: e.decision.ID, Count: e.answers.Swap(0), Controller: e.request.GetController(), Purpose: e.request.GetPurpose(),
		DataCategories: e.request.GetDataCategories(), RecipientKind: e.request.GetRecipient().GetKind(), Decision: decisionOfEntry(e),
	})
}

func decisionOfEntry(e *nearEntry) consentv1.Decision {
	if e.decision.Allowed {
		return consentv1.Decision_DECISION_ALLOW
	}
	return consentv1.Decision_DECISION_DENY
}
