package consentd.controllers.livex_test

import data.consentd.controllers.livex
import data.consentd.lib.fixture

_asked(purpose, context) := fixture.asked("livex", purpose, {"context": context})

_share(kind, fields) := fixture.asked("livex", "affiliate_sharing", {
	"recipient": fixture.recipient(kind),
	"subject": fixture.subject(fields),
})

_advertising(record) := {"consents": {"interest_based_advertising": record}}

_instructed(instructions) := {"role": "processor", "customer_instructions": instructions}

_decided(input_) := decision if {
	d := livex.decision with input as input_
	decision := d.decision
}

_codes := fixture.codes(livex.decision)

test_denied_processor_without_instructions if {
	every context in [
		{"role": "processor"},
		_instructed([]),
		_instructed("service_delivery"),
		_instructed({"service_delivery": true}),
		_instructed({"purpose": "service_delivery"}),
		_instructed(["service_delivery", 7]),
		_instructed(["service_messages"]),
	] {
		_codes == {"PROCESSOR_NOT_INSTRUCTED"} with input as _asked("service_delivery", context)
	}
}

test_allowed_processor_with_instructions if {
	_decided(_asked("service_delivery", _instructed(["service_messages", "service_delivery"]))) == "ALLOW"
	_decided(_asked("service_delivery", {"role": "controller"})) == "ALLOW"
}

test_allowed_group_and_referral_partners if {
	every kind in ["CORPORATE_AFFILIATE", "REFERRAL_PARTNER", "PROCESSOR"] {
		_decided(_share(kind, {})) == "ALLOW"
	}
}

test_denied_others_that_no_consent_names if {
	every kind in ["AFFILIATE", "THIRD_PARTY", "AUTHORITY"] {
		_codes == {"RECIPIENT_NOT_PERMITTED"} with input as _share(kind, {"consents": {"affiliate_sharing": fixture.first_given(1)}})
	}
}

test_allowed_others_that_a_consent_names if {
	every kind in ["AFFILIATE", "THIRD_PARTY", "AUTHORITY"] {
		_decided(_share(kind, {"consents": {"affiliate_sharing": {"recipients": {"r-1": fixture.first_given(1)}}}})) == "ALLOW"
	}
}

test_denied_named_recipients_of_other_purposes if {
	given := fixture.asked("livex", "service_delivery", {
		"recipient": fixture.recipient("THIRD_PARTY"),
		"subject": fixture.subject({"consents": {"service_delivery": {"recipients": {"r-1": fixture.first_given(1)}}}}),
	})
	partner := object.union(given, {"recipient": {"kind": "ADVERTISING_PARTNER"}, "subject": {"jurisdiction": "US-NY"}})
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as given
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as partner
}

test_denied_advertising_partner_where_advertising_is_not_allowed if {
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as _share("ADVERTISING_PARTNER", {})
	objected := {"objections": {"purposes": {"interest_based_advertising": fixture.raised(1)}}}
	fields := object.union(objected, {"jurisdiction": "US-NY"})
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as _share("ADVERTISING_PARTNER", fields)
}

test_denied_advertising_partner_that_only_the_sharing_names if {
	named := {"consents": {"affiliate_sharing": {"recipients": {"r-1": fixture.first_given(1)}}}}
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as _share("ADVERTISING_PARTNER", named)
}

test_denied_advertising_partner_whose_consent_was_withdrawn if {
	record := object.union(fixture.first_given(9), {"recipients": {"r-1": fixture.denied("WITHDRAWN", 1)}})
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as _share("ADVERTISING_PARTNER", _advertising(record))
}

test_allowed_advertising_partner_where_advertising_is_allowed if {
	_decided(_share("ADVERTISING_PARTNER", _advertising(fixture.first_given(1)))) == "ALLOW"
	_decided(_share("ADVERTISING_PARTNER", {"jurisdiction": "US-NY"})) == "ALLOW"
}

test_denied_advertising_partner_where_the_customer_instructs_the_sharing_only if {
	given := object.union(
		_share("ADVERTISING_PARTNER", _advertising(fixture.first_given(1))),
		{"context": _instructed(["affiliate_sharing"])},
	)
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as given
}

test_allowed_advertising_partner_where_the_customer_instructs_both if {
	given := object.union(
		_share("ADVERTISING_PARTNER", _advertising(fixture.first_given(1))),
		{"context": _instructed(["affiliate_sharing", "interest_based_advertising"])},
	)
	_decided(given) == "ALLOW"
}

test_recipients_beyond_the_table_are_those_of_the_request if {
	given := fixture.asked("livex", "affiliate_sharing", {
		"recipient": fixture.recipient("AUTHORITY"),
		"subject": fixture.subject({"jurisdiction": "US-NY"}),
	})
	livex.recipients == set() with input as given
}

_excluded(input_) := categories if {
	d := livex.decision with input as input_
	d.decision == "ALLOW"
	some {"code": "EXCLUDE_DATA_CATEGORIES", "parameters": {"categories": categories}} in d.obligations
}

test_allowed_advertising_partner_without_what_advertising_may_not_use if {
	subject := fixture.subject({"consents": {
		"interest_based_advertising": fixture.first_given(1),
		"affiliate_sharing": fixture.first_given_with(1, {"explicit": true}),
	}})
	given := object.union(_share("ADVERTISING_PARTNER", {}), {"subject": subject})
	_excluded(given) == data.lib.categories.special
	named := object.union(given, {"data_categories": ["user.genetic"]})
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as named
	livex.excluded == set() with input as named
	not _excluded(object.union(given, {"recipient": {"kind": "REFERRAL_PARTNER"}}))
}

test_allowed_advertising_partner_without_what_was_limited if {
	given := _share("ADVERTISING_PARTNER", {
		"jurisdiction": "US-CA",
		"opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": fixture.ago(9)}},
		"consents": {"affiliate_sharing": fixture.first_given_with(1, {"explicit": true})},
	})
	"user.location.precise" in _excluded(given)
}

test_denied_advertising_partner_whose_country_the_advertising_consent_does_not_name if {
	abroad := object.union(fixture.first_given(1), {"countries": ["US"]})
	rest := {"recipient": {"country": "US"}}
	sharing := {"affiliate_sharing": object.union(abroad, {"recipients": {"r-1": abroad}})}
	both := object.union(sharing, {"interest_based_advertising": abroad})
	one := object.union(_share("ADVERTISING_PARTNER", {"jurisdiction": "JP", "consents": sharing}), rest)
	two := object.union(_share("ADVERTISING_PARTNER", {"jurisdiction": "JP", "consents": both}), rest)
	_codes == {"RECIPIENT_NOT_PERMITTED"} with input as one
	_decided(two) == "ALLOW"
}

test_allowed_promotions_on_the_contract_or_notice if {
	home := livex.decision with input as fixture.asked("livex", "promotion_administration", {})
	home.legal_basis == "CONTRACT"
	subject := fixture.subject({"jurisdiction": "US-NY"})
	away := livex.decision with input as fixture.asked("livex", "promotion_administration", {"subject": subject})
	away.legal_basis == "NOTIFIED_PURPOSE"
	[home.decision, away.decision] == ["ALLOW", "ALLOW"]
}
