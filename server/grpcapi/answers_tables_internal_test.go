package grpcapi

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/consentd/consentd/proto/consent/v1/remembered"
)

// remembers is a way to keep answers by their hashes.
type remembers interface {
	get(hash uint64) bool
	put(hash uint64)
}

type inTable struct {
	table *remembered.Table[answer, *answer]
	once  *answers
}

func (t *inTable) get(hash uint64) bool {
	e := t.table.Find(hash, func(*answer) bool { return true })
	if e != nil {
		e.Use()
	}
	return e != nil
}

func (t *inTable) put(hash uint64) {
	if !t.once.newcomer(hash) {
		t.table.Put(hash, 1, &answer{}, func(*answer) bool { return true }, func(*answer) bool { return true })
	}
}

type inRistretto struct {
	cache *ristretto.Cache[uint64, *answer]
}

func (r *inRistretto) get(hash uint64) bool {
	_, found := r.cache.Get(hash)
	return found
}

func (r *inRistretto) put(hash uint64) { r.cache.Set(hash, &answer{}, 1) }

// BenchmarkWaysToRemember compares the table with ristretto, at room for 16,384 answers: Zipf's law over 100,000
// requests, half of what is asked being a scan that asks each thing once. hit-% is of what is not the scan.
func BenchmarkWaysToRemember(b *testing.B) {
	const room = 16 << 10
	for name, open := range map[string]func(*testing.B) remembers{
		"table": func(*testing.B) remembers {
			return &inTable{remembered.NewTable[answer](room, 0), newAnswers(room * typicalBytes)}
		},
		"ristretto": func(b *testing.B) remembers {
			c, err := ristretto.NewCache(&ristretto.Config[uint64, *answer]{
				NumCounters: 10 * room, MaxCost: room, BufferItems: 64, IgnoreInternalCost: true,
				KeyToHash: func(key uint64) (uint64, uint64) { return key, 0 },
			})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(c.Close)
			return &inRistretto{c}
		},
	} {
		for _, scanned := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s, scan %v", name, scanned), func(b *testing.B) {
				kept, random := open(b), rand.New(rand.NewPCG(1, 2))
				zipf := rand.NewZipf(random, 1.05, 10, 100_000)
				ask := func(hash uint64) bool {
					hash *= 0x9e3779b97f4a7c15
					hash ^= hash >> 29
					hash *= 0xbf58476d1ce4e5b9
					if kept.get(hash) {
						return true
					}
					kept.put(hash)
					return false
				}
				for range 500_000 {
					ask(zipf.Uint64())
				}
				asked, hits, next := 0, 0, uint64(1<<32)
				for b.Loop() {
					if next++; scanned && next%2 == 0 {
						ask(next)
						continue
					}
					asked++
					if ask(zipf.Uint64()) {
						hits++
					}
				}
				b.ReportMetric(100*float64(hits)/float64(asked), "hit-%")
			})
		}
	}
}

// BenchmarkAnswerMemory weighs answers that are remembered, as the heap has them and as the budget is charged for them.
func BenchmarkAnswerMemory(b *testing.B) {
	const subjects = 50_000
	requests := make([][]byte, subjects)
	for i := range requests {
		requests[i] = encodedCheck(b, fmt.Sprintf("subject-%d", i))
	}
	for b.Loop() {
		weigh := func(bytes int64) (*remembering, float64) {
			r := newRemembering(b, bytes)
			before := heapBytes()
			for _, data := range requests {
				for range 2 {
					if _, err := r.call(data); err != nil {
						b.Fatal(err)
					}
				}
			}
			return r, heapBytes() - before
		}
		_, without := weigh(0)
		r, with := weigh(64 << 20)
		b.ReportMetric((with-without)/subjects+float64(len(r.answers.once)*placeBytes)/float64(len(r.answers.once)), "heap-B")
		b.ReportMetric(float64(r.answers.table.Bytes())/subjects+float64(placeBytes), "charged-B")
	}
}
