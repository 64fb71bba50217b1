package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/engine"
)

// shapes of policies that grow: what compiling takes for each line must not grow with their number.
var growing = map[string]func(n int) string{
	"functions": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "r%d := {\"v\": %d, \"w\": [x | some x in [1, 2]]}\n", i, i)
		}
		return b.String() + "p := r0\n"
	},
	"slots": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "r%d := %d\np contains %d if input.a%d == r%d\n", i, i, i, i, i)
		}
		return b.String()
	},
	"array":  func(n int) string { return "p := [" + many(n, "input.a%d", ", ") + "]\n" },
	"set":    func(n int) string { return "p := {" + many(n, "input.a%d", ", ") + "}\n" },
	"object": func(n int) string { return "p := {" + many(n, "\"k%[1]d\": input.a%[1]d", ", ") + "}\n" },
	"body": func(n int) string {
		return "p if {\n" + many(n, "\tx%[1]d := input.a%[1]d\n\tx%[1]d != 1\n", "") + "}\n"
	},
	"copies": func(n int) string {
		return "p if {\n\tsome x in input.l\n" + many(n, "\ty%[1]d := x.a%[1]d\n\tnot y%[1]d == 1\n", "") + "}\n"
	},
}

func many(n int, format, separator string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, separator)
}

func BenchmarkCompileSize(b *testing.B) {
	for _, name := range sortedKeys(growing) {
		for _, n := range []int{2000, 16000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				var paths []string
				m := ast.MustParseModule("package t\n" + growing[name](n))
				for _, r := range m.Rules {
					paths = append(paths, "data.t."+string(r.Head.Name))
				}
				s := &set{modules: map[string]*ast.Module{"t.rego": m}, skip: []ast.StageID{ast.StageCheckTypes}}
				plan := s.plan(b, paths[0], paths[len(paths)-1], "data.t")
				b.ReportAllocs()
				defer reportCPU(b)()
				for b.Loop() {
					if _, err := engine.Compile(plan, nil, engine.Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkWalk visits all values of an input of some thousand.
func BenchmarkWalk(b *testing.B) {
	s := module(b, `package t
p := count([v | walk(input, [_, v]); is_number(v)])
q := count([w | walk(input, [w, v]); v == 3])
`, nil)
	input := map[string]any{}
	for i := range 100 {
		row := map[string]any{}
		for j := range 20 {
			row[fmt.Sprint("f", j)] = []any{j, map[string]any{"x": i}}
		}
		input[fmt.Sprint("r", i)] = row
	}
	for _, path := range []string{"data.t.p", "data.t.q"} {
		sym := engine.NewSymbols()
		e, err := s.program(b, engine.Options{Symbols: sym}, path).Entrypoint(path)
		if err != nil {
			b.Fatal(err)
		}
		term := ast.MustInterfaceToValue(input)
		own := records(sym, shapes{}, term)
		b.Run(path+"/engine", func(b *testing.B) { benchEngine(b, e, own) })
		b.Run(path+"/topdown", func(b *testing.B) { benchTopdown(b, s.reference(b, path), term) })
	}
}
