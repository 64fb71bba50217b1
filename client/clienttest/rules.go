package clienttest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// rule is an answer and the checks that it is for. It is immutable.
type rule struct {
	// Controller, Subject, Purpose and Recipient (an id) are what a check must have; empty: anything.
	Controller string `yaml:"controller"`
	Subject    string `yaml:"subject"`
	Purpose    string `yaml:"purpose"`
	Recipient  string `yaml:"recipient"`

	// Decision is ALLOW or DENY; Error is the name of a gRPC code instead.
	Decision                string       `yaml:"decision"`
	Error                   string       `yaml:"error"`
	Reasons                 []string     `yaml:"reasons"`
	LegalBasis              string       `yaml:"legal_basis"`
	Obligations             []obligation `yaml:"obligations"`
	PermittedDataCategories []string     `yaml:"permitted_data_categories"`
	ValidUntil              string       `yaml:"valid_until"`

	line     int
	code     codes.Code
	response *consentv1.CheckResponse
}

type obligation struct {
	Code       string         `yaml:"code"`
	Parameters map[string]any `yaml:"parameters"`
}

// UnmarshalYAML reads a rule with its line. Decode of a node is not strict by itself, so the fields are compared here.
func (r *rule) UnmarshalYAML(node *yaml.Node) error {
	if err := known(node, "controller", "subject", "purpose", "recipient", "decision", "error", "reasons", "legal_basis",
		"obligations", "permitted_data_categories", "valid_until"); err != nil {
		return err
	}
	type plain rule
	if err := node.Decode((*plain)(r)); err != nil {
		return err
	}
	r.line = node.Line
	return r.compile()
}

// UnmarshalYAML reads an obligation: its code, or its code and parameters.
func (o *obligation) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		o.Code = node.Value
		return nil
	}
	if err := known(node, "code", "parameters"); err != nil {
		return err
	}
	type plain obligation
	return node.Decode((*plain)(o))
}

// known refuses fields that are none of names.
func known(node *yaml.Node, names ...string) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want a mapping with %s", node.Line, strings.Join(names, ", "))
	}
	for i := 0; i < len(node.Content); i += 2 {
		if key := node.Content[i]; !slices.Contains(names, key.Value) {
			return fmt.Errorf("line %d: unknown field %q: want %s", key.Line, key.Value, strings.Join(names, ", "))
		}
	}
	return nil
}

// parse reads rules. Its error has the line.
func parse(text string) ([]rule, error) {
	var file struct {
		Rules []rule `yaml:"rules"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("rules: more than one document: give one list of rules")
	}
	return file.Rules, nil
}

// compile makes the rule's answer.
func (r *rule) compile() error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("line %d: %s", r.line, fmt.Sprintf(format, args...))
	}
	if (r.Decision == "") == (r.Error == "") {
		return fault("want either decision (ALLOW or DENY) or error (the name of a gRPC code)")
	}
	if r.Error != "" {
		if err := r.code.UnmarshalJSON([]byte(`"` + r.Error + `"`)); err != nil || r.code == codes.OK {
			return fault("error: %q is the name of no gRPC error: want UNAVAILABLE, DEADLINE_EXCEEDED, …", r.Error)
		}
		return nil
	}
	return r.answer(fault)
}

func (r *rule) answer(fault func(string, ...any) error) error {
	answer := &consentv1.CheckResponse{PermittedDataCategories: r.PermittedDataCategories, PolicyRevision: "clienttest"}
	number, ok := enum(consentv1.Decision(0), r.Decision)
	if !ok || number == 0 {
		return fault("decision: %q is neither ALLOW nor DENY", r.Decision)
	}
	answer.Decision = consentv1.Decision(number)
	if number, ok = enum(consentv1.LegalBasis(0), r.LegalBasis); !ok {
		return fault("legal_basis: %q is none", r.LegalBasis)
	}
	answer.LegalBasis = consentv1.LegalBasis(number)
	for _, name := range r.reasons() {
		if number, ok = enum(consentv1.ReasonCode(0), name); !ok {
			return fault("reasons: %q is none", name)
		}
		answer.Reasons = append(answer.Reasons, &consentv1.Reason{Code: consentv1.ReasonCode(number)})
	}
	for _, o := range r.Obligations {
		if number, ok = enum(consentv1.ObligationCode(0), o.Code); !ok {
			return fault("obligations: %q is none", o.Code)
		}
		parameters, err := structpb.NewStruct(o.Parameters)
		if err != nil {
			return fault("obligations: parameters of %s: %v", o.Code, err)
		}
		answer.Obligations = append(answer.Obligations, &consentv1.Obligation{Code: consentv1.ObligationCode(number),
			Parameters: parameters})
	}
	if r.ValidUntil != "" {
		until, err := time.Parse(time.RFC3339, r.ValidUntil)
		if err != nil {
			return fault("valid_until: %q is no time: want 2030-01-01T00:00:00Z", r.ValidUntil)
		}
		answer.ValidUntil = timestamppb.New(until)
	}
	r.response = answer
	return nil
}

// reasons are those of the rule, or what a server would say at least.
func (r *rule) reasons() []string {
	switch {
	case len(r.Reasons) > 0:
		return r.Reasons
	case r.Decision == "ALLOW":
		return []string{"BASIS_HOLDS"}
	}
	return []string{"CONSENT_MISSING"}
}

// enum finds a value by its bare name; the empty name is unspecified.
func enum(of protoreflect.Enum, name string) (protoreflect.EnumNumber, bool) {
	values := of.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
	if name == "" {
		return 0, true
	}
	value := values.ByName(protoreflect.Name(prefix + name))
	if value == nil {
		return 0, false
	}
	return value.Number(), true
}

func (r *rule) matches(c *consentv1.CheckRequest) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return is(r.Controller, c.GetController()) && is(r.Subject, c.GetSubjectId()) && is(r.Purpose, c.GetPurpose()) &&
		is(r.Recipient, c.GetRecipient().GetId())
}
