package policy_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

var mailer = &caller.Caller{Kind: caller.KindKey, ID: "mailer"}

var mail = caller.Act{Action: caller.Check, Controller: "example", Purpose: "marketing_email"}

// table reads grants that are written as in a file.
func table(t testing.TB, grants string) *tree.Access {
	t.Helper()
	a, err := tree.ReadAccess("grants.yaml", []byte(grants))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const mailerGrants = `grants:
  - callers: ["key:mailer", "certificate:spiffe://prod.example/ns/mail/sa/*", "token:mail-* https://idp.example"]
    actions: [check]
    controllers: [example]
    purposes: [marketing_email]
`

func shippedAccess(t testing.TB, o policy.Options, tables ...*tree.Access) *policy.Access {
	t.Helper()
	set, err := policy.Load(policies.FS, o)
	if err != nil {
		t.Fatal(err)
	}
	a, err := set.Access().Over(tables...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s accessRow) act() caller.Act {
	return caller.Act{Action: s.action, Controller: s.controller, Purpose: s.purpose}
}

type accessRow struct {
	name                string
	caller              caller.Caller
	action              caller.Action
	controller, purpose string
	want                bool
}

var accessRows = []accessRow{
	{"what is granted", *mailer, caller.Check, "example", "marketing_email", true},
	{"another action", *mailer, caller.Explain, "example", "marketing_email", false},
	{"another controller", *mailer, caller.Check, "jasminai", "marketing_email", false},
	{"another purpose", *mailer, caller.Check, "example", "ai_training", false},
	{"no purpose", *mailer, caller.Check, "example", "", false},
	{"one wrong letter", caller.Caller{Kind: caller.KindKey, ID: "mailer2"}, caller.Check, "example", "marketing_email", false},
	{"another kind", caller.Caller{Kind: caller.KindCertificate, ID: "mailer"}, caller.Check, "example", "marketing_email", false},
	{"anonymous", *caller.Anonymous, caller.Check, "example", "marketing_email", false},
	{"nobody", caller.Caller{}, caller.Check, "example", "marketing_email", false},
	{"a pattern", caller.Caller{Kind: caller.KindCertificate, ID: "spiffe://prod.example/ns/mail/sa/x"},
		caller.Check, "example", "marketing_email", true},
	{"a pattern, a slash more", caller.Caller{Kind: caller.KindCertificate, ID: "spiffe://prod.example/ns/mail/sa/x/y"},
		caller.Check, "example", "marketing_email", false},
	{"a token", caller.Caller{Kind: caller.KindToken, ID: "mail-a", Issuer: "https://idp.example", Claims: map[string]any{"n": 1.5}},
		caller.Check, "example", "marketing_email", true},
	{"a token of another issuer", caller.Caller{Kind: caller.KindToken, ID: "mail-a", Issuer: "https://evil.example"},
		caller.Check, "example", "marketing_email", false},
	{"an id that has the issuer",
		caller.Caller{Kind: caller.KindToken, ID: "mail-a https://idp.example", Issuer: "https://evil.example"},
		caller.Check, "example", "marketing_email", false},
}

// TestShippedAccess: both engines permit what a grant names and nothing else.
func TestShippedAccess(t *testing.T) {
	for _, engine := range []policy.Engine{policy.Compiled, policy.Topdown} {
		a := shippedAccess(t, policy.Options{Engine: engine}, nil, table(t, mailerGrants))
		for _, row := range accessRows {
			if got, err := a.Permits(&row.caller, row.act()); got != row.want || err != nil {
				t.Errorf("engine %d, %s: got %v, %v, want %v", engine, row.name, got, err, row.want)
			}
			if err := a.Compare(t.Context(), &row.caller, row.act()); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
	}
}

func TestTheTableThatShipsGrantsNothing(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := set.Access().Over(set.Tree().Access)
	if err != nil || a.Grants() != 0 {
		t.Fatalf("%d grants, %v", a.Grants(), err)
	}
	for _, action := range caller.Actions() {
		if got, err := a.Permits(mailer, caller.Act{Action: action}); got || err != nil {
			t.Errorf("%s: %v, %v", action, got, err)
		}
	}
}

// TestGrantsAddUp: neither table takes away what the other grants, and of own each key is the last table's.
func TestGrantsAddUp(t *testing.T) {
	rules := `package consentd.access

default allow := false

allow if data.access.own.team == input.caller.id

allow if {
	some grant in data.access.grants
	input.action in grant.actions
}
`
	one := table(t, mailerGrants+"own: {team: mailer, x: 1}\n")
	other := table(t, strings.Replace(mailerGrants, "[check]", "[explain]", 1)+"own: {team: sender}\n")
	a, err := loaded(t, rules).Access().Over(one, nil, other)
	if err != nil {
		t.Fatal(err)
	}
	if a.Grants() != 2 {
		t.Errorf("%d grants", a.Grants())
	}
	for id, want := range map[string][3]bool{"mailer": {true, true, false}, "sender": {true, true, true}} {
		for i, action := range []caller.Action{caller.Check, caller.Explain, caller.Read} {
			got, err := a.Permits(&caller.Caller{Kind: caller.KindKey, ID: id}, caller.Act{Action: action})
			if got != want[i] || err != nil {
				t.Errorf("%s of %s: %v, %v", action, id, got, err)
			}
		}
	}
}

func accessSet(rules string) fstest.MapFS { return with("access/access.rego", rules) }

func loaded(t *testing.T, rules string) *policy.Set {
	t.Helper()
	set, err := policy.Load(accessSet(rules), policy.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestASetWithoutAccess(t *testing.T) {
	set, err := policy.Load(minimal(), policy.Options{})
	if err != nil || set.Access() != nil {
		t.Errorf("%v, %v", set.Access(), err)
	}
}

const allowHead = "package consentd.access\n\ndefault allow := false\n\n"

// TestLoadRefusesAccess: rules of access that could not be trusted, or would never hold, with their places.
func TestLoadRefusesAccess(t *testing.T) {
	for name, row := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no allow": {accessSet("package consentd.access\n\nallowed := true\n"),
			"access/access.rego:1: package consentd.access needs a rule allow"},
		"no default": {accessSet("package consentd.access\n\nallow if input.action == \"check\"\n"),
			"access/access.rego:3: package consentd.access needs a rule allow that is false where nothing permits"},
		"true by default": {accessSet("package consentd.access\n\ndefault allow := true\n"), "needs a rule allow that is false"},
		"only a helper":   {accessSet("package consentd.access.helper\n\ndefault allow := false\n"), "needs a rule allow"},
		"the time":        {accessSet(allowHead + "allow if input.now > 1\n"), "access/access.rego:5: input.now"},
		"a field that no act has": {accessSet(allowHead + "allow if input.subject.known\n"),
			"access/access.rego:5: input.subject: an act has no such field: name one of caller, action"},
		"the whole input": {accessSet(allowHead + "allow if f(input)\n\nf(x) if x.action == \"check\"\n"), "access/access.rego:5: input"},
		"an impure built-in": {accessSet(allowHead + `allow if http.send({"url": "http://x", "method": "GET"}).status_code == 200`),
			"access/access.rego:5: built-in http.send is not allowed"},
		"the clock": {accessSet(allowHead + "import data.consentd.lib.clock\n\nallow if clock.reached(1)\n"),
			"rules of access see their own packages"},
		"tables of controllers": {accessSet(allowHead + "allow if data.controllers[input.controller].own.open\n"),
			"access/access.rego:5: data.controllers[input.controller].own.open: rules of access see their own packages"},
		"all data": {accessSet(allowHead + "allow if data[input.controller]\n"), "rules of access see their own packages"},
		"a decision that asks who asks": {with("controllers/acme/acme.rego", acmeRego("data.consentd.access.allow")),
			"controllers/acme/acme.rego:8: data.consentd.access.allow: what a decision says must not depend on who asks"},
		"a decision that reads grants": {with("controllers/acme/acme.rego", acmeRego("count(data.access.grants) > 0")),
			"must not depend on who asks"},
		"rules in the table": {with("access/x.rego", "package access\n\ngrants := []\n"), "rules cannot stand in the table of access"},
		"a syntax error":     {accessSet(allowHead + "allow if {\n"), "access/access.rego:6"},
		"an unknown function": {accessSet(allowHead + "allow if foo(input.action)\n"),
			"access/access.rego:5: undefined function foo"},
		"a misspelt grant": {with("access/data.yaml", "grnats: []\n"), "access/data.yaml:1: unknown key grnats"},
	} {
		_, err := policy.Load(row.files, policy.Options{})
		var lines []string
		for _, f := range policy.Faults(err) {
			lines = append(lines, f.String())
		}
		if text := strings.Join(lines, "\n"); !strings.Contains(text, row.want) {
			t.Errorf("%s: got %q, want %q", name, text, row.want)
		}
	}
}

// TestWhatAccessDependsOn: claims and recipients count only where rules can read them.
func TestWhatAccessDependsOn(t *testing.T) {
	for condition, want := range map[string][2]bool{
		`input.action == "check"`:             {},
		`input.caller.kind == "key"`:          {},
		`input.caller.claims.scope == "a"`:    {true, false},
		`input.caller["claims"]`:              {true, false},
		`input.caller[input.action]`:          {true, false},
		`count(input.caller) > 1`:             {true, false},
		`input.recipient.kind == "AFFILIATE"`: {false, true},
		`not input.recipient`:                 {false, true},
		`f(input.caller)`:                     {true, false},
	} {
		rules := loaded(t, allowHead+"allow if "+condition+"\n\nf(x) if x.id\n").Access()
		if got := [2]bool{rules.Claims, rules.Recipient}; got != want {
			t.Errorf("%s: got %v, want %v", condition, got, want)
		}
	}
	if rules := loaded(t, allowHead+"import input.caller as who\n\nallow if who.claims.a\n").Access(); !rules.Claims {
		t.Error("claims by an import are not seen")
	}
	if a := shippedAccess(t, policy.Options{}).Rules(); a.Claims || a.Recipient {
		t.Error("the policy that ships depends on claims or recipients")
	}
}

// TestAccessReads: rules see all of an act.
func TestAccessReads(t *testing.T) {
	a := loadedOver(t, allowHead+`allow if {
	input.caller == {"kind": "token", "id": "x", "issuer": "i", "claims": {"n": 1, "list": ["a", true, null], "o": {"p": 1.5}}}
	input.action == "check"
	input.controller == "c"
	input.purpose == "p"
	input.recipient == {"kind": "AFFILIATE", "id": "r", "country": "DE"}
}
`)
	who := &caller.Caller{Kind: caller.KindToken, ID: "x", Issuer: "i",
		Claims: map[string]any{"n": 1.0, "list": []any{"a", true, nil}, "o": map[string]any{"p": 1.5}}}
	act := caller.Act{Action: caller.Check, Controller: "c", Purpose: "p",
		Recipient: consent.Recipient{Kind: consent.Affiliate, ID: "r", Country: "DE"}}
	if got, err := a.Permits(who, act); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	act.Recipient.Country = ""
	if got, err := a.Permits(who, act); got || err != nil {
		t.Errorf("without the country: got %v, %v", got, err)
	}
}

func loadedOver(t *testing.T, rules string) *policy.Access {
	t.Helper()
	a, err := loaded(t, rules).Access().Over()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAccessThatFails: whatever a policy does wrong permits nothing, by either engine.
func TestAccessThatFails(t *testing.T) {
	for name, rules := range map[string]string{
		"an error of a built-in": allowHead + "allow if json.unmarshal(input.purpose).a == 1\n\nallow if input.action == \"check\"\n",
		"no bool":                allowHead + "allow := \"yes\" if input.action == \"check\"\n",
		"a number":               allowHead + "allow := 1 if input.action == \"check\"\n",
		"a conflict":             allowHead + "allow if input.action == \"check\"\n\nallow := false if input.controller == \"example\"\n",
		"too many steps": allowHead + "allow if {\n\tsome a in numbers.range(1, 2000)\n\tsome b in numbers.range(1, 2000)\n" +
			"\ta + b == -1\n}\n",
	} {
		for _, engine := range []policy.Engine{policy.Compiled, policy.Topdown} {
			set, err := policy.Load(accessSet(rules), policy.Options{Engine: engine})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			a, err := set.Access().Over()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := a.Permits(mailer, mail); got || err == nil {
				t.Errorf("%s, engine %d: got %v, %v", name, engine, got, err)
			}
		}
	}
}

// TestActsHaveTheirSchema: what rules of access are given is what the schema says, for each action and kind of caller.
func TestActsHaveTheirSchema(t *testing.T) {
	schema := schemaOf(t, "access")
	callers := []*caller.Caller{mailer, {Kind: caller.KindCertificate, ID: "x"}, {
		Kind: caller.KindToken, ID: "x", Issuer: "i", Claims: map[string]any{"a": []any{1.0, "b"}},
	}}
	for _, action := range caller.Actions() {
		for _, c := range callers {
			for kind := range consent.Authority + 1 {
				act := caller.Act{Action: action, Controller: "c", Purpose: "p"}
				if kind != 0 {
					act.Recipient = consent.Recipient{Kind: kind, ID: "r", Country: "DE"}
				}
				if faults := match(t, schema, policy.BuildAct(c, act)); faults != "" {
					t.Errorf("%s of %s: %s", action, c, faults)
				}
			}
		}
	}
	if match(t, schema, policy.BuildAct(mailer, caller.Act{Action: "chekc"})) == "" {
		t.Error("an unknown action is accepted")
	}
}

// BenchmarkAccess is an evaluation that is not remembered, over so many grants of which the last permits.
func BenchmarkAccess(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		var grants strings.Builder
		grants.WriteString("grants:\n")
		const grant = "  - {callers: [%q], actions: [check], controllers: [example], purposes: [marketing_email]}\n"
		for i := range n - 1 {
			fmt.Fprintf(&grants, grant, fmt.Sprintf("key:service-%d", i))
		}
		fmt.Fprintf(&grants, grant, "key:mail*")
		for name, engine := range map[string]policy.Engine{"compiled": policy.Compiled, "topdown": policy.Topdown} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				a := shippedAccess(b, policy.Options{Engine: engine}, table(b, grants.String()))
				b.ReportAllocs()
				for b.Loop() {
					if got, err := a.Permits(mailer, mail); !got || err != nil {
						b.Fatal(got, err)
					}
				}
			})
		}
	}
}
