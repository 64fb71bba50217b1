package space

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/law"
)

func (v *Vocabulary) jurisdictions() []value {
	out := []value{plainValue()}
	for _, code := range v.placeCodes() {
		out = append(out, value{code: code, label: "lives in " + code, events: once(atProfile, consent.Profile{Jurisdiction: &code})})
	}
	return out
}

// subdivision is a part of a country of the EEA.
const subdivision = "DE-BY"

// unnamedPlace is a code that neither rules nor data name. ISO 3166-1 leaves XA to XZ to its users: no country
// will ever have one, and no law pack means one. The edge refuses such codes, but a policy must deny what it does
// not know all the same.
func (v *Vocabulary) unnamedPlace() string {
	for last := 'A'; last < 'Z'; last++ {
		if code := "X" + string(last); !v.places[code] {
			return code
		}
	}
	return "XZ"
}

// placeCodes are the codes that rules, data and the law name, and two that none need name: one for each group that
// none of the three tells apart. What rules and data forgot of the law, or mixed up, so stands alone.
func (v *Vocabulary) placeCodes() []string {
	keys := sortedKeys(v.places)
	for _, code := range append([]string{v.unnamedPlace(), subdivision}, law.Places()...) {
		if !v.places[code] {
			keys = append(keys, code)
		}
	}
	return v.alike(keys, func(code string) string {
		if len(code) > 2 {
			return law.Standing(code, v.now) + " in " + v.standing(code[:2])
		}
		return law.Standing(code, v.now)
	})
}

// countries are the codes of countries among the places, of recipients; of a processor where the request names no
// recipient.
func (v *Vocabulary) countries() []value {
	out := []value{{}}
	for _, code := range v.placeCodes() {
		if len(code) == 2 {
			out = append(out, value{label: "recipient in " + code, request: func(r *consent.Request) {
				if r.Recipient.Kind == 0 {
					r.Recipient.Kind, r.Recipient.ID = consent.Processor, partner
				}
				r.Recipient.Country = code
			}})
		}
	}
	return out
}

// partner is the id of the recipient that requests name.
const partner = "partner"

func (v *Vocabulary) recipientKinds() []value {
	out := []value{{}}
	for _, id := range append([]string{partner}, sortedKeys(v.recipients)...) {
		for k := consent.Processor; k <= consent.Authority; k++ {
			label := "recipient " + k.String()
			if id != partner {
				label += " " + id
			}
			out = append(out, value{
				label: label, class: law.ClassOf(k), request: func(r *consent.Request) { r.Recipient.Kind, r.Recipient.ID = k, id },
			})
		}
	}
	return out
}

// dataCategories are none, one of each group that rules and data do not tell apart, a parent and a child of such,
// one that nothing names, and an ordinary one together with another.
func (v *Vocabulary) dataCategories() []value {
	const ordinary = "user.unlisted"
	out := []value{{}}
	add := func(keys ...string) {
		out = append(out, value{label: "data " + join(keys), request: func(r *consent.Request) { r.DataCategories = keys }})
	}
	add(ordinary)
	keys := map[string]bool{}
	for key := range v.categories {
		keys[key], keys[key+".x"] = true, true
		for _, parent := range parents(key) {
			keys[parent] = true
		}
	}
	all := sortedKeys(keys)
	for _, key := range v.alike(all, func(key string) string { return v.relatives(key, all) }) {
		add(key)
		if v.categories[key] {
			add(ordinary, key)
			out[len(out)-1].rare = true // of several categories each is looked at, or none is, wherever it is asked
		}
	}
	return out
}

// relatives are where the categories above and below a key stand.
func (v *Vocabulary) relatives(key string, all []string) (out string) {
	for _, other := range all {
		if other != key && (under(other, key) || under(key, other)) && v.categories[other] {
			out += ">" + v.standing(other)
		}
	}
	return out
}

// flagValues are absent, true, and the text "true", which is none.
func flagValues(name string) []value {
	set := func(v any) func(*consent.Request) { return func(r *consent.Request) { setContext(r, name, v) } }
	return []value{
		{},
		{label: "context." + name, request: set(true)},
		{label: "context." + name + ` = "true"`, request: set("true"), rare: true},
	}
}

func setContext(r *consent.Request, name string, v any) {
	if r.Context == nil {
		r.Context = map[string]any{}
	}
	r.Context[name] = v
}

// factValues are what a key of the context may hold that is no flag: a flag after all, what rules compare it with,
// purposes, and lists of purposes.
func (v *Vocabulary) factValues(name, purpose string, others []string) []value {
	candidates := []any{true, purpose, "undeclared_purpose", []any{}, []any{purpose}, []any{purpose, 1.0}}
	for _, s := range sortedKeys(v.constants) {
		if slices.Contains(v.compared[name], s) {
			candidates = append(candidates, s)
		}
	}
	var all []any
	for _, other := range others {
		all = append(all, other)
	}
	if len(others) > 0 {
		candidates = append(candidates, others[0], []any{others[0]}, append(all, purpose))
	}
	for _, other := range []string{"affiliate_sharing", "service_delivery"} {
		if slices.Contains(others, other) && other != others[0] {
			candidates = append(candidates, other)
		}
	}
	out := []value{{}}
	for _, c := range candidates {
		out = append(out, value{
			label: "context." + name + " = " + text(c), request: func(r *consent.Request) { setContext(r, name, c) },
		})
	}
	return out
}
