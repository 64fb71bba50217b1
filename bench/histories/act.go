package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

const (
	controller = "example"
	purpose    = "ai_training"
	// consentLasts is after the last event: a consent's valid_until tells by which write it was given.
	consentLasts = 3 * 365 * 24 * time.Hour
)

func subjectID(n int) string { return fmt.Sprintf("subject-%d", n) }

func eventID(subject, n int) string { return fmt.Sprintf("%d/%d", subject, n) }

// query is one or several checks in one call.
type query struct {
	subjects []int
	mode     mode
	token    string
}

func (q *query) consistency() *consentv1.Consistency {
	switch q.mode {
	case atLeastAsFresh:
		return client.AtLeastAsFresh(q.token)
	case fullyConsistent:
		return client.FullyConsistent()
	}
	return nil
}

// ask asks once by a link, and tells of it. It returns what it told; nothing where there is no connection to be had.
func (w *worker) ask(ctx context.Context, l *link, q query) []record {
	a, err := l.get()
	if err != nil {
		return nil
	}
	if q.token == "" {
		q.token = demanded(a)
	}
	w.begin()
	start := monotonic()
	results := q.ask(context.WithoutCancel(ctx), a)
	end := monotonic()
	records := make([]record, len(results))
	for i, result := range results {
		records[i] = w.answer(l, &q, result)
		records[i].Subject, records[i].Start, records[i].End = uint16(q.subjects[i]), start, end
	}
	w.tell(records...)
	if storeLost(records[0].Code) {
		w.refused(q.token)
		l.forget(a)
	}
	return records
}

func (q *query) ask(ctx context.Context, a asker) []client.Result {
	batch := &consentv1.BatchCheckRequest{Consistency: q.consistency()}
	for _, subject := range q.subjects {
		batch.Requests = append(batch.Requests, client.NewCheck(controller, subjectID(subject), purpose))
	}
	if len(q.subjects) == 1 {
		batch.GetRequests()[0].Consistency = batch.GetConsistency()
		d, err := a.Check(ctx, batch.GetRequests()[0])
		return []client.Result{{Decision: d, Err: err}}
	}
	results, err := a.BatchCheck(ctx, batch)
	if err != nil {
		results = make([]client.Result, len(q.subjects))
		for i := range results {
			results[i].Err = err
		}
	}
	return results
}

// answer is a result as it is recorded.
func (w *worker) answer(l *link, q *query, result client.Result) record {
	r := record{Kind: checked, Mode: q.mode, Node: l.node, Code: codeOf(result.Err), Demanded: revisionOf(q.token)}
	copy(r.Token[:], q.token)
	if l.near() {
		r.Flags |= near
	}
	if result.Err != nil {
		return r
	}
	r.Revision, r.Sum = revisionOf(result.Decision.ConsistencyToken), sumOf(result.Decision.ConsistencyToken)
	if result.Decision.Allowed {
		r.Flags |= allowed
		r.N = w.plan.numberOf(result.Decision.ValidUntil)
	}
	return r
}

// expiry is when the consent of write n ends.
func (p *plan) expiry(n int) time.Time { return time.Unix(p.Began+int64(n), 0).Add(consentLasts) }

// numberOf is the write whose consent ends then; 0: none.
func (p *plan) numberOf(expiry time.Time) uint32 {
	n := expiry.Sub(p.expiry(0))
	if n <= 0 || n%time.Second != 0 {
		return 0
	}
	return uint32(n / time.Second)
}

// writeUntil writes at a rate, and looks after each write what the links say.
func (w *worker) writeUntil(ctx context.Context) {
	each := time.Duration(writersPerClient / w.plan.Writes * float64(time.Second))
	for ctx.Err() == nil {
		pauseFor(ctx, each/2+time.Duration(w.random.Int64N(int64(each))))
		if ctx.Err() != nil {
			return
		}
		subject := w.own()
		if w.write(ctx, subject) {
			for range 3 {
				w.ask(ctx, w.links[w.random.IntN(len(w.links))], query{subjects: []int{subject}})
			}
		}
	}
}

const maxAttempts = 5

// write makes the subject's next write. Where nobody knows what came of it, it is mostly tried again, as it may be.
func (w *worker) write(ctx context.Context, subject int) bool {
	w.begin()
	w.numbering.Lock()
	w.numbers[subject]++
	n, start := w.numbers[subject], monotonic() // the starts of writes have their order
	w.numbering.Unlock()
	flag := fenced * uint8(w.random.IntN(2))
	for attempt := 0; ; attempt++ {
		l := w.links[w.random.IntN(len(w.links))]
		ok := w.attempt(ctx, l, record{Subject: uint16(subject), N: uint32(n), Start: start, Flags: flag})
		if ok || attempt == maxAttempts || ctx.Err() != nil || w.random.IntN(4) == 0 {
			return ok
		}
		pauseFor(ctx, time.Duration(w.random.IntN(300))*time.Millisecond)
		w.begin()
		start = monotonic()
	}
}

// attempt writes once by a link what a record says so far, and tells what came of it.
func (w *worker) attempt(ctx context.Context, l *link, r record) bool {
	a, err := l.get()
	if err != nil {
		w.tell(r) // of no kind: that it began is all there is to tell
		return false
	}
	r.Kind, r.Node = wrote, l.node
	timeout := writeTimeout
	if r.is(fenced) {
		timeout = fenceTimeout
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	response, err := a.RecordEvents(within, w.plan.request(&r))
	r.End, r.Code = monotonic(), codeOf(err)
	if err == nil {
		w.acknowledged(&r, response)
	}
	w.tell(r)
	if storeLost(r.Code) {
		l.forget(a)
	}
	return err == nil
}

func (w *worker) acknowledged(r *record, response *consentv1.RecordEventsResponse) {
	token := response.GetConsistencyToken()
	r.Revision, r.Sum = response.GetRevision(), sumOf(token)
	copy(r.Token[:], token)
	if response.GetDuplicates() > 0 {
		r.Flags |= duplicate
	}
	w.tokens[r.Subject].Store(&token)
}

// request gives consent where n is odd, and withdraws it else.
func (p *plan) request(r *record) *consentv1.RecordEventsRequest {
	subject, n := int(r.Subject), int(r.N)
	c := &consentv1.ConsentEvent{
		Purpose: purpose, NoticeVersion: 3, Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
	}
	if n%2 == 1 {
		c.Status, c.ExpiresAt = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, timestamppb.New(p.expiry(n))
	}
	return &consentv1.RecordEventsRequest{
		Controller: controller, SubjectId: subjectID(subject), Fence: r.is(fenced),
		Events: []*consentv1.Event{{
			Id: eventID(subject, n), OccurredAt: timestamppb.New(time.Unix(p.Began+int64(n), 0)), Source: "privacy_settings",
			Kind: &consentv1.Event_Consent{Consent: c},
		}},
	}
}
