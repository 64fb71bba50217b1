package tree

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// The strings of a table that have few values. Each refuses what is none of them.
type (
	// Pack is a statute's pack.
	Pack string
	// Everywhere is the word everywhere.
	Everywhere string
	// Setting is a pack's rule in whose place the pack accepts the controller's published rule.
	Setting string
	// Settings are those that are set.
	Settings map[Setting]ControllerPolicy
	// ControllerPolicy is the word controller_policy.
	ControllerPolicy string
	// SpecialRule says what a purpose does with special categories.
	SpecialRule string
	// Basis is a legal basis.
	Basis string
	// RecipientKind is a kind of recipient.
	RecipientKind string
	// Obligation is the code of an obligation.
	Obligation string
	// Category is a key of the taxonomy of data.
	Category string
)

// ReadText implements document.Texter.
func (p *Pack) ReadText(s string) error { return oneOf((*string)(p), s, "gdpr", "ccpa", "appi") }

// ReadText implements document.Texter.
func (e *Everywhere) ReadText(s string) error { return oneOf((*string)(e), s, "everywhere") }

// ReadText implements document.Texter.
func (k *Setting) ReadText(s string) error {
	if values := []string{"eprivacy", "jpmail", "appi_third_party"}; !slices.Contains(values, s) {
		return fmt.Errorf("unknown key %s: mend its name: want one of %s", s, strings.Join(values, ", "))
	}
	*k = Setting(s)
	return nil
}

// ReadText implements document.Texter.
func (c *ControllerPolicy) ReadText(s string) error {
	return oneOf((*string)(c), s, "controller_policy")
}

// ReadText implements document.Texter.
func (r *SpecialRule) ReadText(s string) error { return oneOf((*string)(r), s, "forbidden") }

// ReadText implements document.Texter.
func (b *Basis) ReadText(s string) error { return enumerated((*string)(b), s, consent.ParseBasis) }

// ReadText implements document.Texter.
func (k *RecipientKind) ReadText(s string) error {
	return enumerated((*string)(k), s, consent.ParseRecipientKind)
}

// ReadText implements document.Texter.
func (o *Obligation) ReadText(s string) error {
	return enumerated((*string)(o), s, consent.ParseObligationCode)
}

var categoryForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// ReadText implements document.Texter.
func (c *Category) ReadText(s string) error {
	return known((*string)(c), s, "a dotted key such as user.contact.email", categoryForm.MatchString(s))
}

func oneOf(into *string, s string, values ...string) error {
	return known(into, s, "one of "+strings.Join(values, ", "), slices.Contains(values, s))
}

// enumerated takes the names that parse knows, and lists them where another stands.
func enumerated[T interface {
	~uint8
	fmt.Stringer
}](into *string, s string, parse func(string) (T, bool)) error {
	if _, ok := parse(s); ok {
		*into = s
		return nil
	}
	var values []string
	for v := range 256 {
		name := T(v).String()
		if same, ok := parse(name); ok && same == T(v) && name != "" {
			values = append(values, name)
		}
	}
	return oneOf(into, s, values...)
}

func known(into *string, s, want string, ok bool) error {
	if !ok {
		return fmt.Errorf("%q is not a known value here: want %s", s, want)
	}
	*into = s
	return nil
}
