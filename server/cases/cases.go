// Package cases reads the corpus: YAML files of decisions that every build gets right (the format is documented in the
// README of testdata). The same cases run through the policies alone and through the real gRPC API.
package cases

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// Case is one decision: events recorded for a fresh subject, a check, and what is expected of it.
type Case struct {
	Name       string  `yaml:"name"`
	Controller string  `yaml:"controller"`
	Events     []Event `yaml:"events"`
	// Also are events of the same subject id under other controllers.
	Also   []Also `yaml:"also"`
	Check  Check  `yaml:"check"`
	Expect Expect `yaml:"expect"`
	// File and Line say where the case stands.
	File string `yaml:"-"`
	Line int    `yaml:"-"`
}

// Also is what is recorded under another controller.
type Also struct {
	Controller string  `yaml:"controller"`
	Events     []Event `yaml:"events"`
}

// Event is one event; exactly one of its kinds is set.
type Event struct {
	// ID is what an annulment of the same case names; empty where none does.
	ID       string `yaml:"id"`
	At       Time   `yaml:"at"`
	Source   string `yaml:"source"`
	Evidence string `yaml:"evidence"`

	Consent     *Consent     `yaml:"consent"`
	Objection   *Objection   `yaml:"objection"`
	Restriction *Restriction `yaml:"restriction"`
	OptOut      *OptOut      `yaml:"opt_out"`
	Signals     *Signals     `yaml:"signals"`
	Erasure     *Erasure     `yaml:"erasure"`
	Profile     *Profile     `yaml:"profile"`
	Annulment   *Annulment   `yaml:"annulment"`
}

// Consent is a consent event; enumerations are bare names.
type Consent struct {
	Purpose       string   `yaml:"purpose"`
	Status        string   `yaml:"status"`
	NoticeVersion uint32   `yaml:"notice_version"`
	Explicit      bool     `yaml:"explicit"`
	GivenBy       string   `yaml:"given_by"`
	Recipients    []string `yaml:"recipients"`
	Countries     []string `yaml:"countries"`
	ExpiresAt     *Time    `yaml:"expires_at"`
}

// Objection is an objection event.
type Objection struct {
	Purposes []string `yaml:"purposes"`
	Lifted   bool     `yaml:"lifted"`
}

// Restriction is a restriction event.
type Restriction struct {
	Ground   string   `yaml:"ground"`
	Purposes []string `yaml:"purposes"`
	Lifted   bool     `yaml:"lifted"`
}

// OptOut is an opt-out event.
type OptOut struct {
	Kind   string `yaml:"kind"`
	Lifted bool   `yaml:"lifted"`
}

// Signals is a signals event.
type Signals struct {
	GPC *bool `yaml:"gpc"`
	DNT *bool `yaml:"dnt"`
}

// Erasure is an erasure event.
type Erasure struct {
	Stage string `yaml:"stage"`
}

// Annulment is an annulment event.
type Annulment struct {
	EventID string `yaml:"event_id"`
}

// Profile is a profile event.
type Profile struct {
	Jurisdiction   *string       `yaml:"jurisdiction"`
	AgeMin         *uint32       `yaml:"age_min"`
	AgeMax         *uint32       `yaml:"age_max"`
	AccountStatus  string        `yaml:"account_status"`
	LastActivityAt *Time         `yaml:"last_activity_at"`
	RetentionUntil *Time         `yaml:"retention_until"`
	Relationship   *Relationship `yaml:"relationship"`
}

// Relationship is the field of that name in a profile.
type Relationship struct {
	LastSaleAt    *Time  `yaml:"last_sale_at"`
	SellingEntity string `yaml:"selling_entity"`
	OptOutOffered bool   `yaml:"opt_out_offered"`
}

// Check is a request without controller and subject.
type Check struct {
	Purpose        string         `yaml:"purpose"`
	DataCategories []string       `yaml:"data_categories"`
	Recipient      *Recipient     `yaml:"recipient"`
	Context        map[string]any `yaml:"context"`
}

// Recipient is who gets the data.
type Recipient struct {
	Kind    string `yaml:"kind"`
	ID      string `yaml:"id"`
	Country string `yaml:"country"`
}

// Expect is what the answer must be. Lists name codes that are all present, or all absent; PermittedDataCategories, if
// set, is the whole list. Error is the gRPC code with which the last event or else the check is refused.
type Expect struct {
	Decision                string   `yaml:"decision"`
	Reasons                 []string `yaml:"reasons"`
	NotReasons              []string `yaml:"not_reasons"`
	LegalBasis              string   `yaml:"legal_basis"`
	Obligations             []string `yaml:"obligations"`
	NotObligations          []string `yaml:"not_obligations"`
	PermittedDataCategories []string `yaml:"permitted_data_categories"`
	Error                   string   `yaml:"error"`
}

// Load reads all *.yaml files of a directory, in order of their names.
func Load(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("reading cases: no *.yaml files in %s", dir)
	}
	slices.Sort(files)
	var all []Case
	for _, file := range files {
		list, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("reading cases: %s: %w", file, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

func read(file string) ([]Case, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, content)
}

// Parse reads the cases of one file; the name is what the cases are to say of where they stand. An empty file has none.
// The error is a *consent.PolicyFaultsError.
func Parse(file string, content []byte) ([]Case, error) {
	v, err := document.Read(file, content)
	if err != nil || v == nil {
		return nil, err
	}
	var list []Case
	if err := v.Decode(&list); err != nil {
		return nil, err
	}
	faults := &consent.PolicyFaultsError{}
	next := 0
	v.Entries(func(_ string, at *document.Value) {
		c := &list[next]
		next++
		c.File, c.Line = file, at.Line
		if err := c.validate(); err != nil {
			faults.Faults = append(faults.Faults, at.Fault("%v", err))
		}
	})
	if len(faults.Faults) > 0 {
		return nil, faults
	}
	return list, nil
}

func (c *Case) validate() error {
	switch {
	case c.Name == "":
		return errors.New("name: required")
	case c.Controller == "":
		return errors.New("controller: required")
	case c.Expect.Decision == "" && c.Expect.Error == "":
		return errors.New("expect: needs decision or error")
	}
	if err := validateEvents(c.Events); err != nil {
		return err
	}
	for i, other := range c.Also {
		if err := validateEvents(other.Events); err != nil {
			return fmt.Errorf("also[%d].%w", i, err)
		}
	}
	return c.Expect.validate()
}

func validateEvents(events []Event) error {
	ids := map[string]bool{}
	for i := range events {
		e := &events[i]
		switch {
		case e.kinds() != 1:
			return fmt.Errorf("events[%d]: needs exactly one kind", i)
		case e.ID != "" && ids[e.ID]:
			return fmt.Errorf("events[%d].id: %q is that of an event before: choose another", i, e.ID)
		case e.Annulment != nil && e.Annulment.EventID == "":
			return fmt.Errorf("events[%d].annulment.event_id: required: the id of an event", i)
		}
		ids[e.ID] = true
	}
	return nil
}

func (e *Event) kinds() (n int) {
	for _, set := range []bool{
		e.Consent != nil, e.Objection != nil, e.Restriction != nil, e.OptOut != nil, e.Signals != nil, e.Erasure != nil,
		e.Profile != nil, e.Annulment != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

// Time is a moment of a case: a duration from the start of the run (-30d, -2h, +1h; a day is 24 h), a date, or an RFC
// 3339 time with or without fractions of a second.
type Time struct {
	offset   time.Duration
	absolute time.Time
}

// From returns the moment for a run that starts at start.
func (t Time) From(start time.Time) time.Time {
	if !t.absolute.IsZero() {
		return t.absolute
	}
	return start.Add(t.offset)
}

var dayForm = regexp.MustCompile(`^([+-]?\d+)d$`)

// ReadText implements document.Texter: it reads a duration or a date.
func (t *Time) ReadText(s string) error {
	if m := dayForm.FindStringSubmatch(s); m != nil {
		days, err := strconv.Atoi(m[1])
		t.offset = time.Duration(days) * 24 * time.Hour
		return err
	}
	if d, err := time.ParseDuration(s); err == nil {
		t.offset = d
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if d, err := time.Parse(layout, s); err == nil {
			t.absolute = d
			return nil
		}
	}
	return fmt.Errorf("%q is neither a duration such as -30d nor a date nor an RFC 3339 time such as 2025-03-10T12:00:00.5Z", s)
}
