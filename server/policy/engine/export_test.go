package engine

// Held returns the bytes that a pooled evaluation of the entrypoint retains.
func Held(e *Entrypoint) int {
	m := e.prog.get()
	defer e.prog.pool.Put(m)
	return m.arena.held()
}
