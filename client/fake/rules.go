package fake

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads one text of rules and keeps its faults.
type reader struct {
	name   string
	faults []error
}

// fault keeps a fault with its place.
func (r *reader) fault(line int, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s: %s", r.place(line), fmt.Sprintf(format, args...)))
}

// place is where a line is: of a file file:line, else the line.
func (r *reader) place(line int) string {
	if r.name == "" {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("%s:%d", r.name, line)
}

// parse reads rules; the error has all their faults, a line each. The name is that of their file; empty: there is none.
func parse(name, text string) (*ruleset, error) {
	r := &reader{name: name}
	s := r.read(text)
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	s.finish(name, text)
	return s, nil
}

func (r *reader) read(text string) *ruleset {
	s := &ruleset{purposes: map[string][]string{}}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return s
	} else if err != nil {
		r.decoding(1, err)
		return s
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.fault(1, "more than one document: give one list of rules")
		return s
	}
	root := document.Content[0]
	if root.Tag == "!!null" || !r.known(root, "controllers", "rules") {
		return s
	}
	fields := map[string]*yaml.Node{}
	for i := 0; i < len(root.Content); i += 2 {
		fields[root.Content[i].Value] = resolve(root.Content[i+1])
	}
	r.controllers(s, fields["controllers"])
	r.rules(s, fields["rules"])
	return s
}

// resolve is what an alias stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// controllers reads a list of ids, or a mapping of each id to the purposes that it declares.
func (r *reader) controllers(s *ruleset, node *yaml.Node) {
	if node == nil {
		return
	}
	s.listed = true
	switch node.Kind {
	case yaml.SequenceNode:
		for _, item := range node.Content {
			r.controller(s, item, nil)
		}
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			r.controller(s, node.Content[i], node.Content[i+1])
		}
	default:
		r.fault(node.Line, "controllers: want a list of ids, or ids with the purposes that each declares")
	}
}

func (r *reader) controller(s *ruleset, id, purposes *yaml.Node) {
	if id.Kind != yaml.ScalarNode || id.Value == "" {
		r.fault(id.Line, "controllers: want the id of a controller")
		return
	}
	if _, twice := s.purposes[id.Value]; twice {
		r.fault(id.Line, "controllers: %q is there twice", id.Value)
	}
	var names []string
	if purposes != nil {
		if err := purposes.Decode(&names); err != nil {
			r.decoding(purposes.Line, err)
		}
		for _, name := range names {
			r.purpose(purposes.Line, name)
		}
	}
	s.purposes[id.Value] = names
}

func (r *reader) rules(s *ruleset, node *yaml.Node) {
	if node == nil || node.Tag == "!!null" {
		return
	}
	if node.Kind != yaml.SequenceNode {
		r.fault(node.Line, "rules: want a list of rules")
		return
	}
	for _, item := range node.Content {
		if read := r.rule(resolve(item)); read != nil {
			r.fits(s, read)
			s.rules = append(s.rules, read)
		}
	}
}

// fits faults a rule that could never answer.
func (r *reader) fits(s *ruleset, read *rule) {
	declared, has := s.purposes[read.Controller]
	switch {
	case !s.listed || read.Controller == "":
	case !has:
		r.fault(read.line, "controller: %q is not among controllers", read.Controller)
	case len(declared) > 0 && read.Purpose != "" && !slices.Contains(declared, read.Purpose):
		r.fault(read.line, "purpose: %q is not among those that controllers has of %s", read.Purpose, read.Controller)
	}
}

// known faults what is no mapping, and fields that are none of names or are there twice; true: there was none.
func (r *reader) known(node *yaml.Node, names ...string) bool {
	if node.Kind != yaml.MappingNode {
		r.fault(node.Line, "want a mapping with %s", strings.Join(names, ", "))
		return false
	}
	before, seen := len(r.faults), map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key := node.Content[i]
		switch {
		case !slices.Contains(names, key.Value):
			r.fault(key.Line, "unknown field %q: want %s", key.Value, strings.Join(names, ", "))
		case seen[key.Value]:
			r.fault(key.Line, "field %q is there twice", key.Value)
		}
		seen[key.Value] = true
	}
	return len(r.faults) == before
}

// A purpose's name, and what the library says of a fault.
var (
	purposeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	saidAt      = regexp.MustCompile(`(?:yaml: )?line (\d+): (.*)`)
)

func (r *reader) purpose(line int, name string) {
	if !purposeName.MatchString(name) {
		r.fault(line, "purpose: %q is no name of a purpose: want a-z, 0-9 and _, a letter first, 64 at most", name)
	}
}

// decoding keeps what the library found, at its line or at this one.
func (r *reader) decoding(line int, err error) {
	faults := []string{err.Error()}
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		faults = typed.Errors
	}
	for _, text := range faults {
		if m := saidAt.FindStringSubmatch(text); m != nil {
			_, _ = fmt.Sscan(m[1], &line)
			text = m[2]
		}
		r.fault(line, "%s", strings.TrimPrefix(text, "yaml: "))
	}
}
