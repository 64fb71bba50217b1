package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// scenario is one story of a script. The README tells what its parts mean.
type scenario struct {
	Name  string `yaml:"name"`
	Steps []step `yaml:"steps"`

	// place is file:line.
	place string
}

// object is a message in the proto's names, or a part of one.
type object map[string]any

type step struct {
	Open  *openStep `yaml:"open"`
	Front string    `yaml:"front"`

	Check           object `yaml:"check"`
	IsAllowed       object `yaml:"is_allowed"`
	BatchCheck      object `yaml:"batch_check"`
	ListPurposes    object `yaml:"list_purposes"`
	RecordEvents    object `yaml:"record_events"`
	LinkSubjects    object `yaml:"link_subjects"`
	UnlinkSubjects  object `yaml:"unlink_subjects"`
	GetSubject      object `yaml:"get_subject"`
	ListEvents      object `yaml:"list_events"`
	GetPolicy       object `yaml:"get_policy"`
	ListControllers object `yaml:"list_controllers"`
	Explain         object `yaml:"explain"`
	Guard           object `yaml:"guard"`
	NewEvent        string `yaml:"new_event"`

	Client     string         `yaml:"client"`
	Session    string         `yaml:"session"`
	Deadline   *time.Duration `yaml:"deadline"`
	Endless    bool           `yaml:"endless"`
	Concurrent int            `yaml:"concurrent"`
	Times      int            `yaml:"times"`
	Eventually time.Duration  `yaml:"eventually"`
	Answers    []answer       `yaml:"answers"`
	During     string         `yaml:"during"`
	Expect     expectation    `yaml:"expect"`
	Saw        *sight         `yaml:"saw"`

	place string
}

type openStep struct {
	Name     string        `yaml:"name"`
	Target   string        `yaml:"target"`
	Timeout  time.Duration `yaml:"timeout"`
	Endless  bool          `yaml:"endless"`
	Insecure bool          `yaml:"insecure"`
	TLS      bool          `yaml:"tls"`
	CA       bool          `yaml:"ca"`

	Coalesce *bool             `yaml:"coalesce"`
	Metadata map[string]string `yaml:"metadata"`
}

// answer is what the front does with one attempt.
type answer struct {
	Delay   time.Duration `yaml:"delay"`
	Pass    bool          `yaml:"pass"`
	Respond object        `yaml:"respond"`
	Raw     string        `yaml:"raw"`
	Empty   bool          `yaml:"empty"`
	Hang    bool          `yaml:"hang"`
	Error   *failure      `yaml:"error"`
	Cut     bool          `yaml:"cut"`
}

type failure struct {
	Code       code           `yaml:"code"`
	Message    string         `yaml:"message"`
	RetryDelay *time.Duration `yaml:"retry_delay"`
	Violations []violation    `yaml:"violations"`
}

type violation struct {
	Field       string `yaml:"field" json:"field"`
	Description string `yaml:"description" json:"description"`
}

// code is the name of a gRPC status.
type code codes.Code

func (c *code) UnmarshalYAML(node *yaml.Node) error {
	return (*codes.Code)(c).UnmarshalJSON([]byte(`"` + node.Value + `"`))
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*o = []string{node.Value}
		return nil
	}
	return node.Decode((*[]string)(o))
}

type expectation struct {
	Allowed                 *bool           `yaml:"allowed"`
	Reasons                 []string        `yaml:"reasons"`
	Obligations             []string        `yaml:"obligations"`
	LegalBasis              string          `yaml:"legal_basis"`
	PermittedDataCategories []string        `yaml:"permitted_data_categories"`
	ValidUntil              *string         `yaml:"valid_until"`
	ConsistencyToken        *string         `yaml:"consistency_token"`
	Text                    string          `yaml:"text"`
	Degraded                string          `yaml:"degraded"`
	StateAgeMS              *float64        `yaml:"state_age_ms"`
	Error                   oneOrMore       `yaml:"error"`
	Message                 string          `yaml:"message"`
	Violations              []string        `yaml:"violations"`
	StoreMismatch           bool            `yaml:"store_mismatch"`
	Results                 []expectation   `yaml:"results"`
	Purposes                map[string]bool `yaml:"purposes"`
	Response                object          `yaml:"response"`
	Outcomes                []string        `yaml:"outcomes"`
	Revisions               []uint64        `yaml:"revisions"`
	Entries                 *int            `yaml:"entries"`
	Ran                     *bool           `yaml:"ran"`
	Ledger                  []object        `yaml:"ledger"`
	Took                    span            `yaml:"took"`
}

type span struct {
	AtLeast time.Duration `yaml:"at_least"`
	AtMost  time.Duration `yaml:"at_most"`
}

// sight is what must have arrived at the front during a step.
type sight struct {
	Attempts  *int   `yaml:"attempts"`
	Identical bool   `yaml:"identical"`
	Request   object `yaml:"request"`
	Timeout   span   `yaml:"timeout"`
	UserAgent string `yaml:"user_agent"`
	// Metadata must have come with the first.
	Metadata map[string]string `yaml:"metadata"`
}

// operation is what a step asks the runner to do: the method's name in the script and its request.
type operation struct {
	name    string
	request object
	message proto.Message
}

func (s *step) operations() []operation {
	all := []operation{
		{"check", s.Check, &consentv1.CheckRequest{}},
		{"is_allowed", s.IsAllowed, &consentv1.CheckRequest{}},
		{"batch_check", s.BatchCheck, &consentv1.BatchCheckRequest{}},
		{"list_purposes", s.ListPurposes, &consentv1.ListPurposesRequest{}},
		{"record_events", s.RecordEvents, &consentv1.RecordEventsRequest{}},
		{"link_subjects", s.LinkSubjects, &consentv1.LinkSubjectsRequest{}},
		{"unlink_subjects", s.UnlinkSubjects, &consentv1.UnlinkSubjectsRequest{}},
		{"get_subject", s.GetSubject, &consentv1.GetSubjectRequest{}},
		{"list_events", s.ListEvents, &consentv1.ListEventsRequest{}},
		{"get_policy", s.GetPolicy, &consentv1.GetPolicyRequest{}},
		{"list_controllers", s.ListControllers, &consentv1.ListControllersRequest{}},
		{"explain", s.Explain, &consentv1.ExplainRequest{}},
		{"guard", s.Guard, &consentv1.CheckRequest{}},
	}
	var named []operation
	for _, o := range all {
		if o.request != nil {
			named = append(named, o)
		}
	}
	if s.NewEvent != "" {
		named = append(named, operation{name: "new_event"})
	}
	return named
}

// encode gives the operation's request as JSON, with the subject's id in place.
func (o operation) encode(subject string) (json.RawMessage, error) {
	if o.message == nil {
		return nil, nil
	}
	if err := fill(o.message, o.request, subject); err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return protojson.Marshal(o.message)
}

// fill reads an object of a script into a message.
func fill(message proto.Message, from object, subject string) error {
	text, err := json.Marshal(substitute(from, subject))
	if err != nil {
		return err
	}
	return protojson.Unmarshal(text, message)
}

// substitute replaces $subject in all strings of a value.
func substitute(value any, subject string) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "$subject", subject)
	case object:
		return substitute(map[string]any(v), subject)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = substitute(inner, subject)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = substitute(inner, subject)
		}
		return out
	default:
		return value
	}
}

// readScripts reads all scripts; a fault of one is the test's.
func readScripts(t *testing.T) []scenario {
	t.Helper()
	files, err := filepath.Glob("scripts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all []scenario
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scenarios, err := parseScript(file, text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, scenarios...)
	}
	return all
}

// parseScript reads one script and refuses what would not do what it says.
func parseScript(file string, text []byte) ([]scenario, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var scenarios []scenario
	if err := decoder.Decode(&scenarios); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var places []struct {
		Steps []yaml.Node `yaml:"steps"`
	}
	if err := yaml.Unmarshal(text, &places); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range scenarios {
		if scenarios[i].Name == "" || len(scenarios[i].Steps) == 0 {
			return nil, fmt.Errorf("%s: scenario %d: it needs a name and steps", file, i+1)
		}
		for j := range scenarios[i].Steps {
			s := &scenarios[i].Steps[j]
			s.place = fmt.Sprintf("%s:%d", file, places[i].Steps[j].Line)
			if err := s.validate(); err != nil {
				return nil, fmt.Errorf("%s: %w", s.place, err)
			}
		}
		scenarios[i].place = scenarios[i].Steps[0].place
	}
	return scenarios, nil
}

// validate refuses a step that does not say exactly one thing, or whose messages are none.
func (s *step) validate() error {
	things := len(s.operations())
	if s.Open != nil {
		things++
	}
	if s.Front != "" {
		things++
	}
	if things != 1 {
		return errors.New("a step is one operation, open, or front")
	}
	for _, o := range s.operations() {
		if _, err := o.encode("x"); err != nil {
			return err
		}
		for _, a := range s.Answers {
			if err := a.validate(o.name); err != nil {
				return err
			}
		}
	}
	for _, action := range []string{s.Front, s.During} {
		_, known := frontActions[action]
		if action != "" && !known && !(action == "close" && action == s.During) {
			return fmt.Errorf("%q is nothing that a front can do", action)
		}
	}
	return nil
}

func (a answer) validate(operation string) error {
	said := 0
	for _, is := range []bool{a.Pass, a.Respond != nil, a.Raw != "", a.Empty, a.Hang} {
		if is {
			said++
		}
	}
	if said > 1 || said == 0 && a.Error == nil && !a.Cut {
		return errors.New("an answer is one of pass, respond, raw, empty, hang, or an error or cut")
	}
	if a.Respond == nil {
		return nil
	}
	_, err := a.message(operation)
	return err
}

// message is the response that an answer spells out.
func (a answer) message(operation string) (proto.Message, error) {
	response := responseOf(operation)
	return response, fill(response, a.Respond, "")
}

// responseOf makes an empty message of the type that an operation returns.
func responseOf(operation string) proto.Message {
	return map[string]proto.Message{
		"check": &consentv1.CheckResponse{}, "is_allowed": &consentv1.CheckResponse{}, "batch_check": &consentv1.BatchCheckResponse{},
		"list_purposes": &consentv1.ListPurposesResponse{}, "record_events": &consentv1.RecordEventsResponse{},
		"link_subjects": &consentv1.LinkSubjectsResponse{}, "unlink_subjects": &consentv1.UnlinkSubjectsResponse{},
		"get_subject": &consentv1.GetSubjectResponse{}, "list_events": &consentv1.ListEventsResponse{},
		"get_policy": &consentv1.GetPolicyResponse{}, "list_controllers": &consentv1.ListControllersResponse{},
		"new_event": &consentv1.Event{}, "explain": &consentv1.ExplainResponse{}, "guard": &consentv1.CheckResponse{},
	}[operation]
}

// inProtoNames rewrites a message from proto JSON's names to the proto's, and so shows that it is one of that type.
func inProtoNames(message proto.Message, text json.RawMessage) (json.RawMessage, error) {
	if len(text) == 0 {
		return nil, nil
	}
	if err := protojson.Unmarshal(text, message); err != nil {
		return nil, fmt.Errorf("%s is no %s: %w", text, message.ProtoReflect().Descriptor().Name(), err)
	}
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
}
