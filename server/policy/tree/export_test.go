package tree

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/document"
)

// Reads counts what was read, by path; of digests, which have none, by content.
type Reads struct{ Parsed, Decoded, Digested map[string]int }

// CountReads counts until the test ends. No other test may run at the same time.
func CountReads(t *testing.T) *Reads {
	r := &Reads{Parsed: map[string]int{}, Decoded: map[string]int{}, Digested: map[string]int{}}
	parse, read, sum := parseModule, readDocument, sha256Of
	t.Cleanup(func() { parseModule, readDocument, sha256Of = parse, read, sum })
	parseModule = func(file, content string, o ast.ParserOptions) (*ast.Module, error) {
		r.Parsed[file]++
		return parse(file, content, o)
	}
	readDocument = func(file string, content []byte) (*document.Value, error) {
		r.Decoded[file]++
		return read(file, content)
	}
	sha256Of = func(content []byte) [32]byte {
		r.Digested[string(content)]++
		return sum(content)
	}
	return r
}
