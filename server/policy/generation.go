package policy

import (
	"sync"

	"github.com/consentd/consentd/server/policy/engine"
)

// generation is a table of interned strings and what is made of its strings: the sets loaded while it lasts share it,
// so that states prepared under one of them are compared by identity under the next. A state prepared under another
// generation is compared by content, which is slower and says the same.
type generation struct {
	symbols *engine.Symbols
	records *records
	answer  *answerKeys
	scratch sync.Pool // of *scratch
	// enough is how many strings the table may hold before another generation begins; guarded by the loader's mutex.
	enough int
}

// growth is how many times the strings of a generation's first set its table may hold, and spare how many more: a
// loader that reloads for ever would keep the strings of all sets there ever were. At 4 the shipped policies, saved
// with one string changed each time, begin a new generation every few thousand loads.
const (
	growth = 4
	spare  = 100
)

func newGeneration() *generation {
	g := &generation{symbols: engine.NewSymbols()}
	g.records, g.answer = newRecords(g.symbols), newAnswerKeys(g.symbols)
	g.scratch.New = func() any { return g.newScratch() }
	return g
}

func (g *generation) newScratch() *scratch { return &scratch{builder: engine.NewBuilder(g.symbols)} }
