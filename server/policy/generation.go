package policy

import (
	"sync"

	"github.com/consentd/consentd/server/policy/engine"
)

// generation is a table of interned strings and what is made of its strings: the sets loaded while it lasts share it, so that
// states prepared under one of them are compared by identity under the next. A state prepared under another generation is
// compared by content, which is slower and says the same.
type generation struct {
	symbols *engine.Symbols
	input   *inputShapes
	answer  *answerKeys
	scratch sync.Pool // of *scratch
	// enough is how many strings the table may hold before a load begins another generation; guarded by the loader's mutex.
	enough int
}

// growth is how many times the strings of a generation's first set its table may hold, and spare how many more: a loader that
// reloads for ever would keep the strings of all sets there ever were. At 4 the shipped policies, saved with one string changed
// each time, begin a new generation every few thousand loads.
const (
	growth = 4
	spare  = 100
)

func newGeneration() *generation {
	g := &generation{symbols: engine.NewSymbols()}
	g.input, g.answer = newInputShapes(g.symbols), newAnswerKeys(g.symbols)
	g.scratch.New = func() any { return g.newScratch() }
	return g
}

func (g *generation) newScratch() *scratch { return &scratch{builder: engine.NewBuilder(g.symbols)} }

// forLoad returns the generation that a new set is to belong to: the current one, or where its table has grown too much, one
// that becomes the current one.
func (l *Loader) forLoad() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.current.Load()
	if g.enough > 0 && g.symbols.Len() > g.enough {
		g = newGeneration()
		l.current.Store(g)
	}
	return g
}

// loaded notes how large a generation's first set is.
func (l *Loader) loaded(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.enough == 0 {
		g.enough = growth*g.symbols.Len() + spare
	}
}
