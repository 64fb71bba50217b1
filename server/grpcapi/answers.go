package grpcapi

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// answers remembers what was decided by the bytes of the request, compared on each hit: a collision of hashes costs a
// miss, and never shows one person's answer for another's. What a caller may ask is no part of it: permission is asked
// each time. Nil remembers nothing. It is safe for concurrent use.
//
// The table and the rule are package remembered's; authz says on what terms a decision may be given again.
type answers struct {
	table    *remembered.Table[answer, *answer]
	seed     maphash.Seed
	verdicts verdicts
	// once has, by their hashes, what was asked once: what is asked again is taken in. So a scan that asks everything once
	// makes no garbage, and pushes nothing out.
	once   []atomic.Uint32
	counts [64]answerCounts
}

// answerCounts are striped by the hash of the request, so that cores do not share cache lines.
type answerCounts struct {
	hits, misses, invalid atomic.Uint64
	_                     [104]byte
}

// answer is what is remembered of a request; immutable but for its mark.
type answer struct {
	remembered.Mark
	kind question
	// key is the request's bytes without its consistency, which is judged by itself.
	key  string
	kept authz.Kept
	// given has what the parts of kept are given out with.
	given []given
}

// given is what a part is given out with.
type given struct {
	verdict *verdict
	row     *decisionRow
}

// single is an answer in one piece with its only part, so that a hit reads memory that lies together.
type single struct {
	answer
	part  [1]authz.Part
	given [1]given
}

// question is what a request's bytes are.
type question byte

const (
	checking question = iota
	listing
)

// consistencyField is that of the message of a question.
func (q question) consistencyField() protowire.Number {
	if q == listing {
		return wire.ListPurposesRequestConsistency
	}
	return wire.CheckRequestConsistency
}

const (
	// maxKeyBytes bounds the requests that are remembered: few larger ones are asked twice.
	maxKeyBytes = 2 << 10
	// typicalBytes is how many of a budget there is a place in the table for: less than most answers take.
	typicalBytes = 384
	// placeBytes is what a place takes, beside its answer.
	placeBytes = remembered.SlotBytes + int(unsafe.Sizeof(atomic.Uint32{}))
)

// newAnswers remembers answers that take so many bytes together, bookkeeping included; nil for none.
func newAnswers(maxBytes int64) *answers {
	if maxBytes <= 0 {
		return nil
	}
	entries := int(max(8, maxBytes/typicalBytes))
	return &answers{
		table: remembered.NewTable[answer](entries, max(1, maxBytes-int64(entries*placeBytes))),
		seed:  maphash.MakeSeed(), once: make([]atomic.Uint32, entries),
	}
}

func (a *answers) hash(kind question, key []byte) uint64 {
	return maphash.Bytes(a.seed, key) ^ uint64(kind)*0x9e3779b97f4a7c15
}

func (a *answers) counted(hash uint64) *answerCounts { return &a.counts[hash%uint64(len(a.counts))] }

// asked is a request on its way to an answer.
type asked struct {
	kind question
	// data is the request's bytes.
	data []byte
	// key is those without consistency; nil: nothing is remembered of this request.
	key         []byte
	hash        uint64
	consistency authz.Consistency
	// found is what is remembered of the key, nil for nothing. Whether it counts is another question.
	found *answer
	// room is memory for key.
	room []byte
}

// look looks for what is remembered of a request.
func (a *answers) look(q *asked) {
	q.key, q.found, q.consistency = nil, nil, authz.Consistency{}
	if a == nil || len(q.data) > maxKeyBytes {
		return
	}
	// A key is never with a consistency: most requests are their keys.
	if a.seek(q, q.data); q.found != nil {
		return
	}
	key, c, ok := q.split()
	switch {
	case !ok:
		q.key = nil
	case len(key) != len(q.data):
		q.consistency = c
		a.seek(q, key)
	}
}

func (a *answers) seek(q *asked, key []byte) {
	q.key, q.hash = key, a.hash(q.kind, key)
	q.found = a.table.Find(q.hash, q.same)
}

func (q *asked) same(e *answer) bool { return e.key == string(q.key) && e.kind == q.kind }

// split takes a request's consistency out of it. false: it is not to be remembered, because it is malformed, or demands
// what only the store can tell.
func (q *asked) split() (key []byte, c authz.Consistency, ok bool) {
	field, start, end := q.kind.consistencyField(), 0, 0
	for at := 0; at < len(q.data); {
		number, kind, n := protowire.ConsumeField(q.data[at:])
		switch {
		case n < 0, number == field && (kind != protowire.BytesType || end != 0):
			return nil, c, false
		case number == field:
			start, end = at, at+n
		}
		at += n
	}
	if end == 0 {
		return q.data, c, true
	}
	_, _, tag := protowire.ConsumeTag(q.data[start:end])
	message, _ := protowire.ConsumeBytes(q.data[start+tag : end])
	c, ok = parseConsistency(message)
	if end == len(q.data) {
		return q.data[:start], c, ok
	}
	q.room = append(append(q.room[:0], q.data[:start]...), q.data[end:]...)
	return q.room, c, ok
}

// maxTokenBytes is that of the proto file.
const maxTokenBytes = 256

// parseConsistency reads a Consistency that leaves the choice to the server, or has a token. It is false for all else,
// also for what is to be refused.
func parseConsistency(data []byte) (c authz.Consistency, ok bool) {
	fields := 0
	well := eachField(data, func(f frameField) bool {
		fields++
		switch {
		case f.number == wire.ConsistencyMinimizeLatency && f.kind == protowire.VarintType:
			ok = f.varint == 1
		case f.number == wire.ConsistencyAtLeastAsFresh && f.kind == protowire.BytesType:
			c.Token, ok = string(f.bytes), len(f.bytes) > 0 && len(f.bytes) <= maxTokenBytes && utf8.Valid(f.bytes)
		default:
			ok = false
		}
		return ok
	})
	return c, well && ok && fields == 1
}

// newcomer reports whether a hash was not asked for before; from now on it was.
func (a *answers) newcomer(hash uint64) bool {
	cell, tag := &a.once[hash%uint64(len(a.once))], uint32(hash>>32)|1
	if cell.Load() == tag {
		return false
	}
	cell.Store(tag)
	return true
}

// takes reports whether the answer to a request is to be remembered.
func (a *answers) takes(q *asked) bool {
	return a != nil && q.key != nil && (q.found != nil || !a.newcomer(q.hash))
}

// missed counts a request that is decided.
func (a *answers) missed(q *asked) {
	switch {
	case a == nil:
	case q.found != nil:
		a.counted(q.hash).invalid.Add(1)
	default:
		a.counted(q.hash).misses.Add(1)
	}
}

// keep remembers an answer, whose key is q's and whose given are set.
func (a *answers) keep(q *asked, e *answer, bytes int) {
	e.kind = q.kind
	a.table.Put(q.hash, bytes, e, q.same, func(old *answer) bool {
		t := &old.kept.Terms
		_, ok := t.Current(e.kept.Terms.Floors, e.kept.Terms.Policy, 0)
		return ok && t.In(e.kept.Terms.From)
	})
}

// remember remembers what was decided for a request, if it may be given again.
func (s *scratch) remember(footing authz.Footing, q *asked, request *consent.Request, decided []authz.PurposeDecision) {
	a := s.service.answers
	decisions := make([]*consent.Decision, len(decided))
	for i := range decided {
		decisions[i] = &decided[i].Decision
	}
	terms, ok := s.service.memory.Terms(footing, request.Subject, decisions...)
	if !ok {
		return
	}
	e := newAnswer(len(decided))
	e.key = string(q.key)
	e.kept.Terms = terms
	bytes := len(e.key) + answerBytesOf(len(decided))
	for i := range decided {
		d := &decided[i].Decision
		v, own := a.verdicts.of(d)
		if v == nil {
			return
		}
		bytes += own
		if i == 0 {
			e.kept.Request, own = ownRequest(e.key, request, v)
			bytes += own
		}
		purpose := within(e.key, decided[i].Purpose)
		e.kept.Parts[i] = authz.Part{Purpose: purpose, Decision: &v.decision, ValidUntil: d.ValidUntil}
		e.given[i] = given{v, s.service.metrics.decided.row(decisionKey{request.Subject.Controller, purpose})}
	}
	a.keep(q, e, bytes)
}

func newAnswer(parts int) *answer {
	if parts != 1 {
		return &answer{kept: authz.Kept{Parts: make([]authz.Part, parts)}, given: make([]given, parts)}
	}
	e := &single{}
	e.kept.Parts, e.answer.given = e.part[:], e.given[:]
	return &e.answer
}

func answerBytesOf(parts int) int {
	return int(unsafe.Sizeof(answer{})) + parts*int(unsafe.Sizeof(authz.Part{})+unsafe.Sizeof(given{}))
}

// ownRequest is a request as it is kept: its strings lie in the key where they are in it, and it has nothing else of
// the call's memory. bytes is what it takes beside key.
func ownRequest(key string, r *consent.Request, v *verdict) (own consent.Request, bytes int) {
	own = consent.Request{
		Subject:        consent.Subject{Controller: within(key, r.Subject.Controller), ID: within(key, r.Subject.ID)},
		Purpose:        within(key, r.Purpose),
		DataCategories: v.decision.PermittedDataCategories,
		Recipient: consent.Recipient{
			Kind: r.Recipient.Kind, ID: within(key, r.Recipient.ID), Country: within(key, r.Recipient.Country),
		},
		Context: r.Context,
	}
	if !slices.Equal(own.DataCategories, r.DataCategories) {
		own.DataCategories = make([]string, len(r.DataCategories))
		for i, category := range r.DataCategories {
			own.DataCategories[i] = within(key, category)
		}
		bytes += len(r.DataCategories) * int(unsafe.Sizeof(""))
	}
	if len(r.Context) > 0 {
		bytes += contextFactor * len(key)
	}
	return own, bytes
}

// contextFactor is how much more than encoded a context takes: a map and an interface for each value.
const contextFactor = 8

// within is s in the memory of key, or a copy.
func within(key, s string) string {
	if i := strings.Index(key, s); i >= 0 {
		return key[i : i+len(s)]
	}
	return strings.Clone(s)
}

// collectors are the metrics, read when they are asked for; none where nothing is remembered.
func (a *answers) collectors() []prometheus.Collector {
	if a == nil {
		return nil
	}
	lookups := func(result string, of func(*answerCounts) *atomic.Uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "consentd_answers_lookups_total", ConstLabels: prometheus.Labels{"result": result},
			Help: "Requests by whether their answer was remembered: hit, miss, or invalid: it did not count any more.",
		}, func() float64 {
			n := uint64(0)
			for i := range a.counts {
				n += of(&a.counts[i]).Load()
			}
			return float64(n)
		})
	}
	return []prometheus.Collector{
		lookups("hit", func(c *answerCounts) *atomic.Uint64 { return &c.hits }),
		lookups("miss", func(c *answerCounts) *atomic.Uint64 { return &c.misses }),
		lookups("invalid", func(c *answerCounts) *atomic.Uint64 { return &c.invalid }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "consentd_answers_bytes", Help: "Memory of the answers that are remembered.",
		}, func() float64 { return float64(a.table.Bytes()) + float64(len(a.once)*placeBytes) }),
	}
}
