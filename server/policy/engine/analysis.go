package engine

import (
	"github.com/open-policy-agent/opa/v1/ir"
)

// effects are the locals that a statement reads and writes itself, without its
// nested blocks, in the order in which they matter: reads come first.
type effects struct {
	reads, writes []ir.Local
}

func (e *effects) read(ops ...ir.Operand) {
	for _, o := range ops {
		if l, ok := o.Value.(ir.Local); ok {
			e.reads = append(e.reads, l)
		}
	}
}

func (e *effects) write(ls ...ir.Local)     { e.writes = append(e.writes, ls...) }
func (e *effects) readLocal(ls ...ir.Local) { e.reads = append(e.reads, ls...) }

// effectsOf returns the effects of a statement. A statement that changes a
// collection in place reads it.
func effectsOf(s ir.Stmt) (e effects) {
	switch s := s.(type) {
	case *ir.ReturnLocalStmt:
		e.readLocal(s.Source)
	case *ir.CallStmt:
		e.read(s.Args...)
		e.write(s.Result)
	case *ir.CallDynamicStmt:
		e.readLocal(s.Args...)
		e.read(s.Path...)
		e.write(s.Result)
	case *ir.DotStmt:
		e.read(s.Source, s.Key)
		e.write(s.Target)
	case *ir.LenStmt:
		e.read(s.Source)
		e.write(s.Target)
	case *ir.ScanStmt:
		e.readLocal(s.Source)
		e.write(s.Key, s.Value)
	case *ir.WithStmt:
		e.readLocal(s.Local)
		e.read(s.Value)
	case *ir.ObjectMergeStmt:
		e.readLocal(s.A, s.B)
		e.write(s.Target)
	case *ir.ResultSetAddStmt:
		e.readLocal(s.Value)
	default:
		e.ofAssigning(s)
	}
	return e
}

func (e *effects) ofAssigning(s ir.Stmt) {
	switch s := s.(type) {
	case *ir.AssignIntStmt:
		e.write(s.Target)
	case *ir.AssignVarStmt:
		e.read(s.Source)
		e.write(s.Target)
	case *ir.AssignVarOnceStmt:
		e.read(s.Source)
		e.readLocal(s.Target)
		e.write(s.Target)
	case *ir.ResetLocalStmt:
		e.write(s.Target)
	case *ir.MakeNullStmt:
		e.write(s.Target)
	case *ir.MakeNumberIntStmt:
		e.write(s.Target)
	case *ir.MakeNumberRefStmt:
		e.write(s.Target)
	case *ir.MakeArrayStmt:
		e.write(s.Target)
	case *ir.MakeObjectStmt:
		e.write(s.Target)
	case *ir.MakeSetStmt:
		e.write(s.Target)
	default:
		e.ofTesting(s)
	}
}

func (e *effects) ofTesting(s ir.Stmt) {
	switch s := s.(type) {
	case *ir.EqualStmt:
		e.read(s.A, s.B)
	case *ir.NotEqualStmt:
		e.read(s.A, s.B)
	case *ir.IsArrayStmt:
		e.read(s.Source)
	case *ir.IsObjectStmt:
		e.read(s.Source)
	case *ir.IsSetStmt:
		e.read(s.Source)
	case *ir.IsDefinedStmt:
		e.readLocal(s.Source)
	case *ir.IsUndefinedStmt:
		e.readLocal(s.Source)
	case *ir.ArrayAppendStmt:
		e.read(s.Value)
		e.readLocal(s.Array)
	case *ir.ObjectInsertStmt:
		e.read(s.Key, s.Value)
		e.readLocal(s.Object)
	case *ir.ObjectInsertOnceStmt:
		e.read(s.Key, s.Value)
		e.readLocal(s.Object)
	case *ir.SetAddStmt:
		e.read(s.Value)
		e.readLocal(s.Set)
	}
}

// nested returns the blocks inside a statement.
func nested(s ir.Stmt) []*ir.Block {
	switch s := s.(type) {
	case *ir.BlockStmt:
		return s.Blocks
	case *ir.ScanStmt:
		return []*ir.Block{s.Block}
	case *ir.NotStmt:
		return []*ir.Block{s.Block}
	case *ir.WithStmt:
		return []*ir.Block{s.Block}
	}
	return nil
}

// walk calls f for every statement of the blocks, in program order.
func walk(blocks []*ir.Block, f func(ir.Stmt)) {
	for _, b := range blocks {
		for _, s := range b.Stmts {
			f(s)
			walk(nested(s), f)
		}
	}
}

// written returns the locals that the blocks may write.
func written(blocks []*ir.Block) []ir.Local {
	var out []ir.Local
	walk(blocks, func(s ir.Stmt) { out = append(out, effectsOf(s).writes...) })
	return out
}

// sharedLocals are those that a unit reads before it writes them: they carry a
// value from one unit into another (a rule's result, above all).
func sharedLocals(us []*ir.Block) map[ir.Local]bool {
	shared := map[ir.Local]bool{}
	for _, u := range us {
		seen := map[ir.Local]bool{}
		walk([]*ir.Block{u}, func(s ir.Stmt) {
			e := effectsOf(s)
			for _, l := range e.reads {
				if !seen[l] {
					shared[l] = true
				}
			}
			for _, l := range e.writes {
				seen[l] = true
			}
		})
	}
	return shared
}

// collected returns the collection that a statement changes in place.
func collected(s ir.Stmt) (ir.Local, bool) {
	switch s := s.(type) {
	case *ir.ArrayAppendStmt:
		return s.Array, true
	case *ir.SetAddStmt:
		return s.Set, true
	case *ir.ObjectInsertStmt:
		return s.Object, true
	case *ir.ObjectInsertOnceStmt:
		return s.Object, true
	}
	return 0, false
}

// replacesData reports whether a plan uses `with data`: only then can data
// differ from what the program was compiled with.
func replacesData(p *ir.Policy) bool {
	found := false
	check := func(s ir.Stmt) {
		if w, ok := s.(*ir.WithStmt); ok && w.Local == ir.Data {
			found = true
		}
	}
	for _, f := range p.Funcs.Funcs {
		walk(f.Blocks, check)
	}
	for _, pl := range p.Plans.Plans {
		walk(pl.Blocks, check)
	}
	return found
}
