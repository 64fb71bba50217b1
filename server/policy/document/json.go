package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/consentd/consentd/server/consent"
)

// readJSON reads the one value of a JSON file.
func readJSON(file string, content []byte) (*Value, error) {
	r := &reader{file: file, content: content, decoder: json.NewDecoder(bytes.NewReader(content)), line: 1}
	r.decoder.UseNumber()
	if err := json.Unmarshal(content, &json.RawMessage{}); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			r.moveTo(int(syntax.Offset) - 1) // the offset is behind what is wrong
		}
		return nil, faults(r.fault("%v: correct the JSON here", err))
	}
	v := r.value(0)
	if len(r.faults) > 0 {
		return nil, faults(r.faults...)
	}
	return v, nil
}

// reader makes values of JSON that is valid.
type reader struct {
	file    string
	content []byte
	decoder *json.Decoder
	// line is that of the offset read.
	line, read int
	faults     []consent.PolicyFault
}

// moveTo counts lines up to an offset.
func (r *reader) moveTo(offset int) {
	offset = min(max(offset, r.read), len(r.content))
	r.line += bytes.Count(r.content[r.read:offset], []byte("\n"))
	r.read = offset
}

func (r *reader) fault(format string, a ...any) consent.PolicyFault {
	return consent.PolicyFault{File: r.file, Line: r.line, Message: fmt.Sprintf(format, a...)}
}

func (r *reader) refuse(format string, a ...any) { r.faults = append(r.faults, r.fault(format, a...)) }

// token is the next one; r.line is then where it ends, which is its line: no token has a line break in it.
func (r *reader) token() json.Token {
	t, err := r.decoder.Token()
	if err != nil {
		r.refuse("%v: correct the JSON here", err) // it was valid, so this does not happen
	}
	r.moveTo(int(r.decoder.InputOffset()))
	return t
}

func (r *reader) value(depth int) *Value {
	t := r.token()
	v := &Value{File: r.file, Line: r.line, size: 1}
	switch t := t.(type) {
	case bool:
		v.kind, v.text = boolean, strconv.FormatBool(t)
	case json.Number:
		v.kind, v.text = number, string(t)
		if !kept(v.text) {
			r.refuse(notKept, shortened(v.text))
		}
	case string:
		v.kind, v.text = text, t
	case json.Delim:
		r.nested(v, t, depth)
	}
	return v
}

func (r *reader) nested(v *Value, open json.Delim, depth int) {
	if v.kind = list; open == '{' {
		v.kind = object
	}
	if depth > maxDepth {
		r.refuse("nested deeper than %d: write it flatter", maxDepth)
		r.skip()
		return
	}
	lines := map[string]int{}
	for r.decoder.More() {
		var key string
		if v.kind == object {
			key, _ = r.token().(string)
			if line, twice := lines[key]; twice {
				r.refuse("key %q stands at line %d already: keep one of them", key, line)
			}
			lines[key] = r.line
		}
		line := r.line
		element := r.value(depth + 1)
		v.size += element.size
		if v.kind == object {
			v.entries = append(v.entries, entry{key: key, line: line, value: element})
		} else {
			v.list = append(v.list, element)
		}
	}
	r.token() // the end
}

// skip reads up to the end of what was opened.
func (r *reader) skip() {
	for open := 1; open > 0; {
		switch r.token() {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'), nil:
			open--
		}
	}
}
