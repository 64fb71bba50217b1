// Protodoc writes the reference of the API, Markdown, from the comments of the proto files.
//
//	go run ./protodoc ../proto > ../proto/README.md
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jhump/protoreflect/desc"            //lint:ignore SA1019 the v2 parser is still a beta
	"github.com/jhump/protoreflect/desc/protoparse" //lint:ignore SA1019 as above
)

// files are in the order in which a reader wants them.
var files = []string{
	"consent/v1/decision_service.proto", "consent/v1/consent_service.proto", "consent/v1/policy_service.proto",
	"consent/v1/types.proto", "consent/v1/options.proto",
}

const intro = `# The API

Package ` + "`consent.v1`" + `, over gRPC. Made from the comments of the proto files in [consent/v1](consent/v1); do not edit.
Errors carry their fields as ` + "`google.rpc.BadRequest`" +
	`; which status means what is in the [operator's guide](../server/README.md#errors).
`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodoc DIR")
		os.Exit(2)
	}
	parser := protoparse.Parser{ImportPaths: []string{os.Args[1]}, IncludeSourceCodeInfo: true}
	parsed, err := parser.ParseFiles(files...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "protodoc:", err)
		os.Exit(1)
	}
	p := printer{os.Stdout}
	p.line("%s", intro)
	for _, f := range parsed {
		for _, s := range f.GetServices() {
			p.service(s)
		}
	}
	p.line("# Messages and enumerations\n")
	for _, f := range parsed {
		for _, m := range f.GetMessageTypes() {
			p.message(m)
		}
		for _, e := range f.GetEnumTypes() {
			p.enum(e)
		}
	}
}

type printer struct{ to io.Writer }

func (p printer) line(format string, args ...any) { fmt.Fprintf(p.to, format+"\n", args...) }

// comment is the text above a declaration; one paragraph where it stands in a table.
func comment(d desc.Descriptor) string {
	return strings.TrimSpace(strings.ReplaceAll(d.GetSourceInfo().GetLeadingComments(), "\n ", "\n"))
}

func cell(d desc.Descriptor) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(comment(d)), " "), "|", "\\|")
}

func (p printer) service(s *desc.ServiceDescriptor) {
	p.line("## %s\n\n%s\n", s.GetName(), comment(s))
	for _, m := range s.GetMethods() {
		p.line("### %s\n\n`%s%s` → `%s%s`\n\n%s\n", m.GetName(), stream(m.IsClientStreaming()), m.GetInputType().GetName(),
			stream(m.IsServerStreaming()), m.GetOutputType().GetName(), comment(m))
	}
}

func stream(is bool) string {
	if is {
		return "stream "
	}
	return ""
}

func (p printer) message(m *desc.MessageDescriptor) {
	p.line("## %s\n\n%s\n", m.GetName(), comment(m))
	if len(m.GetFields()) > 0 {
		p.line("| field | type | |\n|---|---|---|")
	}
	for _, f := range m.GetFields() {
		p.line("| `%s` | %s | %s |", f.GetName(), typeOf(f), cell(f))
	}
	p.line("")
	for _, nested := range m.GetNestedMessageTypes() {
		if !nested.IsMapEntry() {
			p.message(nested)
		}
	}
	for _, e := range m.GetNestedEnumTypes() {
		p.enum(e)
	}
}

func typeOf(f *desc.FieldDescriptor) string {
	name := strings.ToLower(strings.TrimPrefix(f.GetType().String(), "TYPE_"))
	switch {
	case f.GetMessageType() != nil && f.GetMessageType().GetFile().GetPackage() == f.GetFile().GetPackage():
		name = f.GetMessageType().GetName()
	case f.GetMessageType() != nil:
		name = f.GetMessageType().GetFullyQualifiedName()
	case f.GetEnumType() != nil:
		name = f.GetEnumType().GetName()
	}
	switch {
	case f.IsRepeated():
		return "list of " + name
	case f.IsProto3Optional():
		return name + ", optional"
	case f.GetOneOf() != nil:
		return name + ", one of `" + f.GetOneOf().GetName() + "`"
	}
	return name
}

func (p printer) enum(e *desc.EnumDescriptor) {
	p.line("## %s\n\n%s\n\n| value | number | |\n|---|---|---|", e.GetName(), comment(e))
	for _, v := range e.GetValues() {
		p.line("| `%s` | %d | %s |", v.GetName(), v.GetNumber(), cell(v))
	}
	p.line("")
}
