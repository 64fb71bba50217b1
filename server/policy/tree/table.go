package tree

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// Table is a controller's table, controllers/<id>/data.yaml. The rules of lib read it; it is declared here so that
// a key that no rule reads, a misspelt limit for one, is refused instead of ignored. Keys for rules of one's own
// go under own.
type Table struct {
	Name               string              `yaml:"name"`
	Notice             *Notice             `yaml:"notice"`
	PacksForEveryone   []Pack              `yaml:"packs_for_everyone"`
	HomePack           Pack                `yaml:"home_pack"`
	TransferSafeguards Everywhere          `yaml:"transfer_safeguards"`
	Settings           Settings            `yaml:"settings"`
	Age                Age                 `yaml:"age"`
	Durations          map[string]Duration `yaml:"durations"`
	KeptAfterErasure   []string            `yaml:"kept_after_erasure"`
	Recipients         []RecipientKind     `yaml:"recipients"`
	Retention          Retention           `yaml:"retention"`
	BasesElsewhere     map[Basis]Basis     `yaml:"bases_elsewhere"`
	Purposes           map[string]*Row     `yaml:"purposes"`
	Own                any                 `yaml:"own"`

	// value is the table as it stands in its file, where the keys above it that the file's folder does not name.
	value *document.Value
	where string
}

// Row is the row of a purpose.
type Row struct {
	Basis                  Basis                        `yaml:"basis"`
	BasisElsewhere         Basis                        `yaml:"basis_elsewhere"`
	BasisForProcessor      Basis                        `yaml:"basis_for_processor"`
	AnonymizedInformation  bool                         `yaml:"anonymized_information"`
	Prohibited             bool                         `yaml:"prohibited"`
	Clause                 string                       `yaml:"clause"`
	Notice                 *Notice                      `yaml:"notice"`
	Settings               Settings                     `yaml:"settings"`
	SoftOptIn              bool                         `yaml:"soft_opt_in"`
	CountsAsSharing        bool                         `yaml:"counts_as_sharing"`
	ConsentNamesRecipient  bool                         `yaml:"consent_names_recipient"`
	AnonymizedOnly         bool                         `yaml:"anonymized_only"`
	Recipients             []RecipientKind              `yaml:"recipients"`
	Allowed                []Category                   `yaml:"allowed"`
	AllowedFor             map[RecipientKind][]Category `yaml:"allowed_for"`
	Forbidden              []Forbidden                  `yaml:"forbidden"`
	SpecialCategories      SpecialRule                  `yaml:"special_categories"`
	CoveredBy              string                       `yaml:"covered_by"`
	ObjectionsSharedWith   []string                     `yaml:"objections_shared_with"`
	Obligations            []Obligation                 `yaml:"obligations"`
	ObligationsWhenObject  []Obligation                 `yaml:"obligations_when_objected"`
	ObligationsWhenRefused []WhenRefused                `yaml:"obligations_when_refused"`
	Degraded               WhenUnavailable              `yaml:"degraded"`
	StaleLimit             StaleLimit                   `yaml:"stale_limit"`
	Own                    any                          `yaml:"own"`
}

// Notice is the current version of a privacy notice, and the oldest version to which a consent still counts.
type Notice struct {
	Version  uint32 `yaml:"version"`
	Material uint32 `yaml:"material"`
}

// Age is the controller's own age rule; zero: it has none.
type Age struct {
	Minimum int    `yaml:"minimum"`
	Local   bool   `yaml:"local"`
	Clause  string `yaml:"clause"`
}

// Duration is one that the controller declares.
type Duration struct {
	Days   int    `yaml:"days"`
	Clause string `yaml:"clause"`
}

// Retention says whether retention_until counts.
type Retention struct {
	Counts bool   `yaml:"counts"`
	Clause string `yaml:"clause"`
}

// Forbidden are categories that a purpose may not have.
type Forbidden struct {
	Categories []Category `yaml:"categories"`
	Unless     string     `yaml:"unless"`
	Clause     string     `yaml:"clause"`
}

// WhenRefused are obligations while a consent is refused.
type WhenRefused struct {
	Consent     string       `yaml:"consent"`
	Obligations []Obligation `yaml:"obligations"`
}

// File is where the table stands.
func (t *Table) File() string { return t.value.File }

// LineOf is the line of the last of nested keys that is there.
func (t *Table) LineOf(keys ...string) int { return t.value.LineOf(keys...) }

// NoticeOf is the notice of a purpose: its row's, or else the table's.
func (t *Table) NoticeOf(purpose string) Notice {
	if r := t.Purposes[purpose]; r != nil && r.Notice != nil {
		return *r.Notice
	}
	return *t.Notice
}

// readTables decodes the tables of all controllers, from the value that rules see. A controller's table is in one
// file.
func (t *Tree) readTables(d data) error {
	t.Tables = map[string]*Table{}
	files := map[string]string{}
	var faults []error
	for _, p := range d.placed {
		if rest, ok := strings.CutPrefix(path.Dir(p.file), Folder); ok && strings.Contains(rest, "/") {
			id, _, _ := strings.Cut(rest, "/")
			faults = append(faults, faulty(p.value.Fault("a controller's table is one file: move this into %s%s/data.yaml", Folder, id)))
			continue
		}
		tables := p.value.Key(TablesKey)
		if tables != nil && !tables.IsMap() {
			faults = append(faults, faulty(tables.Fault("%s: no map: below it stands a table for each controller, by its id", TablesKey)))
			continue
		}
		if tables == nil {
			continue
		}
		tables.Entries(func(id string, v *document.Value) {
			if first := files[id]; first != "" {
				faults = append(faults, faulty(v.Fault("the table of controller %q is in %s: join them in one file", id, first)))
				return
			}
			files[id] = p.file
			where := ""
			if path.Dir(p.file) != Folder+id {
				where = TablesKey + "." + id + "."
			}
			table, err := readTable(v, where)
			t.Tables[id] = table
			faults = append(faults, err)
		})
	}
	return errors.Join(faults...)
}

func readTable(v *document.Value, where string) (*Table, error) {
	t := &Table{value: v, where: where}
	if err := v.Decode(t); err != nil {
		return t, err
	}
	if faults := t.faults(); len(faults) > 0 {
		return t, &consent.PolicyFaultsError{Faults: faults}
	}
	return t, nil
}

var purposeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// faults returns all faults that the form of the single values does not show.
func (t *Table) faults() (found []consent.PolicyFault) {
	add := func(at, format string, a ...any) {
		f := consent.PolicyFault{File: t.File(), Line: t.LineOf(strings.Split(at, ".")...)}
		f.Message = t.where + at + ": " + fmt.Sprintf(format, a...)
		found = append(found, f)
	}
	if t.Notice == nil {
		add("notice", "required: {version, material}")
	}
	if len(t.Purposes) == 0 {
		add("purposes", "at least one is required")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Durations)) {
		if d := t.Durations[name]; d.Days < 1 || d.Days > 36500 {
			add("durations."+name+".days", "%d is not between 1 and 36500", d.Days)
		}
	}
	for _, name := range t.KeptAfterErasure {
		if t.Purposes[name] == nil {
			add("kept_after_erasure", "%q is not among the purposes: declare it or leave it out", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Purposes)) {
		for _, fault := range t.Purposes[name].faults(t) {
			add("purposes."+name, "%s", fault)
		}
		for key, fault := range t.Purposes[name].degradedFaults() {
			add("purposes."+name+"."+key, "%s", fault)
		}
		if !purposeForm.MatchString(name) {
			add("purposes."+name, "the name must have the form %s", purposeForm)
		}
	}
	return found
}

func (r *Row) faults(t *Table) (faults []string) {
	if (r.Basis == "") != r.Prohibited {
		faults = append(faults, "needs exactly one of basis and prohibited: true (GDPR-6)")
	}
	if r.Clause == "" {
		faults = append(faults, "clause: required: the section of the privacy policy")
	}
	refers := slices.Clone(r.ObjectionsSharedWith)
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
