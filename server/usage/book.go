package usage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// book is the counts of all days: of those that are in memory, because they changed or are likely to, and of those that
// are files.
type book struct {
	config Config
	pages  map[Day]*page
	// failing is set while files cannot be written; fails is the same, for those who do not hold the book.
	failing bool
	fails   atomic.Bool
}

// page is the counts of a day.
type page struct {
	counts map[Kind]*Counts
	// callers counts the kinds of each caller.
	callers    map[consent.Identity]int
	overflowed uint64
	// changed says that the file is older, unread that it has counts which are not in here, because it could not be read.
	changed, unread bool
}

func newPage() *page { return &page{counts: map[Kind]*Counts{}, callers: map[consent.Identity]int{}} }

// add adds counts of a kind, and returns how many decisions found no room.
func (p *page) add(k Kind, n Counts) uint64 {
	p.changed = true
	if known := p.counts[k]; known != nil {
		known.add(n)
		return 0
	}
	if len(p.counts) >= maxKinds || p.callers[k.Caller] >= maxKindsACaller {
		lost := sumOf(n.Allowed, n.Denied)
		p.overflow(lost)
		return lost
	}
	p.counts[k] = &n
	p.callers[k.Caller]++
	return 0
}

func (p *page) overflow(n uint64) { p.overflowed, p.changed = sumOf(p.overflowed, n), true }

const (
	extension = ".jsonl"
	temporary = "temporary" + extension
)

func (b *book) path(d Day) string { return filepath.Join(b.config.Dir, d.String()+extension) }

// open makes the directory, and removes what a crash left.
func (b *book) open() error {
	if err := os.MkdirAll(b.config.Dir, 0o700); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.config.Dir, temporary)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := b.days()
	return err
}

// days are those that are files, sorted.
func (b *book) days() (days []Day, err error) {
	entries, err := os.ReadDir(b.config.Dir)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), extension)
		if at, wrong := time.Parse(time.DateOnly, name); ok && wrong == nil {
			days = append(days, DayOf(consent.InstantOf(at)))
		}
	}
	slices.Sort(days)
	return days, err
}

// page returns the counts of a day, to be changed.
func (b *book) page(d Day) *page {
	p := b.pages[d]
	if p == nil {
		var err error
		if p, err = b.read(d); err != nil {
			p = newPage()
			p.unread = true
		}
		b.pages[d] = p
	}
	return p
}

// read returns the counts of a day's file, and none where there is no file. One that is damaged is moved aside.
func (b *book) read(d Day) (*page, error) {
	p, err := readPage(b.path(d), d)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newPage(), nil
	case errors.Is(err, errDamaged):
		aside := b.path(d) + ".damaged"
		b.config.Logger.Error("the record of processing of a day is damaged: it is moved aside and the day begins anew",
			"day", d.String(), "moved_to", aside, "error", err)
		return newPage(), os.Rename(b.path(d), aside)
	}
	return p, err
}

// save writes what has changed, lets go of what is not likely to change again, and removes the oldest days beyond those
// that are kept.
func (b *book) save() {
	err := b.write()
	if err == nil {
		err = b.prune()
	}
	switch was := b.failing; {
	case err != nil && !was:
		b.config.Logger.Error("the record of processing cannot be written: it is kept in memory and written when that is possible",
			"dir", b.config.Dir, "error", err)
	case err == nil && was:
		b.config.Logger.Info("the record of processing is written again", "dir", b.config.Dir)
	}
	b.failing = err != nil
	b.fails.Store(b.failing)
}

func (b *book) write() error {
	var faults []error
	newest := b.newest()
	for d, p := range b.pages {
		if err := b.writeDay(d, p); err != nil {
			faults = append(faults, err)
		} else if d != newest {
			delete(b.pages, d)
		}
	}
	return errors.Join(faults...)
}

func (b *book) writeDay(d Day, p *page) error {
	if !p.changed {
		return nil
	}
	if p.unread {
		before, err := b.read(d)
		if err != nil {
			return err
		}
		for k, n := range before.counts {
			p.add(k, *n)
		}
		p.overflow(before.overflowed)
		p.unread = false
	}
	if err := writePage(b.path(d), d, p); err != nil {
		return err
	}
	p.changed = false
	return nil
}

func (b *book) newest() (newest Day) {
	for d := range b.pages {
		newest = max(newest, d)
	}
	return newest
}

// prune removes the oldest days. It goes by how many there are, and not by their dates: a clock that is years ahead for
// a moment must not remove everything.
func (b *book) prune() error {
	days, err := b.days()
	if err != nil {
		return err
	}
	for len(days) > b.config.KeepDays {
		if err := os.Remove(b.path(days[0])); err != nil {
			return err
		}
		delete(b.pages, days[0])
		days = days[1:]
	}
	return nil
}
