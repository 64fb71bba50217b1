package policy

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
)

// Faults returns every fault that an error of Load, or of what reads policies for it, has: one line each, with its
// place where it has one. It is empty for nil.
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
		faults[i].Message = OneLine(explained(e))
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

// specific say what to do about OPA's errors that share a code with others, by their texts.
var specific = []struct {
	text   *regexp.Regexp
	remedy string
}{
	{regexp.MustCompile(`^undefined function `), "mend the name, import its package, or define it"},
	{regexp.MustCompile(`^conflicting rules? .*data path`), "rename the rule, or move the data elsewhere"},
	{regexp.MustCompile(`^conflicting rules `), "give one of them another name, or all of them the same form"},
	{regexp.MustCompile(`^multiple default rules `), "keep one of them"},
	{regexp.MustCompile(`^empty module$`), "write its package and rules, or remove the file"},
	{regexp.MustCompile(`^package .* conflicts with rule`), "rename the rule or the package"},
	{regexp.MustCompile(` arity mismatch$`), "call it with the arguments that it has"},
}

// remedyOf is what to do about an error; empty where nothing is known.
func remedyOf(e *ast.Error) string {
	if _, ok := e.Details.(*ast.ArgErrDetail); ok {
		return "give it arguments of the types that it wants"
	}
	for _, s := range specific {
		if s.text.MatchString(e.Message) {
			return s.remedy
		}
	}
	return remedies[e.Code]
}

// explained is an error's message with OPA's details, such as the types that were had and wanted, and a remedy.
func explained(e *ast.Error) string {
	text := e.Message
	if d, ok := e.Details.(*ast.ArgErrDetail); ok {
		text += " (" + strings.Join(d.Lines(), "; ") + ")"
	}
	if remedy := remedyOf(e); remedy != "" {
		text += ": " + remedy
	}
	return text
}

// placed are the forms in which an error names its place: FILE:LINE: … and FILE: …
var placed = regexp.MustCompile(`^/?([^\s:]+\.(?:rego|ya?ml|json))(?::(\d+)(?::\d+)?)?: (.*)$`)

// faultsIn reads faults from the lines of an error's text.
func faultsIn(text string) (faults []consent.PolicyFault) {
	for line := range strings.Lines(text) {
		if line = OneLine(line); line == "" {
			continue
		}
		f := consent.PolicyFault{Message: line}
		if m := placed.FindStringSubmatch(strings.TrimPrefix(line, "reading policies: ")); m != nil {
			f.File, f.Message = m[1], m[3]
			f.Line, _ = strconv.Atoi(m[2]) // 0 where there is none
		}
		faults = append(faults, f)
	}
	return faults
}

// OneLine joins the lines of a message: a fault takes one.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
