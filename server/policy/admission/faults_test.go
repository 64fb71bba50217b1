package admission_test

// edit replaces the first occurrence of a text in a file of policies/.
type edit struct{ file, old, new string }

// planted is a fault in the shipped policies that admission must find.
type planted struct {
	name string
	// where is the controller and the purposes that stay in the set: controller/purpose,purpose.
	where string
	edits []edit
	// invariant is the one that must be shown broken; empty: the fault is said without a counterexample.
	invariant string
	// says is part of the fault.
	says string
}

const (
	levels   = "lib/levels/levels.rego"
	consents = "lib/levels/consent.rego"
	records  = "lib/consent/consent.rego"
	gdpr     = "lib/gdpr/gdpr.rego"
	ccpa     = "lib/ccpa/ccpa.rego"
	appi     = "lib/appi/appi.rego"
	ages     = "lib/age/age.rego"
)

// plantedFaults is the table of the faults.
var plantedFaults = []planted{
	{
		"a withdrawn consent still allows",
		"example/ai_training",
		[]edit{
			{
				records,
				"holds(r, purpose) if {",
				`holds(r, _) if r.status == "WITHDRAWN"

holds(r, purpose) if {`,
			},
		},
		"CONSENT",
		"",
	},
	{
		"a request counts as a grant",
		"example/ai_training",
		[]edit{
			{
				records,
				"holds(r, purpose) if {",
				`holds(r, _) if r.status == "REQUESTED"

holds(r, purpose) if {`,
			},
		},
		"CONSENT",
		"",
	},
	{
		"expiry compared the wrong way",
		"example/ai_training",
		[]edit{
			{
				records,
				"_expired(r) if clock.reached(r.expires_at)",
				"_expired(r) if not clock.reached(r.expires_at)",
			},
		},
		"CONSENT",
		"",
	},
	{
		"an outdated notice is accepted",
		"example/ai_training",
		[]edit{
			{records, "if r.notice_version >= _notice(purpose).material", "if r.notice_version >= 1"},
		},
		"CONSENT",
		"",
	},
	{
		"an ordinary consent passes for an explicit one",
		"example/special_category_personalization",
		[]edit{
			{consents, `not consent.current.explicit == true`, `consent.current.explicit == "no"`},
		},
		"EXPLICIT",
		"",
	},
	{
		"a consent for one recipient counts for another",
		"example/affiliate_sharing",
		[]edit{
			{
				records,
				"named := input.subject.consents[input.purpose].recipients[input.recipient.id]",
				"named := input.subject.consents[input.purpose].recipients[_]",
			},
		},
		"APPI-27",
		"",
	},
	{
		"an objection ignored for one jurisdiction",
		"example/product_improvement",
		[]edit{
			{
				levels,
				`	objected
	not basis.unconditional`,
				`	objected
	place.country != "FR"
	not basis.unconditional`,
			},
		},
		"GDPR-21",
		"",
	},
	{
		"an undefined reference inside a deny rule",
		"example/product_improvement",
		[]edit{
			{
				levels,
				"some t in marks.restricted_at",
				`some t in marks.restricted_at
	input.subject.frozen_since`,
			},
		},
		"GDPR-18",
		"",
	},
	{
		"a restriction ground ignored",
		"example/product_improvement",
		[]edit{
			{
				"lib/marks/marks.rego",
				"some marks in input.subject.restrictions",
				`some ground, marks in input.subject.restrictions
	ground != "DATA_NEEDED_FOR_CLAIMS"`,
			},
		},
		"GDPR-18",
		"",
	},
	{
		"erasure ignored for one purpose",
		"example/product_analytics",
		[]edit{
			{
				levels,
				`_kept if input.purpose == "legal_claims"`,
				`_kept if input.purpose in {"legal_claims", "product_analytics"}`,
			},
		},
		"ERASURE",
		"",
	},
	{
		"an age rule off by one",
		"z-image/product_improvement",
		[]edit{
			{levels, "input.subject.age_max < age.minimum", "input.subject.age_max + 1 < age.minimum"},
		},
		"AGE",
		"",
	},
	{
		"a refused purpose falls back to another basis",
		"example/product_improvement",
		[]edit{
			{
				consents,
				`	consent.denied(consent.current)
`,
				`	consent.denied(consent.current)
	basis.declared != "LEGITIMATE_INTERESTS"
`,
			},
		},
		"GDPR-7-SWAP",
		"",
	},
	{
		"the GDPR pack not applied",
		"example/product_improvement",
		[]edit{
			{
				"lib/place/place.rego",
				`gdpr if europe
`,
				`gdpr if country == "GB"
`,
			},
		},
		"GDPR-9",
		"",
	},
	{
		"special categories on ordinary consent",
		"example/product_improvement",
		[]edit{
			{
				"lib/gdpr/special.rego",
				`	record.explicit == true
`,
				"",
			},
		},
		"GDPR-9",
		"",
	},
	{
		"a child's own consent at the wrong age",
		"example/ai_training",
		[]edit{
			{
				"lib/gdpr/data.yaml",
				"  AT:",
				`  DE: [{effective_from: "2018-05-25T00:00:00Z", age: 15}]
  AT:`,
			},
		},
		"GDPR-8",
		"",
	},
	{"objection to marketing on a contract", "example/marketing_sms", []edit{
		{"controllers/example/data.yaml", "  marketing_sms:\n    basis: CONSENT", "  marketing_sms:\n    basis: CONTRACT"},
		{gdpr, "	basis.unconditional\n", "	basis.declared == \"VITAL_INTERESTS\"\n"},
	}, "GDPR-21-MARKETING", ""},
	{
		"stored Global Privacy Control ignored",
		"example/affiliate_sharing",
		[]edit{
			{
				"lib/ccpa/signals.rego",
				`	stored.value == true
`,
				`	stored.value == "yes"
`,
			},
		},
		"CCPA-GPC",
		"",
	},
	{
		"an opt-out that counts in California alone",
		"example/affiliate_sharing",
		[]edit{
			{
				ccpa,
				`	not opt_out.lifted == true
	t := opt_out.time`,
				`	not opt_out.lifted == true
	place.ccpa
	t := opt_out.time`,
			},
		},
		"CCPA-120",
		"",
	},
	{
		"a minor's data sold",
		"example/affiliate_sharing",
		[]edit{
			{
				"lib/ccpa/minors.rego",
				`_minor if {
	input.subject.age_max < 16`,
				`_minor if {
	input.subject.age_max < 13`,
			},
		},
		"CCPA-120-MINOR",
		"",
	},
	{
		"limited sensitive data used",
		"example/product_improvement",
		[]edit{
			{
				"lib/ccpa/sensitive.rego",
				`	not _necessary
`,
				`	not _necessary
	input.purpose != "product_improvement"
`,
			},
		},
		"CCPA-121",
		"",
	},
	{
		"a transfer from Japan without consent",
		"example/product_improvement",
		[]edit{
			{
				appi,
				`	not _transfer_excepted
`,
				`	not _transfer_excepted
	request.recipient_country != "BR"
`,
			},
		},
		"APPI-28",
		"",
	},
	{
		"an unknown subject is allowed",
		"example/product_improvement",
		[]edit{
			{
				"lib/compose/compose.rego",
				"not input.subject.known == true",
				`input.subject.known == "no"`,
			},
		},
		"LEVEL-1",
		"",
	},
	{
		"an opt-out that allows",
		"example/ai_training",
		[]edit{
			{
				"lib/basis/basis.rego",
				`} else := "LEGITIMATE_INTERESTS" if {`,
				`} else := "LEGITIMATE_INTERESTS" if {
	input.subject.opt_outs.SENSITIVE_DATA_USE.lifted == false
	place.country == "BR"
} else := "LEGITIMATE_INTERESTS" if {`,
			},
		},
		"MONOTONIC",
		"",
	},
	{
		"two rules that conflict in one place",
		"example/ai_training",
		[]edit{
			{
				"lib/place/place.rego",
				`europe if country == "GB"`,
				`europe if country == "GB"

europe := false if jurisdiction == "DE-BY"`,
			},
		},
		"TOTAL",
		"conflict",
	},
	{
		"a purpose that no state can reach",
		"jsers/customer_support",
		[]edit{
			{
				"controllers/jsers/jsers.rego",
				"denials contains",
				`denials contains [6, "OBJECTED", "§5"] if input.purpose == "customer_support"

denials contains`,
			},
		},
		"",
		"purposes.customer_support: no case is allowed",
	},
	{
		"a minor's consent ripens",
		"example/ai_training",
		[]edit{
			{
				ages,
				`given_too_young(record, purpose) if {
	record.age_max < _oldest_asked`,
				`given_too_young(record, purpose) if {
	input.subject.age_max < _oldest_asked`,
			},
		},
		"CONSENT",
		"",
	},
	{
		"a child's opt-in to sale ripens at 13",
		"example/sale_of_data",
		[]edit{
			{
				ages,
				`	record.age_max < 13
`,
				`	input.subject.age_max < 13
`,
			},
		},
		"CCPA-120-MINOR",
		"",
	},
	{
		"a minor's consent lifts an objection",
		"example/product_improvement",
		[]edit{
			{
				records,
				`	holds(current, input.purpose)
`,
				`	current.status == "GIVEN"
`,
			},
		},
		"GDPR-21",
		"",
	},
	{
		"a consent to a notice that nobody declared",
		"example/ai_training",
		[]edit{
			{records, "if r.notice_version <= _notice(purpose).version", "if r.notice_version >= 1"},
		},
		"CONSENT",
		"",
	},
	{
		"a parent's consent that expired",
		"z-image/functional_cookies",
		[]edit{
			{
				gdpr,
				`	consent.current.given_by == "PARENT"
	consent.holds(consent.current, input.purpose)
`,
				`	consent.current.given_by == "PARENT"
`,
			},
			{
				gdpr,
				`asks_consent contains "GDPR-6-DEEMED" if {
`,
				`asks_consent contains "GDPR-6-DEEMED" if {
	not input.subject.age_max < 16
`,
			},
		},
		"GDPR-8",
		"",
	},
	{
		"a false signal opts in",
		"example/affiliate_sharing",
		[]edit{
			{
				ccpa,
				`_opted_in_again(t) if {
`,
				`_opted_in_again(_) if input.subject.signals.gpc.value == false

_opted_in_again(t) if {
`,
			},
		},
		"CCPA-120",
		"",
	},
	{
		"Great Britain by a code that is none",
		"example/product_improvement",
		[]edit{
			{"lib/place/place.rego", "europe if country == \"GB\"", "europe if country == \"UK\""},
		},
		"GDPR-9",
		"",
	},
	{
		"the packs forget Japan, which other data name",
		"example/product_improvement",
		[]edit{
			{"lib/place/place.rego", `appi if country == "JP"`, `appi if country == "JAPAN"`},
			{appi, `{"", "JP", "GB"}`, `{"", "GB"}`},
		},
		"APPI-20-2",
		"",
	},
	{
		"the packs forget California",
		"example/affiliate_sharing",
		[]edit{
			{"lib/place/place.rego", `ccpa if jurisdiction == "US-CA"`, `ccpa if jurisdiction == "CALIFORNIA"`},
		},
		"CCPA-GPC",
		"",
	},
	{
		"a country with the age of others",
		"example/ai_training",
		[]edit{
			{
				"lib/gdpr/data.yaml",
				`SI: [{effective_from: "2018-05-25T00:00:00Z", age: 15}]`,
				`SI: [{effective_from: "2018-05-25T00:00:00Z", age: 13}]`,
			},
		},
		"GDPR-8",
		"",
	},
	{"a territory of the EEA forgotten", "example/product_improvement", []edit{{"lib/place/data.yaml", ", RE: FR", ""}}, "GDPR-9", ""},
	{
		"a restarted erasure lifts a restriction",
		"example/product_improvement",
		[]edit{
			{
				levels,
				"_unrestricted if input.purpose in",
				`_unrestricted if input.subject.erasure == "RESTARTED"

_unrestricted if input.purpose in`,
			},
		},
		"GDPR-18",
		"",
	},
	{
		"lifting for all lifts what was raised for one",
		"example/product_improvement",
		[]edit{
			{
				"lib/marks/marks.rego",
				`	count([m | some m in named; m.time == t; m.raised == true]) > 0
}

_raised_for_all`,
				`	count([m | some m in named; m.time == t; m.raised == true]) > 0
	not input.subject.objections.all.raised == false
}

_raised_for_all`,
			},
		},
		"GDPR-21",
		"",
	},
	{
		"an objection to one kind of mail leaves the other",
		"jasminai/survey_email,marketing_email,fraud_prevention",
		[]edit{
			{
				"lib/marks/marks.rego",
				"_shared := request.row.objections_shared_with",
				"_shared := request.row.objections_shared",
			},
		},
		"GDPR-21",
		"",
	},
	{
		"a state's act forgotten",
		"example/product_improvement",
		[]edit{
			{
				"lib/us_states/data.yaml",
				`  US-TN: {special_categories: [{effective_from: "2025-07-01T00:00:00Z"}]}
`,
				"",
			},
		},
		"US-STATES",
		"",
	},
	{
		"a state honours signals a year late",
		"example/affiliate_sharing",
		[]edit{
			{
				"lib/us_states/data.yaml",
				`gpc: [{effective_from: "2025-07-15T00:00:00Z"}]`,
				`gpc: [{effective_from: "2027-07-15T00:00:00Z"}]`,
			},
		},
		"CCPA-GPC",
		"",
	},
	{
		"a later objection lifts an older one",
		"example/product_improvement",
		[]edit{
			{
				"lib/marks/marks.rego",
				`	t := max([m.time | some m in named])
`,
				`	t := max([m.time | some m in named])
	not input.subject.objections.all
`,
			},
		},
		"GDPR-21",
		"",
	},
	{
		"a rule that never fires",
		"somesing/affiliate_sharing",
		[]edit{
			{
				"controllers/somesing/somesing.rego",
				"_for_declared_purpose if {",
				`denials contains [8, "NOT_ANONYMIZED", "§5"] if input.purpose == "no_such_purpose"

_for_declared_purpose if {`,
			},
		},
		"",
		"fires in no case",
	},
}
