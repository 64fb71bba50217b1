package prove

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Fault is one reason why a set is refused, or a warning.
type Fault struct {
	// File is the file at fault, below the policy directory; empty where no file is.
	File string
	// Line is the line, from 1; 0 where no line is.
	Line int
	// Message says what is wrong and what to do, on one line.
	Message string
	// Counterexample shows the fault; nil where it needs none.
	Counterexample *Counterexample
}

// String is the fault on one line: file:line: message.
func (f Fault) String() string {
	switch {
	case f.File == "":
		return f.Message
	case f.Line == 0:
		return f.File + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
}

// Refused is the error of a set that is not admitted.
type Refused struct{ Faults []Fault }

// Error gives one line per fault.
func (e *Refused) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// placed finds the place in front of a fault's line: a path with an extension, and a line.
var (
	placed = regexp.MustCompile(`^([^\s:]+\.(?:rego|ya?ml|json)):(\d+)(?::\d+)?: (.*)$`)
	inFile = regexp.MustCompile(`^([^\s:]+\.(?:rego|ya?ml|json)): (?:line (\d+): )?(.*)$`)
)

// Faults returns the faults that an error of policy.Load stands for, one for each line that names a fault.
func Faults(err error) []Fault { return faultsOf(err) }

func faultsOf(err error) []Fault {
	var compile ast.Errors
	if errors.As(err, &compile) {
		return compileFaults(compile)
	}
	var faults []Fault
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			faults = append(faults, faultOf(line))
		}
	}
	return faults
}

func compileFaults(list ast.Errors) []Fault {
	var faults []Fault
	for _, e := range list {
		f := Fault{Message: oneLine(e.Code + ": " + e.Message)}
		if e.Location != nil {
			f.File, f.Line = e.Location.File, e.Location.Row
		}
		faults = append(faults, f)
	}
	return faults
}

func faultOf(line string) Fault {
	for _, form := range []*regexp.Regexp{placed, inFile} {
		if m := form.FindStringSubmatch(line); m != nil {
			number, _ := strconv.Atoi(m[2]) // digits or nothing, by its form
			return Fault{File: m[1], Line: number, Message: m[3]}
		}
	}
	return Fault{Message: line}
}
