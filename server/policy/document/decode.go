package document

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Texter is a type whose values are some texts: of few values, or of a form.
type Texter interface {
	// ReadText takes the text, or says what is wrong with it and what to do.
	ReadText(string) error
}

// Decode reads the value into a pointer to structs (their fields by the tag yaml, unknown keys are refused), maps
// with keys of text, slices, bools, integers, strings, Texters and any. Nothing is converted: text is no bool and
// no number, a number is no text, 1.0 is no integer, null is no value but for any. What stands in an any has its
// type declared nowhere, so a word such as yes must be quoted there.
func (v *Value) Decode(into any) error {
	d := decoder{}
	d.decode(v, "", reflect.ValueOf(into).Elem())
	if len(d.faults) > 0 {
		slices.SortStableFunc(d.faults, func(a, b consent.PolicyFault) int { return a.Line - b.Line })
		return faults(d.faults...)
	}
	return nil
}

type decoder struct{ faults []consent.PolicyFault }

// refuse notes a fault at v, which stands at the key.
func (d *decoder) refuse(v *Value, key, format string, a ...any) {
	f := v.Fault(format, a...)
	if key != "" {
		f.Message = key + ": " + f.Message
	}
	d.faults = append(d.faults, f)
}

func (d *decoder) decode(v *Value, key string, into reflect.Value) {
	texter, isTexter := into.Addr().Interface().(Texter)
	switch k := into.Kind(); {
	case isTexter:
		d.text(v, key, texter.ReadText)
	case k == reflect.Interface:
		d.free(v, key)
		if data := v.Data(); data != nil {
			into.Set(reflect.ValueOf(data))
		}
	case k == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(v, key, into.Elem())
	case k == reflect.Bool:
		if d.want(v, key, boolean, "true or false") {
			into.SetBool(v.text == "true")
		}
	case k == reflect.String:
		d.text(v, key, func(s string) error {
			into.SetString(s)
			return nil
		})
	case into.CanInt(), into.CanUint():
		d.integer(v, key, into)
	case k == reflect.Slice:
		d.list(v, key, into)
	case k == reflect.Map:
		d.entries(v, key, into)
	default:
		d.fields(v, key, into)
	}
}

// want refuses a value of another kind.
func (d *decoder) want(v *Value, key string, k kind, what string) bool {
	if v.kind == k {
		return true
	}
	shown := ""
	if v.kind == text || v.kind == number || v.kind == boolean {
		shown = strconv.Quote(shortened(v.text)) + " is "
	}
	d.refuse(v, key, "%s%s here: write %s", shown, named[v.kind], what)
	return false
}

func shortened(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (d *decoder) text(v *Value, key string, take func(string) error) {
	what := "text"
	if v.kind == number || v.kind == boolean {
		what = fmt.Sprintf("it in quotes where text is meant, %q", v.text)
	}
	if !d.want(v, key, text, what) {
		return
	}
	if err := take(v.text); err != nil {
		d.refuse(v, key, "%v", err)
	}
}

func (d *decoder) integer(v *Value, key string, into reflect.Value) {
	const what = "a whole number without point, exponent and quotes"
	if !d.want(v, key, number, what) {
		return
	}
	if strings.ContainsAny(v.text, ".eE") {
		d.refuse(v, key, "%s is no whole number: write %s", v.text, what)
		return
	}
	bits := into.Type().Bits()
	if into.CanUint() {
		n, err := strconv.ParseUint(v.text, 10, bits)
		if into.SetUint(n); err != nil {
			d.refuse(v, key, "%s is not between 0 and %d: give a number that is", v.text, uint64(1)<<bits-1)
		}
		return
	}
	n, err := strconv.ParseInt(v.text, 10, bits)
	if into.SetInt(n); err != nil {
		d.refuse(v, key, "%s is too large: give a smaller number", v.text)
	}
}

func (d *decoder) list(v *Value, key string, into reflect.Value) {
	if !d.want(v, key, list, "a list, [a, b]") {
		return
	}
	out := reflect.MakeSlice(into.Type(), len(v.list), len(v.list))
	for i, e := range v.list {
		d.decode(e, key, out.Index(i))
	}
	into.Set(out)
}

func (d *decoder) entries(v *Value, key string, into reflect.Value) {
	if !d.want(v, key, object, "a map, {key: value}") {
		return
	}
	out := reflect.MakeMapWithSize(into.Type(), len(v.entries))
	for _, e := range v.entries {
		k, element := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
		at := &Value{File: v.File, Line: e.line, kind: text, text: e.key}
		d.decode(at, key, k)
		d.decode(e.value, e.key, element)
		out.SetMapIndex(k, element)
	}
	into.Set(out)
}

func (d *decoder) fields(v *Value, key string, into reflect.Value) {
	if !d.want(v, key, object, "a map, {key: value}") {
		return
	}
	fields := map[string]int{}
	for i := range into.NumField() {
		if name := into.Type().Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = i
		}
	}
	for _, e := range v.entries {
		i, ok := fields[e.key]
		if !ok {
			at := &Value{File: v.File, Line: e.line}
			remedy := "mend the name or remove it"
			if _, ok := fields[ownKey]; ok {
				remedy = "mend its name; keys for rules of your own go under " + ownKey
			}
			d.refuse(at, "", "unknown key %s: %s", e.key, remedy)
			continue
		}
		d.decode(e.value, e.key, into.Field(i))
	}
}

// ownKey is the key below which authors put what they like, where there is one.
const ownKey = "own"

// free refuses words that readers of YAML differ about, where nothing says whether text is meant.
func (d *decoder) free(v *Value, key string) {
	if v.word {
		d.refuse(v, key, "%s is text, and neither true nor false: write true or false, or quote it: %q", v.text, v.text)
	}
	v.Entries(func(below string, e *Value) { d.free(e, below) })
}

// CheckFree refuses what Decode refuses in an any.
func (v *Value) CheckFree() error {
	d := decoder{}
	d.free(v, "")
	if len(d.faults) > 0 {
		return faults(d.faults...)
	}
	return nil
}
