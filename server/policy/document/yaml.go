package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/consent"
)

// readYAML reads the one document of a YAML file.
func readYAML(file string, content []byte) (*Value, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root, second yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, faults(syntaxFault(file, err))
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, faults(syntaxFault(file, err))
	default:
		return nil, faults(consent.PolicyFault{
			File: file, Line: second.Line, Message: "a second YAML document begins here: keep one document in a file",
		})
	}
	c := converter{file: file, anchors: map[string]int{}, done: map[*yaml.Node]*Value{}, open: map[*yaml.Node]bool{}}
	v := c.value(root.Content[0], 0)
	if len(c.faults) > 0 {
		return nil, faults(c.faults...)
	}
	return v, nil
}

// lineForm is how YAML's reader names the line of a fault.
var lineForm = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// remedies say what to do about texts of YAML's reader.
var remedies = []struct {
	text   *regexp.Regexp
	remedy string
}{
	{
		regexp.MustCompile(`^found character that cannot start any token$`),
		"indent by spaces, not by tabs, and quote text that begins with a sign",
	},
	{regexp.MustCompile(`^unknown anchor `), "define it above, or write the value out"},
	{regexp.MustCompile(``), "correct the YAML here"},
}

func syntaxFault(file string, err error) consent.PolicyFault {
	f := consent.PolicyFault{File: file, Message: strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "yaml: ")}
	if m := lineForm.FindStringSubmatch(f.Message); m != nil {
		f.Line, _ = strconv.Atoi(m[1]) // the form has digits only
		f.Message = m[2]
	}
	for _, r := range remedies {
		if r.text.MatchString(f.Message) {
			f.Message += ": " + r.remedy
			break
		}
	}
	return f
}

// converter makes values of YAML's nodes.
type converter struct {
	file   string
	faults []consent.PolicyFault
	// anchors are the lines of those that were defined.
	anchors map[string]int
	// done are the values of anchored nodes, open the nodes around the one that is read.
	done map[*yaml.Node]*Value
	open map[*yaml.Node]bool
}

func (c *converter) fault(n *yaml.Node, format string, a ...any) *Value {
	c.faults = append(c.faults, consent.PolicyFault{File: c.file, Line: n.Line, Message: fmt.Sprintf(format, a...)})
	return &Value{File: c.file, Line: n.Line, size: 1}
}

func (c *converter) value(n *yaml.Node, depth int) *Value {
	if n.Kind == yaml.AliasNode {
		return c.alias(n)
	}
	switch {
	case depth > maxDepth:
		return c.fault(n, "nested deeper than %d: write it flatter", maxDepth)
	case n.Style&yaml.TaggedStyle != 0:
		return c.fault(n, "the tag %s: tags are not read: write true, a number, or quoted text without one", n.Tag)
	}
	if n.Anchor != "" {
		if line, twice := c.anchors[n.Anchor]; twice {
			return c.fault(n, "anchor %q is defined at line %d already: give one of them another name", n.Anchor, line)
		}
		c.anchors[n.Anchor] = n.Line
	}
	c.open[n] = true
	v := c.content(n, depth)
	delete(c.open, n)
	if n.Anchor != "" {
		c.done[n] = v
	}
	if v.size > maxSize {
		return c.fault(n, "has more than %d values: make it smaller", maxSize)
	}
	return v
}

// alias is the value that the anchor names: values are immutable, so the copy is the value itself.
func (c *converter) alias(n *yaml.Node) *Value {
	if c.open[n.Alias] {
		return c.fault(n, "alias %q stands within what it names: write the value out", n.Value)
	}
	if v := c.done[n.Alias]; v != nil {
		return v
	}
	return c.fault(n, "alias %q names nothing that can be copied: write the value out", n.Value)
}

func (c *converter) content(n *yaml.Node, depth int) *Value {
	v := &Value{File: c.file, Line: n.Line, size: 1}
	switch n.Kind {
	case yaml.MappingNode:
		return c.entries(v, n, depth)
	case yaml.SequenceNode:
		v.kind = list
		for _, e := range n.Content {
			element := c.value(e, depth+1)
			v.list = append(v.list, element)
			v.size = min(v.size+element.size, maxSize+1)
		}
		return v
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		v.kind, v.text = text, n.Value
		return v
	}
	return c.plain(v, n)
}

func (c *converter) entries(v *Value, n *yaml.Node, depth int) *Value {
	v.kind = object
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := c.key(n.Content[i])
		if line, twice := lines[key]; ok && twice {
			c.fault(n.Content[i], "key %q stands at line %d already: keep one of them", key, line)
		}
		lines[key] = n.Content[i].Line
		value := c.value(n.Content[i+1], depth+1)
		v.entries = append(v.entries, entry{key: key, line: n.Content[i].Line, value: value})
		v.size = min(v.size+value.size, maxSize+1)
	}
	return v
}

// key is the text of a key.
func (c *converter) key(n *yaml.Node) (string, bool) {
	before := len(c.faults)
	v := &Value{}
	switch {
	case n.Kind != yaml.ScalarNode:
		c.fault(n, "a key that is no text: write it out as text")
	case n.Style == 0 && n.Value == "<<":
		c.fault(n, "merge keys are not read: write the keys out, or give the whole value by an alias")
	default:
		v = c.value(n, 0)
	}
	if len(c.faults) == before && v.kind != text {
		c.fault(n, "the key %s is %s: quote it: %q", n.Value, named[v.kind], n.Value)
	}
	return v.text, len(c.faults) == before
}

// plain resolves a scalar that is not quoted.
func (c *converter) plain(v *Value, n *yaml.Node) *Value {
	v.text = n.Value
	switch lower := strings.ToLower(n.Value); {
	case n.Value == "true", n.Value == "false":
		v.kind = boolean
	case n.Value == "null":
		v.kind = null
	case n.Value == "", n.Value == "~":
		return c.fault(n, "nothing stands here: give a value, write null, or remove the key")
	case lower == "true", lower == "false", lower == "null":
		return c.fault(n, "%s: write %s, or quote it where text is meant", n.Value, lower)
	case numberForm.MatchString(n.Value):
		if !kept(n.Value) {
			return c.fault(n, notKept, shortened(n.Value))
		}
		v.kind = number
	case slices.Contains([]string{"!!int", "!!float"}, n.ShortTag()):
		return c.fault(n, "%s: write the number as JSON does, or quote it where text is meant", n.Value)
	default:
		v.kind, v.word = text, slices.Contains([]string{"yes", "no", "on", "off", "y", "n"}, lower)
	}
	return v
}
