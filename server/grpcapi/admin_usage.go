package grpcapi

import (
	"context"
	"fmt"
	"strings"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/usage"
)

// Usages is the record of processing; usage.Recorder is one.
type Usages interface {
	Record(context.Context, usage.Query) (usage.Record, error)
}

// noUsages is a record of nothing.
type noUsages struct{}

// Record implements Usages.
func (noUsages) Record(context.Context, usage.Query) (usage.Record, error) {
	return usage.Record{}, nil
}

// GetUsage returns what was asked in fact, beside what the policies in force declare.
func (s *adminService) GetUsage(ctx context.Context, r *consentv1.GetUsageRequest) (*consentv1.GetUsageResponse, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return nil, err
	}
	query, more := usageQuery(r)
	if err := invalid(merge(faults, more)); err != nil {
		return nil, err
	}
	record, err := s.usages.Record(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%w: reading the record of processing: %w", consent.ErrUnavailable, err)
	}
	active := s.policy()
	if _, declared := findController(&active, query.Controller); query.Controller != "" && !declared && len(record.Rows) == 0 {
		return nil, consent.ErrUnknownController
	}
	d := declarationOf(&active)
	answer := &consentv1.GetUsageResponse{
		KeptFrom: timestamp(record.KeptFrom.Start()), Overflowed: record.Overflowed, Unused: d.unused(query.Controller, record.Rows),
	}
	for i := range record.Rows {
		answer.Usages = append(answer.Usages, d.wire(&record.Rows[i]))
	}
	return answer, nil
}

func usageQuery(r *consentv1.GetUsageRequest) (usage.Query, []consent.Violation) {
	q, times := usage.Query{Controller: r.GetController()}, eventReader{}
	if r.GetFrom() != nil {
		q.From = usage.DayOf(times.instant("from", r.GetFrom()))
	}
	if r.GetUntil() != nil {
		q.Until = usage.DayOf(times.instant("until", r.GetUntil()))
		if q.Until <= q.From {
			times.fault("until", "is the day after the last one: it must be later than from")
		}
	}
	return q, times.faults
}

// declaration is what the policies in force declare, by controller and purpose.
type declaration struct {
	policy   *consent.Policy
	purposes map[[2]string]*consent.Purpose
}

func declarationOf(p *consent.Policy) declaration {
	d := declaration{p, map[[2]string]*consent.Purpose{}}
	for i := range p.Controllers {
		c := &p.Controllers[i]
		for j := range c.Purposes {
			d.purposes[[2]string{c.ID, c.Purposes[j].Name}] = &c.Purposes[j]
		}
	}
	return d
}

// unused are the purposes of a controller, or of all, that are declared and have no row.
func (d declaration) unused(controller string, rows []usage.Row) (unused []*consentv1.UnusedPurpose) {
	asked := map[[2]string]bool{}
	for i := range rows {
		asked[[2]string{rows[i].Controller, rows[i].Purpose}] = true
	}
	for i := range d.policy.Controllers {
		c := &d.policy.Controllers[i]
		if controller != "" && c.ID != controller {
			continue
		}
		for _, p := range c.Purposes {
			if !p.Prohibited && !asked[[2]string{c.ID, p.Name}] {
				unused = append(unused, &consentv1.UnusedPurpose{Controller: c.ID, Purpose: p.Name})
			}
		}
	}
	return unused
}

func (d declaration) wire(row *usage.Row) *consentv1.Usage {
	declared := d.purposes[[2]string{row.Controller, row.Purpose}]
	return &consentv1.Usage{
		Controller: row.Controller, Purpose: row.Purpose, Caller: usageCaller(row.Caller),
		RecipientKind: consentv1.RecipientKind(row.Recipient), DataCategory: row.Category, Allowed: row.Allowed, Denied: row.Denied,
		FirstDay: timestamp(row.First.Start()), LastDay: timestamp(row.Last.Start()),
		Declared: declared != nil, CategoryDeclared: declared != nil && row.Category != "" && names(declared.Categories, row.Category),
	}
}

// usageCaller is never nil: where authentication was off, the caller was anybody.
func usageCaller(by consent.Identity) *consentv1.Caller {
	if by.IsZero() {
		return &consentv1.Caller{Kind: string(caller.KindAnonymous)}
	}
	return wireCaller(by)
}

// names reports whether one of the keys is the category, or one that it is under.
func names(keys []string, category string) bool {
	for _, key := range keys {
		if rest, under := strings.CutPrefix(category, key); under && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}
