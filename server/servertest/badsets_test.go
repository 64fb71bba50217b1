package servertest_test

import "strings"

// badSet is tiny with files replaced, and what is said of it.
type badSet struct {
	name  string
	files map[string]string
	// place is file:line of the first fault, or what of it there is; says are parts of its text, the remedy last.
	place string
	says  []string
}

func badSets() []badSet {
	rules, table := tiny()[tinyRules], tiny()[tinyTable]
	added := func(text string) map[string]string { return map[string]string{tinyRules: rules + text} }
	rows := func(text string) map[string]string { return map[string]string{tinyTable: table + text} }
	return []badSet{
		{
			"a syntax error", added("decision if {\n"), tinyRules + ":8",
			[]string{"unexpected eof token", "complete or correct the rule here"},
		},
		{
			"saved by half", map[string]string{tinyRules: rules[:len(rules)/2]}, tinyRules + ":4",
			[]string{"complete or correct the rule here"},
		},
		{
			"emptied", map[string]string{tinyRules: ""}, tinyRules,
			[]string{"empty module", "write its package and rules, or remove the file"},
		},
		{"a type error", added("x := count(1)\n"), tinyRules + ":7", []string{"count", "give it arguments of the types that it wants"}},
		{"an unknown function", added("x := nope(1)\n"), tinyRules + ":7", []string{"undefined function nope", "mend the name"}},
		{"a refused built-in", added("x := http.send({})\n"), tinyRules + ":7", []string{"http.send is not allowed", "in the input"}},
		{"a clock", added("x := time.now_ns()\n"), tinyRules + ":7", []string{"time.now_ns is not allowed", "in the input"}},
		{"now outside the clock", added("x if input.now > 1\n"), tinyRules + ":7", []string{"input.now", "functions of the clock"}},
		{"a recursive rule", added("x if y\ny if x\n"), tinyRules + ":7", []string{"recursive", "decide one of these without the other"}},
		{
			"an unsafe variable", added("x if not y == 1\n"), tinyRules + ":7",
			[]string{"var y is unsafe", "give the variable a value in the same body"},
		},
		{
			"no entrypoint", map[string]string{tinyRules: "package consentd.controllers.acme\n\nother := 1\n"}, tinyTable,
			[]string{"no policy", `add a rule data.consentd.controllers["acme"].decision`},
		},
		{
			"rules and data in one place", map[string]string{"consentd/controllers/acme/data.yaml": "decision: {}\n"},
			tinyRules + ":3", []string{"conflicting rule", "rename the rule, or move the data"},
		},
		{"rules of two forms", added("x := 1\nx contains 2\n"), tinyRules + ":7", []string{"conflicting rules", "the same form"}},
		{
			"a conflict", added("decision := object.union({\"decision\": \"DENY\"}, {}) if input.subject.known == true\n"),
			tinyRules + ":7", []string{"conflict", "mend the rule so that it gives one value"},
		},
		{
			"a rule that never fires", added("x if {\n\tinput.purpose == \"nothing\"\n}\n\ndefault y := false\n\ny if x\n"),
			tinyRules + ":7", []string{"is needed by no decision", "or remove it"},
		},
		{
			"a rule that cannot fire",
			map[string]string{
				tinyRules: strings.Replace(
					rules, "decision := {",
					`decision := object.union(_answer, {"legal_basis": "CONTRACT"}) if input.purpose == "nothing"

decision := _answer if input.purpose != "nothing"

_answer := {`,
					1,
				),
			},
			tinyRules + ":3", []string{"fires in no case and in no test", "remove it, or show by a test or case"},
		},
		{
			"a wrong ALLOW",
			map[string]string{
				tinyTable: strings.Replace(table, "LEGAL_OBLIGATION", "CONSENT", 1),
				tinyRules: strings.Replace(rules, "LEGAL_OBLIGATION", "CONSENT", 1),
			},
			tinyRules + ":3", []string{
				"APPI-28: in Japan a recipient abroad needs a consent", "it is allowed where lives in JP; recipient in XA",
			},
		},
		{
			"an unknown key", rows("kept_after_erasur: [x]\n"), tinyTable + ":4",
			[]string{"unknown key kept_after_erasur", "mend its name"},
		},
		{
			"an unknown purpose in data", rows("kept_after_erasure: [storage]\n"), tinyTable + ":4",
			[]string{`"storage" is not among the purposes`, "declare it or leave it out"},
		},
		{
			"an unknown purpose in a row", rows("  storage: {basis: CONTRACT, clause: x, covered_by: nothing}\n"), tinyTable + ":4",
			[]string{`"nothing"`, "declare it or mend the name"},
		},
		{
			"a basis that does not exist", map[string]string{tinyTable: strings.Replace(table, "LEGAL_OBLIGATION", "LEGAL", 1)},
			tinyTable + ":3", []string{`"LEGAL" is not a known value`, "want one of CONSENT"},
		},
		{
			"two bases", map[string]string{tinyTable: strings.Replace(table, "basis:", "basis: CONSENT, basis:", 1)},
			tinyTable + ":3", []string{"basis", "keep one of them"},
		},
		{
			"a basis of what is prohibited", rows("  sale_of_data: {basis: CONSENT, prohibited: true, clause: x}\n"),
			tinyTable + ":4", []string{"needs exactly one of basis and prohibited"},
		},
		{
			"a limit that is text", rows("  storage: {basis: CONTRACT, clause: x, anonymized_only: yes}\n"), tinyTable + ":4",
			[]string{`anonymized_only: "yes" is text here`, "write true or false"},
		},
		{
			"a limit that is null", rows("  storage: {basis: CONTRACT, clause: x, anonymized_only: null}\n"), tinyTable + ":4",
			[]string{"anonymized_only: null here", "write true or false"},
		},
		{
			"a clause that is a number", rows("  storage:\n    basis: CONTRACT\n    clause: 3.10\n"), tinyTable + ":6",
			[]string{`clause: "3.10" is a number here`, `in quotes where text is meant, "3.10"`},
		},
		{
			"half a day", rows("durations: {idle: {days: 365.25}}\n"), tinyTable + ":4",
			[]string{"days: 365.25 is no whole number", "write a whole number"},
		},
		{
			"a version that is text", map[string]string{tinyTable: strings.Replace(table, "version: 1", `version: "1"`, 1)},
			tinyTable + ":1", []string{`version: "1" is text here`, "write a whole number"},
		},
		{"a second document", rows("---\nname: x\n"), tinyTable + ":4", []string{"second YAML document", "keep one document"}},
		{
			"a merge key", rows("  storage: &row {basis: CONTRACT, clause: x}\n  saved_gallery: {<<: *row, clause: y}\n"),
			tinyTable + ":5", []string{"merge keys are not read", "write the keys out"},
		},
		{"yes in own", rows("own: {flag: yes}\n"), tinyTable + ":4", []string{"flag: yes is text", "write true or false, or quote it"}},
		{
			"yes in shared data", map[string]string{"lib/x/data.yaml": "places:\n- NO\n"}, "lib/x/data.yaml:2",
			[]string{"NO is text", "quote it"},
		},
		{
			"data without a value", map[string]string{"lib/x/data.yaml": "# saved by half\n"}, "lib/x/data.yaml:1",
			[]string{"the file is empty", "or remove the file"},
		},
		{
			"data in two files", map[string]string{"lib/x/data.yaml": "a: 1\n", "lib/x/more.yaml": "a: 2\n"}, "lib/x/more.yaml:1",
			[]string{"data.lib.x.a stands in lib/x/data.yaml:1 too", "keep one of them"},
		},
		{
			"rules among the tables",
			map[string]string{
				"controllers/acme/more.rego": "package controllers.acme.purposes.legal_compliance\n\nanonymized_information := true\n",
			},
			"controllers/acme/more.rego:1", []string{"rules cannot stand among the tables", "name it consentd.controllers.<id>"},
		},
		{
			"a case with yes",
			map[string]string{tinyCases: strings.Replace(tiny()[tinyCases], "check: {", "check: {context: {anonymized: yes}, ", 1)},
			tinyCases + ":1", []string{"anonymized: yes is text", "write true or false"},
		},
		{
			"two documents of cases", map[string]string{tinyCases: tiny()[tinyCases] + "---\n" + tiny()[tinyCases]},
			tinyCases + ":2", []string{"second YAML document", "keep one document"},
		},
		{"broken YAML", rows("a: b: c\n"), tinyTable + ":4", []string{"mapping values", "correct the YAML here"}},
		{"tabs", rows("\tx: 1\n"), tinyTable + ":4", []string{"cannot start any token", "indent by spaces"}},
		{
			"a controller without rules", map[string]string{"controllers/other/data.yaml": table}, "controllers/other/data.yaml",
			[]string{"no policy", "add a rule"},
		},
		{
			"a test that fails",
			map[string]string{"controllers/acme/acme_test.rego": "package consentd.controllers.acme_test\n\ntest_x if 1 == 2\n"},
			"controllers/acme/acme_test.rego:3", []string{"test_x fails", "mend the rule or the test"},
		},
		{
			"a case that fails", map[string]string{tinyCases: strings.Replace(tiny()[tinyCases], "ALLOW", "DENY", 1)},
			tinyCases + ":1",
			[]string{`case "the law goes on" fails: expected DENY, got decision = ALLOW`, "mend the rule or the case"},
		},
		{
			"a case that is none", map[string]string{tinyCases: "- {nmae: x}\n"}, tinyCases + ":1",
			[]string{"unknown key nmae", "mend the name"},
		},
	}
}
