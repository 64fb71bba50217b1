package policytest

import (
	"fmt"
	"math"
	"time"
)

// Report is what a run of a Suite's tests came to.
type Report struct {
	PolicyRevision string `json:"policy_revision"`
	// Tests and Cases count what was run, SkippedTests those named todo_, SkippedCases those that expect an error.
	Tests        int `json:"tests"`
	Cases        int `json:"cases"`
	SkippedTests int `json:"skipped_tests"`
	SkippedCases int `json:"skipped_cases"`
	// Failures are in the order of files and lines.
	Failures    []Failure    `json:"failures"`
	Coverage    Coverage     `json:"coverage"`
	Controllers []Controller `json:"controllers"`
	Seconds     float64      `json:"seconds"`
}

// Failure is a test or a case that did not come out as expected.
type Failure struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Name string `json:"name"`
	// Expected and Got say what differs. Expected may be empty: then Got is an error.
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

func (f Failure) String() string {
	if f.Expected == "" {
		return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Name, f.Got)
	}
	return fmt.Sprintf("%s:%d: %s: expected %s, got %s", f.File, f.Line, f.Name, f.Expected, f.Got)
}

// Coverage is how many lines of the rules the tests and cases reached.
type Coverage struct {
	Percent float64 `json:"percent"`
	Covered int     `json:"covered_lines"`
	Total   int     `json:"total_lines"`
	// Missed are the lines not reached, by file.
	Missed []MissedLines `json:"missed"`
}

// MissedLines are the lines of one file that nothing reached, in order.
type MissedLines struct {
	File  string `json:"file"`
	Lines []int  `json:"lines"`
}

// Controller is what was shown of one controller.
type Controller struct {
	ID       string    `json:"id"`
	Purposes []Purpose `json:"purposes"`
}

// Purpose is what was shown of one purpose.
type Purpose struct {
	Purpose string `json:"purpose"`
	// Outcomes are those that were seen, and those that the purpose can have all the same; see Suite.Run.
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is ALLOW, or a reason to deny.
type Outcome struct {
	Outcome string `json:"outcome"`
	// Seen counts the decisions of tests and cases that had it; zero: it can happen, and nothing proves that it
	// should.
	Seen int `json:"seen"`
}

// OK says whether all tests and cases came out as expected.
func (r *Report) OK() bool { return len(r.Failures) == 0 }

func seconds(since time.Time) float64 { return math.Round(time.Since(since).Seconds()*100) / 100 }
