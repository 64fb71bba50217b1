package engine_test

import (
	"fmt"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// TestPublicReports tries what was reported of OPA's plans, and of engines that run them, each by its number.
func TestPublicReports(t *testing.T) {
	tests := []struct {
		name    string
		modules []string
		data    map[string]any
		inputs  []string
		paths   []string
		refused bool // given to topdown
	}{
		{name: "opa 7399: heads with variables in another package", modules: []string{
			`package broken
			rule := data[first].allow.see.something_else if first := "primary"`,
			`package primary
			allow[action].something if action := "show"
			allow.see.something_else if true`,
			`package unrelated
			allow.other.stuff if true`,
		}, inputs: []string{`{}`}, paths: []string{"data.broken.rule"}, refused: true},
		{name: "opa 5964: calls found by one or two variables", modules: []string{
			`package x
			foo.bar.allow if f(7)
			foo.baz.allow if f(8)
			qux.corge.allow if f(-1)
			f(_) if true`,
			`package y
			static if data.x.foo.bar.allow
			dd1 if data.x[input.a].bar.allow
			dd2 if data.x[input.a][input.b].allow
			not1 if not data.x[input.a].bar.allow
			not2 if not data.x[input.a][input.b].allow`,
		}, inputs: []string{`{"a": "foo", "b": "bar"}`, `{"a": "qux", "b": "bar"}`, `{"a": "qux", "b": "corge"}`, `{}`},
			paths: []string{"data.y.static", "data.y.dd1", "data.y.dd2", "data.y.not1", "data.y.not2"}},
		{name: "opa 7439: a head with variables beside one without", modules: []string{
			`package authz
			allow[action][resource] if { action := "list"; resource := "fruit" }
			allow.eat.veggies if true
			resp := allow[input.action][input.resource]
			none if not allow[input.action][input.resource]`,
		}, inputs: []string{
			`{"action": "list", "resource": "fruit"}`, `{"action": "eat", "resource": "veggies"}`,
			`{"action": "eat", "resource": "fruit"}`,
		},
			paths: []string{"data.authz.resp", "data.authz.none"}},
		{name: "opa 6304: with over an input that is no object", modules: []string{
			`package w
			foo := input.foo
			p := x if x := foo with input.foo as input
			q := x if x := input.foo with input.foo as input
			r := x if x := input with input.x as input`,
		}, inputs: []string{`123`, `"s"`, `[1]`, `{"foo": 1}`}, paths: []string{"data.w.p", "data.w.q", "data.w.r"}},
		{name: "opa 3305, 3386: data and rules at one path", modules: []string{
			`package foo
			p if { k := "q"; not data.bar[k] }
			q := data.bar[input.a]
			r if not data.bar[input.a]`,
			`package bar
			p := 7`,
		}, data: map[string]any{"bar": map[string]any{"q": 8}}, inputs: []string{`{"a": "q"}`, `{"a": "p"}`, `{"a": "z"}`},
			paths: []string{"data.foo.p", "data.foo.q", "data.foo.r"}},
		{name: "opa 5264: a number finds the string key of data", modules: []string{
			`package play
			p if { i := 1; data.stuff[i] }
			q if { i := input.i; not data.stuff[i] }`,
		}, data: map[string]any{"stuff": map[string]any{"1": map[string]any{}}}, inputs: []string{`{"i": 1}`, `{"i": 2}`, `{"i": "1"}`},
			paths: []string{"data.play.p", "data.play.q"}},
		{name: "opa 3912: a conflict in a function whose output nobody takes", modules: []string{
			`package f
			r if q(1)
			n if not q(1)
			q(_) := true
			q(_) := false`,
		}, inputs: []string{`{}`}, paths: []string{"data.f.r", "data.f.n"}},
		{name: "opa 5829: a comprehension over what a variable finds", modules: []string{
			`package test
			p := x if { b := input.b; x := {y | y := data.a[b][_]} }
			q := x if { b := input.b; x := {y | y := data.a[b].c} }`,
			`package a.b
			c := "C"
			d := "D"`,
		}, inputs: []string{`{"b": "b"}`, `{"b": "c"}`}, paths: []string{"data.test.p", "data.test.q"}},
		{name: "regorus 209: an error after the first success of a loop", modules: []string{
			`package x
			p if [1, input.s][_] + 1
			q := 3 if [1, input.s][_] + 1
			r contains x if x := [1, input.s][_] + 1`,
		}, inputs: []string{`{"s": "hello"}`, `{"s": 2}`}, paths: []string{"data.x.p", "data.x.q", "data.x.r"}},
		{name: "opa 5056: conflicts between files", modules: []string{"package p\nr := 1", "package p\nr := 0 if input.b"},
			inputs: []string{`{}`, `{"b": true}`}, paths: []string{"data.p.r"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &set{modules: map[string]*ast.Module{}, data: test.data}
			for i, src := range test.modules {
				name := fmt.Sprintf("%d.rego", i)
				m, err := ast.ParseModule(name, src)
				if err != nil {
					t.Fatal(err)
				}
				s.modules[name] = m
			}
			for _, path := range test.paths {
				for _, strict := range []bool{false, true} {
					checkLikeTopdown(t, s, path, likeTopdown{inputs: test.inputs, strict: strict, refused: test.refused})
				}
			}
		})
	}
}
