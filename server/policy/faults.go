package policy

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"

	"github.com/consentd/consentd/server/consent"
)

// Faults returns every fault that an error of Load, or of what reads policies for it, has: one line each, with its place where
// it has one. It is empty for nil.
func Faults(err error) []consent.PolicyFault {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*consent.PolicyFaultsError](err); ok {
		return e.Faults
	}
	if e, ok := err.(interface{ Unwrap() []error }); ok {
		return faultsOf(e.Unwrap())
	}
	if e, ok := errors.AsType[loader.Errors](err); ok {
		return faultsOf(e)
	}
	if e, ok := errors.AsType[ast.Errors](err); ok {
		return astFaults(e)
	}
	if e, ok := errors.AsType[*ast.Error](err); ok {
		return astFaults(ast.Errors{e})
	}
	return faultsIn(err.Error())
}

func faultsOf(errs []error) (faults []consent.PolicyFault) {
	for _, err := range errs {
		faults = append(faults, Faults(err)...)
	}
	return faults
}

func astFaults(errs ast.Errors) []consent.PolicyFault {
	faults := make([]consent.PolicyFault, len(errs))
	for i, e := range errs {
		faults[i].Message = oneLine(explained(e))
		if e.Location != nil {
			faults[i].File, faults[i].Line = strings.TrimPrefix(e.Location.File, "/"), e.Location.Row
		}
	}
	return faults
}

// remedies say what to do about OPA's errors, by their code.
var remedies = map[string]string{
	ast.ParseErr:     "complete or correct the rule here",
	ast.TypeErr:      "compare and compute values of one type, and name fields that are there",
	ast.RecursionErr: "no rule may need itself: decide one of these without the other",
	ast.UnsafeVarErr: "give the variable a value in the same body, or import what it names",
}

// explained is an error's message with OPA's details, such as the types that were had and wanted, and a remedy.
func explained(e *ast.Error) string {
	text := e.Message
	if d, ok := e.Details.(*ast.ArgErrDetail); ok {
		text += " (" + strings.Join(d.Lines(), "; ") + ")"
	}
	if remedy := remedies[e.Code]; remedy != "" {
		text += ": " + remedy
	}
	return text
}

// placed are the forms in which an error names its place: FILE:LINE: …, FILE: line LINE: … and FILE: …
var placed = regexp.MustCompile(`^/?([^\s:]+\.(?:rego|ya?ml|json))(?::(\d+)(?::\d+)?|: (?:error converting YAML to JSON: )?(?:yaml: )?line (\d+))?: (.*)$`)

// definedTwice is how YAML's reader names a repeated key.
var definedTwice = regexp.MustCompile(`^mapping key ".*" already defined at line \d+$`)

// faultsIn reads faults from the lines of an error's text.
func faultsIn(text string) (faults []consent.PolicyFault) {
	for line := range strings.Lines(text) {
		if line = oneLine(line); line == "" {
			continue
		}
		f := consent.PolicyFault{Message: line}
		if m := placed.FindStringSubmatch(strings.TrimPrefix(line, "reading policies: ")); m != nil {
			f.File, f.Message = m[1], m[4]
			if definedTwice.MatchString(f.Message) {
				f.Message += ": keep one of them"
			}
			f.Line, _ = strconv.Atoi(m[2] + m[3]) // 0 where there is none
		}
		faults = append(faults, f)
	}
	return faults
}

// oneLine replaces all white space by single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
