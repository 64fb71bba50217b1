package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// result is a runner's line.
type result struct {
	ID       int             `json:"id"`
	Decision *decision       `json:"decision,omitempty"`
	Error    *callError      `json:"error,omitempty"`
	Allowed  *bool           `json:"allowed,omitempty"`
	Results  []result        `json:"results,omitempty"`
	Purposes []purpose       `json:"purposes,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Outcomes []string        `json:"outcomes,omitempty"`
	// Entries are LedgerEntry messages.
	Entries []json.RawMessage `json:"entries,omitempty"`

	Ran         *bool      `json:"ran,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	Near        *nearStats `json:"near,omitempty"`
	Burst       *tally     `json:"burst,omitempty"`

	took time.Duration
}

// nearStats are a near cache's.
type nearStats struct {
	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
}

// tally is what came of a burst's checks.
type tally struct {
	Allowed int            `json:"allowed"`
	Denied  int            `json:"denied"`
	Errors  map[string]int `json:"errors"`
	MS      float64        `json:"ms"`
	CPUUS   int64          `json:"cpu_us"`
}

// String is the result for the reader of a failure.
func (r result) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// readable rewrites the messages to what scripts name: the proto's names, and $subject for the subject's id.
func (r *result) readable(operation, subject string) (err error) {
	if r.Response, err = inProtoNames(responseOf(operation), r.Response); err != nil {
		return err
	}
	r.Response = bytes.ReplaceAll(r.Response, []byte(subject), []byte("$subject"))
	for i, entry := range r.Entries {
		if entry, err = inProtoNames(&consentv1.LedgerEntry{}, entry); err != nil {
			return err
		}
		r.Entries[i] = bytes.ReplaceAll(entry, []byte(subject), []byte("$subject"))
	}
	for i, text := range r.Outcomes {
		r.Outcomes[i] = strings.ReplaceAll(text, subject, "$subject")
	}
	return nil
}

// revisions are those of the entries, which are readable.
func (r *result) revisions() []uint64 {
	var revisions []uint64
	for _, text := range r.Entries {
		entry := &consentv1.LedgerEntry{}
		_ = protojson.Unmarshal(text, entry) // it was read before
		revisions = append(revisions, entry.GetRevision())
	}
	return revisions
}

type decision struct {
	Allowed                 bool     `json:"allowed"`
	Reasons                 []string `json:"reasons"`
	LegalBasis              string   `json:"legal_basis"`
	Obligations             []string `json:"obligations"`
	PermittedDataCategories []string `json:"permitted_data_categories"`
	ValidUntil              string   `json:"valid_until"`
	ConsistencyToken        string   `json:"consistency_token"`
	PolicyRevision          string   `json:"policy_revision"`
	ID                      string   `json:"id"`
	Text                    string   `json:"text"`
	Degraded                string   `json:"degraded"`
	StateAgeMS              float64  `json:"state_age_ms"`
}

type callError struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	Violations []violation `json:"violations"`
	// StoreMismatch says that it is the client's own error for servers that do not share a store.
	StoreMismatch bool `json:"store_mismatch"`
}

type purpose struct {
	Purpose  string   `json:"purpose"`
	Decision decision `json:"decision"`
}

// check lists how a result is not as expected, for an operation of this name.
func (e *expectation) check(operation string, got result) []string {
	faults := neverBoth(operation, got)
	faults = append(faults, e.checkError(got)...)
	if len(e.Error) == 0 || e.Allowed != nil {
		faults = append(faults, e.checkAllowed(got)...)
	}
	if got.Decision != nil {
		faults = append(faults, e.checkDecision(got.Decision)...)
	}
	if e.Results != nil {
		faults = append(faults, e.checkResults(got)...)
	}
	if operation == "guard" {
		faults = append(faults, e.checkGuard(got)...)
	}
	faults = append(faults, e.checkLists(got)...)
	if e.Response != nil {
		faults = append(faults, differences("response", substitute(e.Response, "$subject"), decode(got.Response))...)
	}
	return append(faults, e.Took.check("it took", got.took)...)
}

// neverBoth holds for every result, whatever the script expects: an error never comes with a permission, and each
// operation has its result or an error.
func neverBoth(operation string, got result) []string {
	var faults []string
	if got.Error != nil && (got.Decision != nil && got.Decision.Allowed || got.Allowed != nil && *got.Allowed) {
		faults = append(faults, "ALLOW came with an error")
	}
	if operation == "is_allowed" && (got.Error != nil || got.Allowed == nil) {
		faults = append(faults, "is_allowed is true or false, never an error")
	}
	if operation == "check" && got.Error == nil && got.Decision == nil {
		faults = append(faults, "neither a decision nor an error")
	}
	for i, one := range got.Results {
		for _, fault := range neverBoth("check", one) {
			faults = append(faults, fmt.Sprintf("results[%d]: %s", i, fault))
		}
	}
	return faults
}

func (e *expectation) checkError(got result) []string {
	switch {
	case len(e.Error) == 0 && got.Error == nil:
		return nil
	case len(e.Error) == 0:
		return []string{fmt.Sprintf("error %s: %s", got.Error.Code, got.Error.Message)}
	case got.Error == nil:
		return []string{fmt.Sprintf("no error; want %s", strings.Join(e.Error, " or "))}
	}
	var faults []string
	if !slices.Contains(e.Error, got.Error.Code) {
		faults = append(faults, fmt.Sprintf("error %s (%s); want %s", got.Error.Code, got.Error.Message, strings.Join(e.Error, " or ")))
	}
	if !strings.Contains(got.Error.Message, e.Message) {
		faults = append(faults, fmt.Sprintf("the error says %q; want %s in it", got.Error.Message, e.Message))
	}
	if got.Error.StoreMismatch != e.StoreMismatch {
		faults = append(faults, fmt.Sprintf("store_mismatch is %v; want %v", got.Error.StoreMismatch, e.StoreMismatch))
	}
	var fields []string
	for _, v := range got.Error.Violations {
		fields = append(fields, v.Field)
		if v.Description == "" {
			faults = append(faults, fmt.Sprintf("the violation of %s has no description", v.Field))
		}
	}
	if e.Violations != nil && !slices.Equal(fields, e.Violations) {
		faults = append(faults, fmt.Sprintf("violations of %v; want %v", fields, e.Violations))
	}
	return faults
}

func (e *expectation) checkAllowed(got result) []string {
	if e.Allowed == nil {
		return nil
	}
	allowed := got.Allowed != nil && *got.Allowed || got.Decision != nil && got.Decision.Allowed
	if allowed != *e.Allowed {
		return []string{fmt.Sprintf("allowed %v; want %v", allowed, *e.Allowed)}
	}
	return nil
}

func (e *expectation) checkDecision(got *decision) []string {
	var faults []string
	list := func(what string, got, want []string) {
		if want != nil && !slices.Equal(got, want) {
			faults = append(faults, fmt.Sprintf("%s %q; want %q", what, got, want))
		}
	}
	text := func(what, got string, want *string) {
		if want != nil && got != *want {
			faults = append(faults, fmt.Sprintf("%s %q; want %q", what, got, *want))
		}
	}
	list("reasons", got.Reasons, e.Reasons)
	list("obligations", got.Obligations, e.Obligations)
	list("permitted_data_categories", got.PermittedDataCategories, e.PermittedDataCategories)
	text("consistency_token", got.ConsistencyToken, e.ConsistencyToken)
	if e.LegalBasis != "" {
		text("legal_basis", got.LegalBasis, &e.LegalBasis)
	}
	if e.Text != "" {
		text("text", got.Text, &e.Text)
	}
	if e.ValidUntil != nil && !sameInstant(got.ValidUntil, *e.ValidUntil) {
		faults = append(faults, fmt.Sprintf("valid_until %q; want %q", got.ValidUntil, *e.ValidUntil))
	}
	if got.Degraded != e.Degraded || e.StateAgeMS != nil && got.StateAgeMS != *e.StateAgeMS {
		faults = append(faults, fmt.Sprintf("degraded %q of %v ms; want %q", got.Degraded, got.StateAgeMS, e.Degraded))
	}
	return faults
}

// sameInstant compares two times of RFC 3339; the empty text is no time.
func sameInstant(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	x, errX := time.Parse(time.RFC3339, a)
	y, errY := time.Parse(time.RFC3339, b)
	return errX == nil && errY == nil && x.Equal(y)
}

// checkGuard looks whether the guarded function ran, and what it was handed.
func (e *expectation) checkGuard(got result) []string {
	ran := got.Ran != nil && *got.Ran
	if got.Ran == nil && got.Error == nil || ran && got.Error != nil {
		return []string{"a guard's function ran or it did not, or there is an error"}
	}
	if e.Ran != nil && ran != *e.Ran {
		return []string{fmt.Sprintf("the function ran: %v; want %v", ran, *e.Ran)}
	}
	if e.Obligations != nil && !slices.Equal(got.Obligations, e.Obligations) {
		return []string{fmt.Sprintf("it was handed %q; want %q", got.Obligations, e.Obligations)}
	}
	return nil
}

func (e *expectation) checkResults(got result) []string {
	if len(got.Results) != len(e.Results) {
		return []string{fmt.Sprintf("%d results; want %d", len(got.Results), len(e.Results))}
	}
	var faults []string
	for i := range e.Results {
		for _, fault := range e.Results[i].check("check", got.Results[i]) {
			faults = append(faults, fmt.Sprintf("results[%d]: %s", i, fault))
		}
	}
	return faults
}

func (e *expectation) checkLists(got result) []string {
	var faults []string
	for name, want := range e.Purposes {
		at := slices.IndexFunc(got.Purposes, func(p purpose) bool { return p.Purpose == name })
		if at < 0 || got.Purposes[at].Decision.Allowed != want {
			faults = append(faults, fmt.Sprintf("purposes %+v; want %s: %v among them", got.Purposes, name, want))
		}
	}
	if e.Outcomes != nil && !slices.Equal(got.Outcomes, e.Outcomes) {
		faults = append(faults, fmt.Sprintf("outcomes %q; want %q", got.Outcomes, e.Outcomes))
	}
	return append(faults, e.checkLedger(got)...)
}

func (e *expectation) checkLedger(got result) []string {
	var faults []string
	revisions := got.revisions()
	if e.Entries != nil && (len(revisions) != *e.Entries || !slices.IsSorted(revisions)) {
		faults = append(faults, fmt.Sprintf("revisions %v; want %d of them, in order", revisions, *e.Entries))
	}
	if e.Revisions != nil && !slices.Equal(revisions, e.Revisions) {
		faults = append(faults, fmt.Sprintf("revisions %v; want %v", revisions, e.Revisions))
	}
	if e.Ledger == nil {
		return faults
	}
	if len(got.Entries) != len(e.Ledger) {
		return append(faults, fmt.Sprintf("%d entries; want %d", len(got.Entries), len(e.Ledger)))
	}
	for i, want := range e.Ledger {
		faults = append(faults, differences(fmt.Sprintf("ledger[%d]", i), substitute(want, "$subject"), decode(got.Entries[i]))...)
	}
	return faults
}

func (s span) check(what string, got time.Duration) []string {
	if got < s.AtLeast || s.AtMost > 0 && got > s.AtMost {
		return []string{fmt.Sprintf("%s %v; want %v to %v", what, got, s.AtLeast, s.AtMost)}
	}
	return nil
}

// check lists how what arrived at the front is not as expected; request makes a message to read a request into.
func (s *sight) check(seen []attempt, message proto.Message, subject string) []string {
	var faults []string
	if s.Attempts != nil && len(seen) != *s.Attempts {
		faults = append(faults, fmt.Sprintf("%d attempts arrived; want %d", len(seen), *s.Attempts))
	}
	if len(seen) == 0 {
		return faults
	}
	for i, a := range seen {
		if s.Identical && !bytes.Equal(a.request, seen[0].request) {
			faults = append(faults, fmt.Sprintf("attempt %d had another request than the first", i+1))
		}
	}
	if s.Request != nil {
		faults = append(faults, s.checkRequest(seen[len(seen)-1].request, message, subject)...)
	}
	if !strings.HasPrefix(seen[0].userAgent, s.UserAgent) {
		faults = append(faults, fmt.Sprintf("the user agent is %q; want it to begin with %q", seen[0].userAgent, s.UserAgent))
	}
	for name, want := range s.Metadata {
		if got := strings.Join(seen[0].metadata.Get(name), ", "); got != want {
			faults = append(faults, fmt.Sprintf("the metadata %s is %q; want %q", name, got, want))
		}
	}
	if s.Timeout.AtMost > 0 && seen[0].timeout == 0 {
		faults = append(faults, "the call came without a deadline")
	}
	return append(faults, s.Timeout.check("the call's deadline is", seen[0].timeout)...)
}

func (s *sight) checkRequest(request []byte, message proto.Message, subject string) []string {
	if err := proto.Unmarshal(request, message); err != nil {
		return []string{fmt.Sprintf("the request cannot be read: %v", err)}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return []string{err.Error()}
	}
	return differences("request", substitute(s.Request, subject), decode(text))
}

func decode(text json.RawMessage) any {
	var value any
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &value); err != nil {
		return err.Error()
	}
	return value
}

// differences lists where got lacks what want names. A nil in want stands for what must be absent; lists are compared
// whole, and numbers, which proto JSON writes as strings where they are 64 bits wide, by their text.
func differences(at string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		var faults []string
		for key, inner := range w {
			faults = append(faults, differences(at+"."+key, inner, g[key])...)
		}
		return faults
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			return []string{fmt.Sprintf("%s is %v; want %v", at, got, want)}
		}
		var faults []string
		for i, inner := range w {
			faults = append(faults, differences(fmt.Sprintf("%s[%d]", at, i), inner, g[i])...)
		}
		return faults
	default:
		if fmt.Sprint(want) != fmt.Sprint(got) {
			return []string{fmt.Sprintf("%s is %v; want %v", at, got, want)}
		}
		return nil
	}
}

// checkNewEvent lists how an event that a client made is not one of now with a fresh UUIDv7.
func checkNewEvent(response json.RawMessage, source string) []string {
	event := &consentv1.Event{}
	if err := protojson.Unmarshal(response, event); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	if id, err := uuid.Parse(event.GetId()); err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		faults = append(faults, fmt.Sprintf("the id %q is no UUIDv7", event.GetId()))
	} else if sec, nsec := id.Time().UnixTime(); time.Since(time.Unix(sec, nsec)).Abs() > time.Minute {
		faults = append(faults, fmt.Sprintf("the id %q is of %v", event.GetId(), time.Unix(sec, nsec)))
	}
	if age := time.Since(event.GetOccurredAt().AsTime()); age.Abs() > time.Minute {
		faults = append(faults, fmt.Sprintf("the event is %v old", age))
	}
	if event.GetSource() != source || event.GetKind() != nil {
		faults = append(faults, fmt.Sprintf("the event is %v; want one of source %s without a kind", event, source))
	}
	return faults
}
