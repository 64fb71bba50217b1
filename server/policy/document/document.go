// Package document reads YAML and JSON that decide about personal data, each file once and strictly, so that all who
// read it see the same: the rules by Data, the server by Decode.
//
// A file is one value. Its scalars are those of JSON, whichever of the two it is written in: true, false, null,
// numbers as JSON writes them, and text. What other readers of YAML take for something else is refused, with its
// line and what to write instead: True and ~, 0x1F and 1_000, tags, keys that are no text, a key that comes twice,
// nothing at all where a value belongs, a second document in the file. The words yes, no, on, off, y and n are
// text; where the type of a value is declared they are no bools, and where none is declared they must be quoted.
//
// Anchors and aliases are read: an alias is a copy of what the anchor names, within a bound, and an anchor is defined
// once in a file. Merge keys (<<) are refused: YAML 1.2 has none, and readers differ in which of two values then
// counts.
//
// Errors are *consent.PolicyFaultsError with all faults that were found. Values are immutable; everything may be
// called concurrently.
package document

import (
	"encoding/json"
	"fmt"
	"path"
	"unicode/utf8"

	"github.com/consentd/consentd/server/consent"
)

// maxDepth bounds how deep values are nested, maxSize how many a file has once its aliases are copies.
const (
	maxDepth = 500
	maxSize  = 5_000_000
)

// kind is what a value is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// named are the kinds as errors name them.
var named = [...]string{null: "null", boolean: "a truth value", number: "a number", text: "text", list: "a list", object: "a map"}

// Value is a value as it stands in a file.
type Value struct {
	// File and Line say where it stands.
	File string
	Line int

	kind kind
	// text is that of a scalar.
	text string
	// word is whether the text is one that YAML 1.1 takes for a bool, and not quoted.
	word bool
	list []*Value
	// entries are those of a map, in the order of the file.
	entries []entry
	// size counts this and all values below, those of aliases each time.
	size int
}

type entry struct {
	key   string
	line  int
	value *Value
}

// Read reads a file by the ending of its name: .json is JSON, anything else YAML. The value is nil where a YAML file
// has none.
func Read(file string, content []byte) (*Value, error) {
	if line, ok := unreadableLine(content); !ok {
		return nil, faults(consent.PolicyFault{
			File: file, Line: line, Message: "a byte or control character that no text has: save the file as UTF-8 text",
		})
	}
	if path.Ext(file) == ".json" {
		return readJSON(file, content)
	}
	return readYAML(file, content)
}

// unreadableLine is the line of the first byte that is no UTF-8, or no character of text.
func unreadableLine(content []byte) (line int, ok bool) {
	line = 1
	for i := 0; i < len(content); {
		r, n := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return line, false
		}
		if r == '\n' {
			line++
		}
		i += n
	}
	return 0, true
}

func faults(list ...consent.PolicyFault) error { return &consent.PolicyFaultsError{Faults: list} }

// Fault is a fault at the value.
func (v *Value) Fault(format string, a ...any) consent.PolicyFault {
	return consent.PolicyFault{File: v.File, Line: v.Line, Message: fmt.Sprintf(format, a...)}
}

// IsMap reports whether the value is a map.
func (v *Value) IsMap() bool { return v != nil && v.kind == object }

// Text is that of text; of anything else ok is false.
func (v *Value) Text() (s string, ok bool) { return v.text, v.kind == text }

// Entries calls f for each entry of a map and each element of a list, in the order of the file. The key of an element
// is its place, [0].
func (v *Value) Entries(f func(key string, value *Value)) {
	for i := range v.entries {
		f(v.entries[i].key, v.entries[i].value)
	}
	for i, e := range v.list {
		f(fmt.Sprintf("[%d]", i), e)
	}
}

// Key is the value of a key; nil where the value is no map or has no such key.
func (v *Value) Key(key string) *Value {
	if v == nil {
		return nil
	}
	if i := v.find(key); i >= 0 {
		return v.entries[i].value
	}
	return nil
}

func (v *Value) find(key string) int {
	for i := range v.entries {
		if v.entries[i].key == key {
			return i
		}
	}
	return -1
}

// LineOf is the line of the last of nested keys that is there.
func (v *Value) LineOf(keys ...string) int {
	line := v.Line
	for _, key := range keys {
		i := v.find(key)
		if i < 0 {
			break
		}
		line, v = v.entries[i].line, v.entries[i].value
	}
	return line
}

// Data is the value as OPA takes it: map[string]any, []any, string, json.Number, bool and nil.
func (v *Value) Data() any {
	switch v.kind {
	case boolean:
		return v.text == "true"
	case number:
		return json.Number(v.text)
	case text:
		return v.text
	case list:
		out := make([]any, len(v.list))
		for i, e := range v.list {
			out[i] = e.Data()
		}
		return out
	case object:
		out := make(map[string]any, len(v.entries))
		for i := range v.entries {
			out[v.entries[i].key] = v.entries[i].value.Data()
		}
		return out
	}
	return nil
}

// Below is a value that stands below nested keys.
func (v *Value) Below(keys ...string) *Value {
	for i := len(keys) - 1; i >= 0; i-- {
		v = &Value{File: v.File, Line: v.Line, kind: object, entries: []entry{{key: keys[i], line: v.Line, value: v}}, size: v.size + 1}
	}
	return v
}

// Merged is two maps as one, maps below them likewise; either may be nil. What else stands in both is a fault.
func Merged(a, b *Value) (*Value, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	var found []consent.PolicyFault
	out := a.merged(b, "data", &found)
	if len(found) > 0 {
		return nil, faults(found...)
	}
	return out, nil
}

func (v *Value) merged(other *Value, where string, found *[]consent.PolicyFault) *Value {
	if v.kind != object || other.kind != object {
		*found = append(*found, other.Fault("%s stands in %s:%d too: keep one of them", where, v.File, v.Line))
		return v
	}
	out := *v
	out.size += other.size
	out.entries = append([]entry(nil), v.entries...)
	at := make(map[string]int, len(out.entries))
	for i := range out.entries {
		at[out.entries[i].key] = i
	}
	for _, e := range other.entries {
		if i, ok := at[e.key]; ok {
			out.entries[i].value = out.entries[i].value.merged(e.value, where+"."+e.key, found)
		} else {
			out.entries = append(out.entries, e)
		}
	}
	return &out
}
