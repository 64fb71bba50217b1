package consent

// Coverage says against what a mark stands, as policies read the marks on all purposes and on single ones: the newest
// of the two that cover a purpose decides, on a tie the raised one.
type Coverage struct {
	// Covered is whether the mark's purpose is covered, by this mark or by that for all purposes.
	Covered bool
	// Exempt are, of a mark for all purposes that is raised, the purposes that a newer lifting exempts from it, sorted.
	Exempt []string
}

// CoverageOf returns the coverage of each of the marks on all purposes and single ones, which are sorted by purpose:
// those of objections, or of restrictions on one ground.
func CoverageOf(marks []PurposeMark) []Coverage {
	out := make([]Coverage, len(marks))
	var whole Mark
	for i, m := range marks {
		if out[i].Covered = m.Raised; m.Purpose == "" {
			whole = m.Mark
			continue
		}
		switch {
		case m.Raised || !whole.Raised:
		case m.At > whole.At:
			out[0].Exempt = append(out[0].Exempt, m.Purpose)
		default:
			out[i].Covered = true
		}
	}
	return out
}

// RestrictionCoverage returns the coverage of each of a state's restrictions, ground by ground.
func (s *State) RestrictionCoverage() (out []Coverage) {
	for i := 0; i < len(s.Restrictions); {
		var marks []PurposeMark
		for ground := s.Restrictions[i].Ground; i < len(s.Restrictions) && s.Restrictions[i].Ground == ground; i++ {
			marks = append(marks, PurposeMark{s.Restrictions[i].Purpose, s.Restrictions[i].Mark})
		}
		out = append(out, CoverageOf(marks)...)
	}
	return out
}
