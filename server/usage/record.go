package usage

import (
	"cmp"
	"context"
	"slices"
)

// Query says what to return.
type Query struct {
	// Controller limits it to one; empty: all.
	Controller string
	// From is the first day, Until the day after the last; zero: the oldest that is kept, and today.
	From, Until Day
}

func (q *Query) has(d Day) bool { return d >= q.From && (q.Until == 0 || d < q.Until) }

// Record is what was asked in some days.
type Record struct {
	// Rows are sorted by their kinds.
	Rows []Row
	// KeptFrom is the first day that is kept.
	KeptFrom Day
	// Overflowed decisions have no row: there were too many kinds.
	Overflowed uint64
}

// Row is how often one kind was asked.
type Row struct {
	Kind
	Counts
	// First and Last are the first and the last day.
	First, Last Day
}

// maxRows bounds a record: those that were asked least are overflowed.
const maxRows = 2 * maxKinds

// Record returns what was asked, up to now. Its error is that of the disk, or the context's. While it reads files,
// counting and writing go on.
func (r *Recorder) Record(ctx context.Context, q Query) (Record, error) {
	s := sum{query: q, rows: map[Kind]*Row{}, record: Record{KeptFrom: DayOf(r.config.Now())}}
	days, err := r.inMemory(&s)
	for _, d := range days {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return Record{}, err
		}
		var p *page
		if p, err = r.look(d); err == nil {
			s.add(d, p)
		}
	}
	if err != nil {
		return Record{}, err
	}
	return s.sorted(), nil
}

// inMemory adds the days that are in memory, and returns the others.
func (r *Recorder) inMemory(s *sum) (others []Day, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather()
	days, err := r.book.days()
	for _, d := range days {
		s.record.KeptFrom = min(s.record.KeptFrom, d)
		if p := r.book.pages[d]; s.query.has(d) && (p == nil || p.unread) {
			others = append(others, d)
		}
	}
	for d, p := range r.book.pages {
		s.record.KeptFrom = min(s.record.KeptFrom, d)
		if s.query.has(d) {
			s.add(d, p)
		}
	}
	return others, err
}

// look returns the counts of a day's file; none where it was removed meanwhile.
func (r *Recorder) look(d Day) (*page, error) {
	p, err := readPage(r.book.path(d), d)
	if err == nil {
		return p, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.book.read(d) // moves it aside if it is damaged
}

// sum adds up days.
type sum struct {
	query  Query
	rows   map[Kind]*Row
	record Record
}

func (s *sum) add(d Day, p *page) {
	s.record.Overflowed = sumOf(s.record.Overflowed, p.overflowed)
	for k, n := range p.counts {
		if s.query.Controller != "" && k.Controller != s.query.Controller {
			continue
		}
		row := s.rows[k]
		if row == nil {
			row = &Row{Kind: k, First: d, Last: d}
			s.rows[k] = row
		}
		row.Counts.add(*n)
		row.First, row.Last = min(row.First, d), max(row.Last, d)
	}
}

func (s *sum) sorted() Record {
	rows := make([]Row, 0, len(s.rows))
	for _, row := range s.rows {
		rows = append(rows, *row)
	}
	if len(rows) > maxRows {
		slices.SortFunc(rows, func(a, b Row) int {
			return cmp.Or(cmp.Compare(b.Allowed+b.Denied, a.Allowed+a.Denied), a.Kind.compare(b.Kind))
		})
		for _, row := range rows[maxRows:] {
			s.record.Overflowed = sumOf(s.record.Overflowed, sumOf(row.Allowed, row.Denied))
		}
		rows = rows[:maxRows]
	}
	slices.SortFunc(rows, func(a, b Row) int { return a.Kind.compare(b.Kind) })
	s.record.Rows = rows
	return s.record
}

func (k Kind) compare(o Kind) int {
	return cmp.Or(cmp.Compare(k.Controller, o.Controller), cmp.Compare(k.Purpose, o.Purpose),
		cmp.Compare(k.Caller.String(), o.Caller.String()), cmp.Compare(k.Recipient, o.Recipient), cmp.Compare(k.Category, o.Category))
}
