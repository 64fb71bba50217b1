package space

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// notVaried are the kinds of events that no situation has, with the reason.
var notVaried = map[string]string{
	"Annulment": "it makes the state what it is without the event, which is a situation too",
	"Link":      "it says of ids who they are: a decision is about a state, whosever ids it was recorded under",
	"Unlink":    "as Link",
	"Sharing":   "as Link",
}

// noFacts are the fields of a state that say nothing of the subject.
var noFacts = []string{"Newest."}

// single are the situations of a space that differ from the plainest in one value.
func single(t *testing.T) (s *Space, all []*Situation) {
	t.Helper()
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVocabulary("example", 1793491200_000_000_000, set)
	if err != nil {
		t.Fatal(err)
	}
	s = v.Space("marketing_email")
	for d := range s.dims {
		for value := range s.dims[d].values {
			all = append(all, s.Situation(with(Point{}, d, uint8(value))))
		}
	}
	return s, all
}

// leaves calls f with the path of each field in a value, and whether it is set there.
func leaves(path string, v reflect.Value, f func(path string, set bool)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			leaves(path, v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(path+"."+v.Type().Field(i).Name, v.Field(i), f)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			leaves(path+"[]", v.Index(i), f)
		}
	default:
		f(path, !v.IsZero())
	}
}

// fields are the paths of all fields of a type, as leaves has them.
func fields(path string, t reflect.Type) (all []string) {
	switch t.Kind() {
	case reflect.Pointer:
		return fields(path, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			all = append(all, fields(path+"."+t.Field(i).Name, t.Field(i).Type)...)
		}
		return all
	case reflect.Slice, reflect.Array:
		return fields(path+"[]", t.Elem())
	}
	return []string{path}
}

// TestSituationsSetEveryFact: what a state can hold is varied, each field of it by some value of a dimension. What is
// not varied no proof looks at.
func TestSituationsSetEveryFact(t *testing.T) {
	_, situations := single(t)
	set := map[string]bool{}
	for _, c := range situations {
		leaves("", reflect.ValueOf(c.State), func(path string, is bool) { set[path] = set[path] || is })
	}
	for _, path := range fields("", reflect.TypeFor[consent.State]()) {
		excepted := slices.ContainsFunc(noFacts, func(p string) bool { return strings.HasPrefix(path, "."+p) })
		if !set[path] && !excepted {
			t.Errorf("no situation sets State%s: give a dimension such a value (facts.go), and a part (fold.go)", path)
		}
	}
}

// TestSituationsHaveEveryKindOfEvent: so are the kinds of events, and the fields of each.
func TestSituationsHaveEveryKindOfEvent(t *testing.T) {
	s, _ := single(t)
	types, set := map[string]reflect.Type{}, map[string]bool{}
	for _, d := range s.madeAt(madeKey{now: s.now}).events {
		for _, e := range slices.Concat(d...) {
			fact := reflect.ValueOf(e.Fact)
			types[fact.Type().Name()] = fact.Type()
			leaves(fact.Type().Name(), fact, func(path string, is bool) { set[path] = set[path] || is })
		}
	}
	for _, kind := range kindsOfEvents(t) {
		_, excepted := notVaried[kind]
		if varied := types[kind] != nil; excepted == varied {
			t.Errorf("%s: some situation has one: %t, listed as not varied: %t", kind, varied, excepted)
		}
	}
	for name, of := range types {
		for _, path := range fields(name, of) {
			if !set[path] {
				t.Errorf("no situation has an event that sets %s: give a dimension such a value (facts.go)", path)
			}
		}
	}
}

// kindsOfEvents are the types in package consent that implement Fact.
func kindsOfEvents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../consent/*.go")
	if err != nil {
		t.Fatal(err)
	}
	method, kinds := regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?(\w+)\) KindName\(\)`), map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range method.FindAllSubmatch(text, -1) {
			kinds[string(m[1])] = true
		}
	}
	if len(kinds) < 11 {
		t.Fatalf("found only %v", kinds)
	}
	return slices.Sorted(maps.Keys(kinds))
}
