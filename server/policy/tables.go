package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/consent"
)

// table is a controller's table, controllers/<id>/data.yaml. The rules of lib read it; it is declared here so that a key that
// no rule reads, a misspelt limit for one, is refused instead of ignored. Keys for rules of one's own go under own.
type table struct {
	Name               string              `yaml:"name"`
	Notice             *notice             `yaml:"notice"`
	PacksForEveryone   []pack              `yaml:"packs_for_everyone"`
	HomePack           pack                `yaml:"home_pack"`
	TransferSafeguards everywhere          `yaml:"transfer_safeguards"`
	Settings           settings            `yaml:"settings"`
	Age                *age                `yaml:"age"`
	Durations          map[string]duration `yaml:"durations"`
	KeptAfterErasure   []string            `yaml:"kept_after_erasure"`
	Recipients         []recipientKind     `yaml:"recipients"`
	Retention          *retention          `yaml:"retention"`
	BasesElsewhere     map[basis]basis     `yaml:"bases_elsewhere"`
	Purposes           map[string]*row     `yaml:"purposes"`
	Own                any                 `yaml:"own"`

	// file is where the table stands.
	file string
}

// row is the row of a purpose.
type row struct {
	Basis                  basis                        `yaml:"basis"`
	BasisElsewhere         basis                        `yaml:"basis_elsewhere"`
	BasisForProcessor      basis                        `yaml:"basis_for_processor"`
	AnonymizedInformation  bool                         `yaml:"anonymized_information"`
	Prohibited             bool                         `yaml:"prohibited"`
	Clause                 string                       `yaml:"clause"`
	Notice                 *notice                      `yaml:"notice"`
	Settings               settings                     `yaml:"settings"`
	SoftOptIn              bool                         `yaml:"soft_opt_in"`
	CountsAsSharing        bool                         `yaml:"counts_as_sharing"`
	ConsentNamesRecipient  bool                         `yaml:"consent_names_recipient"`
	AnonymizedOnly         bool                         `yaml:"anonymized_only"`
	Recipients             []recipientKind              `yaml:"recipients"`
	Allowed                []category                   `yaml:"allowed"`
	AllowedFor             map[recipientKind][]category `yaml:"allowed_for"`
	Forbidden              []forbidden                  `yaml:"forbidden"`
	SpecialCategories      specialRule                  `yaml:"special_categories"`
	CoveredBy              string                       `yaml:"covered_by"`
	ObjectionsSharedWith   []string                     `yaml:"objections_shared_with"`
	Obligations            []obligation                 `yaml:"obligations"`
	ObligationsWhenObject  []obligation                 `yaml:"obligations_when_objected"`
	ObligationsWhenRefused []whenRefused                `yaml:"obligations_when_refused"`
	Own                    any                          `yaml:"own"`
}

type notice struct {
	Version  uint32 `yaml:"version"`
	Material uint32 `yaml:"material"`
}

type age struct {
	Minimum int    `yaml:"minimum"`
	Local   bool   `yaml:"local"`
	Clause  string `yaml:"clause"`
}

type duration struct {
	Days   int    `yaml:"days"`
	Clause string `yaml:"clause"`
}

type retention struct {
	Counts bool   `yaml:"counts"`
	Clause string `yaml:"clause"`
}

type forbidden struct {
	Categories []category `yaml:"categories"`
	Unless     string     `yaml:"unless"`
	Clause     string     `yaml:"clause"`
}

type whenRefused struct {
	Consent     string       `yaml:"consent"`
	Obligations []obligation `yaml:"obligations"`
}

// settings are packs' rules in whose place a pack accepts the controller's published rule.
type settings struct {
	EPrivacy       controllerPolicy `yaml:"eprivacy"`
	JPMail         controllerPolicy `yaml:"jpmail"`
	APPIThirdParty controllerPolicy `yaml:"appi_third_party"`
}

// The strings of a table that have few values. Each refuses what is none of them, with its line.
type (
	pack             string
	everywhere       string
	controllerPolicy string
	specialRule      string
	basis            string
	recipientKind    string
	obligation       string
	category         string
)

func (p *pack) UnmarshalYAML(n *yaml.Node) error {
	return oneOf((*string)(p), n, "gdpr", "ccpa", "appi")
}

func (e *everywhere) UnmarshalYAML(n *yaml.Node) error { return oneOf((*string)(e), n, "everywhere") }

func (c *controllerPolicy) UnmarshalYAML(n *yaml.Node) error {
	return oneOf((*string)(c), n, "controller_policy")
}

func (s *specialRule) UnmarshalYAML(n *yaml.Node) error { return oneOf((*string)(s), n, "forbidden") }

func (b *basis) UnmarshalYAML(n *yaml.Node) error {
	return enumerated((*string)(b), n, consent.ParseBasis)
}

func (k *recipientKind) UnmarshalYAML(n *yaml.Node) error {
	return enumerated((*string)(k), n, consent.ParseRecipientKind)
}

func (o *obligation) UnmarshalYAML(n *yaml.Node) error {
	return enumerated((*string)(o), n, consent.ParseObligationCode)
}

func (c *category) UnmarshalYAML(n *yaml.Node) error {
	return known((*string)(c), n, "a dotted key such as user.contact.email", categoryForm.MatchString)
}

var (
	categoryForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	purposeForm  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
)

func oneOf(s *string, n *yaml.Node, values ...string) error {
	return known(s, n, "one of "+strings.Join(values, ", "), func(v string) bool { return slices.Contains(values, v) })
}

// enumerated takes the names that parse knows, and lists them where another stands.
func enumerated[T interface {
	~uint8
	fmt.Stringer
}](s *string, n *yaml.Node, parse func(string) (T, bool)) error {
	if _, ok := parse(n.Value); ok {
		*s = n.Value
		return nil
	}
	var values []string
	for v := range 256 {
		name := T(v).String()
		if same, ok := parse(name); ok && same == T(v) && name != "" {
			values = append(values, name)
		}
	}
	return oneOf(s, n, values...)
}

func known(s *string, n *yaml.Node, want string, ok func(string) bool) error {
	if !ok(n.Value) {
		return fmt.Errorf("line %d: %q is not a known value here: want %s", n.Line, n.Value, want)
	}
	*s = n.Value
	return nil
}

// readTables decodes the tables of all controllers, by id. A table stands in controllers/<id>/data.yaml, or, as in a bundle,
// below controllers.<id> of a file above; a controller has one.
func readTables(files []consent.PolicyFile) (map[string]*table, error) {
	tables, origin := map[string]*table{}, map[string]string{}
	var faults []error
	for _, f := range files {
		found, err := tablesIn(f)
		if err != nil {
			faults = append(faults, prefixed(f.Path+": ", err))
		}
		for id, t := range found {
			if first := origin[id]; first != "" {
				faults = append(faults, fmt.Errorf("%s: the table of controller %q is in %s: join them in one file", f.Path, id, first))
			}
			t.file = f.Path
			tables[id], origin[id] = t, f.Path
		}
	}
	return tables, errors.Join(faults...)
}

// eachLine changes each line of an error.
func eachLine(err error, change func(string) string) error {
	if err == nil {
		return nil
	}
	var faults []error
	for line := range strings.Lines(err.Error()) {
		faults = append(faults, errors.New(change(strings.TrimSuffix(line, "\n"))))
	}
	return errors.Join(faults...)
}

// prefixed puts a text before each line of an error.
func prefixed(by string, err error) error {
	return eachLine(err, func(line string) string { return by + line })
}

// located puts the line before each line of an error that begins with the keys of what it is about, a.b.c: that of the key,
// or of the nearest one above that is there.
func located(content []byte, err error) error {
	var document yaml.Node
	if err == nil || yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return err
	}
	return eachLine(err, func(line string) string {
		keys, _, _ := strings.Cut(line, ":")
		return fmt.Sprintf("line %d: %s", lineOf(document.Content[0], strings.Split(keys, ".")), line)
	})
}

// lineOf is the line of the last of nested keys that is there.
func lineOf(n *yaml.Node, keys []string) int {
	line := n.Line
	for _, key := range keys {
		found := false
		for i := 0; !found && i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if found = n.Content[i].Value == key; found {
				line, n = n.Content[i].Line, n.Content[i+1]
			}
		}
		if !found {
			break
		}
	}
	return line
}

// tablesIn decodes the tables in a file, which its folder places in the tree of data.
func tablesIn(f consent.PolicyFile) (map[string]*table, error) {
	if path.Ext(f.Path) == ".rego" {
		return nil, nil
	}
	dir := path.Dir(f.Path)
	id, ok := strings.CutPrefix(dir, "controllers/")
	switch {
	case dir == ".":
		var root struct {
			Controllers map[string]*table `yaml:"controllers"`
			Rest        map[string]any    `yaml:",inline"`
		}
		err := decode(f.Content, &root)
		return root.Controllers, errors.Join(err, located(f.Content, prefixed("controllers.", validateAll(root.Controllers))))
	case dir == "controllers":
		var tables map[string]*table
		err := decode(f.Content, &tables)
		return tables, errors.Join(err, located(f.Content, validateAll(tables)))
	case ok && !strings.Contains(id, "/"):
		t := &table{}
		if err := decode(f.Content, t); err != nil {
			return map[string]*table{id: t}, err
		}
		return map[string]*table{id: t}, located(f.Content, t.validate())
	case ok:
		return nil, fmt.Errorf("a controller's table is one file: move this into controllers/%s/data.yaml", strings.Split(id, "/")[0])
	}
	return nil, nil
}

func decode(content []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	err := decoder.Decode(into)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	text := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:\n  ", "")
	return errors.New(unknownField.ReplaceAllString(strings.ReplaceAll(text, "\n  ", "\n"), "unknown key $1: mend its name; keys for rules of your own go under own"))
}

// validateAll validates the tables of a file that has those of several controllers.
func validateAll(tables map[string]*table) error {
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(tables)) {
		if tables[id] == nil {
			tables[id] = &table{}
		}
		if err := tables[id].validate(); err != nil {
			faults = append(faults, prefixed(id+".", err))
		}
	}
	return errors.Join(faults...)
}

// validate returns all faults that the form of the single values does not show.
func (t *table) validate() error {
	var faults []error
	add := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if t.Notice == nil {
		add("notice: required: {version, material}")
	}
	if len(t.Purposes) == 0 {
		add("purposes: at least one is required")
	}
	for name, d := range t.Durations {
		if d.Days < 1 || d.Days > 36500 {
			add("durations.%s.days: %d is not between 1 and 36500", name, d.Days)
		}
	}
	for _, name := range t.KeptAfterErasure {
		if t.Purposes[name] == nil {
			add("kept_after_erasure: %q is not among the purposes: declare it or leave it out", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Purposes)) {
		for _, fault := range t.Purposes[name].faults(t) {
			add("purposes.%s: %s", name, fault)
		}
		if !purposeForm.MatchString(name) {
			add("purposes.%s: the name must have the form %s", name, purposeForm)
		}
	}
	return errors.Join(faults...)
}

func (r *row) faults(t *table) (faults []string) {
	if r == nil {
		return []string{"empty"}
	}
	if (r.Basis == "") != r.Prohibited {
		faults = append(faults, "needs exactly one of basis and prohibited: true (GDPR-6)")
	}
	if r.Clause == "" {
		faults = append(faults, "clause: required: the section of the privacy policy")
	}
	refers := slices.Concat(r.ObjectionsSharedWith)
	if r.CoveredBy != "" {
		refers = append(refers, r.CoveredBy)
	}
	for _, o := range r.ObligationsWhenRefused {
		refers = append(refers, o.Consent)
	}
	for _, purpose := range refers {
		if t.Purposes[purpose] == nil {
			faults = append(faults, fmt.Sprintf("refers to %q, which the table does not declare: declare it or mend the name", purpose))
		}
	}
	for _, f := range r.Forbidden {
		if len(f.Categories) == 0 || f.Clause == "" {
			faults = append(faults, "forbidden: needs categories and clause")
		}
	}
	return faults
}

func (t *table) describe(id string) consent.Controller {
	c := consent.Controller{ID: id, Name: t.Name}
	for _, name := range slices.Sorted(maps.Keys(t.Purposes)) {
		r := t.Purposes[name]
		n := t.Notice
		if r.Notice != nil {
			n = r.Notice
		}
		declared, _ := consent.ParseBasis(string(r.Basis))
		c.Purposes = append(c.Purposes, consent.Purpose{
			Name: name, Basis: declared, Prohibited: r.Prohibited, Clause: r.Clause,
			NoticeVersion: n.Version, MaterialNoticeVersion: n.Material,
		})
	}
	return c
}

func (t *table) durations() []consent.Instant {
	var out []consent.Instant
	for _, name := range slices.Sorted(maps.Keys(t.Durations)) {
		out = append(out, consent.Instant(t.Durations[name].Days)*consent.Instant(24*time.Hour))
	}
	return out
}

// The years in which a table's dates lie. Every instant in them has a count of nanoseconds, and so has the sum of it and any
// duration that a table may declare but a few decades, which clock and horizon look after.
const firstYear, endYear = 1700, 2200

// effectiveDates returns all effective_from dates of the data, sorted.
func effectiveDates(documents map[string]any) ([]consent.Instant, error) {
	var dates []consent.Instant
	var faults []error
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if k != "effective_from" {
					walk(where+"."+k, e)
					continue
				}
				t, err := time.Parse(time.RFC3339, fmt.Sprint(e))
				switch {
				case err != nil:
					faults = append(faults, fmt.Errorf("%s.effective_from: %v is not an RFC 3339 time", where, e))
				case t.Year() < firstYear || t.Year() >= endYear:
					faults = append(faults, fmt.Errorf("%s.effective_from: %v is not in the years %d to %d: mend the year, or leave "+
						"out what never takes effect", where, e, firstYear, endYear-1))
				}
				dates = append(dates, consent.InstantOf(t))
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", where, i), e)
			}
		}
	}
	walk("data", documents)
	slices.Sort(dates)
	return slices.Compact(dates), errors.Join(faults...)
}
