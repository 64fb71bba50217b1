package consentd.lib.ccpa_signals_test

import data.consentd.lib.ccpa
import data.consentd.lib.fixture

_share(fields, context) := fixture.asked("example", "affiliate_sharing", {
	"recipient": fixture.recipient("AFFILIATE"),
	"context": context,
	"subject": fixture.subject(object.union({"jurisdiction": "US-CA"}, fields)),
})

_gpc(days) := {"signals": {"gpc": {"value": true, "time": fixture.ago(days)}}}

_gpc_and(record) := object.union(_gpc(9), {"consents": {"affiliate_sharing": record}})

_reask contains o.parameters.time if {
	some o in ccpa.obligations
	o.code == "REASK_NOT_BEFORE"
}

_codes := fixture.denied_codes(ccpa.denials)

_limited(fields) := object.union(
	{
		"jurisdiction": "US-CA",
		"opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": fixture.ago(9)}},
	},
	fields,
)

_limits(purpose, fields) := fixture.example(purpose, _limited(fields))

test_ccpa_gpc_denied_by_the_stored_signal if {
	_codes == {"GPC_OPT_OUT"} with input as _share(_gpc(9), {})
	ccpa.denials == {[5, "GPC_OPT_OUT", "CCPA-GPC"]} with input as _share(_gpc(9), {})
}

test_ccpa_135_asks_again_a_year_after_the_stored_signal if {
	every context in [{}, {"gpc": true}] {
		_reask == {time.add_date(fixture.ago(9), 1, 0, 0)} with input as _share(_gpc(9), context)
	}
}

test_ccpa_135_silent_where_a_consent_outlived_the_signal_or_only_the_request_has_one if {
	_reask == set() with input as _share(_gpc_and(fixture.given_with(1, {"evidence": true})), {"gpc": true})
	_reask == set() with input as _share({}, {"gpc": true})
}

test_ccpa_135_is_californias if {
	every place in ["US-CO", "DE"] {
		_reask == set() with input as _share(object.union(_gpc(9), {"jurisdiction": place}), {})
	}
}

test_ccpa_gpc_denied_by_the_signal_on_the_request if {
	_codes == {"GPC_OPT_OUT"} with input as _share({}, {"gpc": true})
	ccpa.obligations == {{"code": "RECORD_SIGNAL", "parameters": {"signal": "gpc"}}} with input as _share({}, {"gpc": true})
}

test_ccpa_gpc_allowed_without_the_signal if {
	_codes == set() with input as _share({"signals": {"gpc": {"value": false, "time": fixture.ago(1)}}}, {})
	_codes == set() with input as _share({"signals": {"dnt": {"value": true, "time": fixture.ago(1)}}}, {})
	_codes == set() with input as _share({}, {"gpc": "true"})
}

test_ccpa_gpc_is_about_sale_and_sharing if {
	every kind in ["PROCESSOR", "CORPORATE_AFFILIATE"] {
		given := object.union(_share(_gpc(9), {"gpc": true}), {"recipient": {"kind": kind}})
		_codes == set() with input as given
		ccpa.obligations == set() with input as given
	}
}

test_ccpa_gpc_allowed_after_a_conflict_notice if {
	_codes == set() with input as _share(_gpc_and(fixture.given_with(1, {"evidence": true})), {})
}

test_ccpa_gpc_denied_without_a_conflict_notice if {
	_codes == {"GPC_OPT_OUT"} with input as _share(_gpc_and(fixture.given(1)), {})
	_codes == {"GPC_OPT_OUT"} with input as _share(_gpc_and(fixture.given_with(9, {"evidence": true})), {})
}

test_ccpa_gpc_denied_where_the_consent_with_a_notice_holds_no_more if {
	every fields in [{"expires_at": fixture.ago(1)}, {"notice_version": 4}, {"age_max": 12}] {
		record := fixture.given_with(2, object.union({"evidence": true}, fields))
		_codes == {"GPC_OPT_OUT"} with input as _share(_gpc_and(record), {})
	}
}

test_ccpa_gpc_denied_by_the_request_despite_the_notice if {
	_codes == {"GPC_OPT_OUT"} with input as _share(_gpc_and(fixture.given_with(1, {"evidence": true})), {"gpc": true})
}

test_ccpa_gpc_denied_in_the_states_that_honour_it if {
	every state in ["US-CO", "US-CT", "US-DE", "US-MD", "US-MN", "US-MT", "US-NE", "US-NH", "US-NJ", "US-OR", "US-TX"] {
		_codes == {"GPC_OPT_OUT"} with input as _share({"jurisdiction": state}, {"gpc": true})
	}
	every place in ["US-IN", "US-KY", "US-RI", "US-TN", "US-VA", "US-NY", "US", "DE", "JP", ""] {
		_codes == set() with input as _share({"jurisdiction": place}, {"gpc": true})
		ccpa.obligations == set() with input as _share({"jurisdiction": place}, {"gpc": true})
	}
}

test_ccpa_gpc_honoured_since_its_date if {
	before := object.union(_share({"jurisdiction": "US-CO"}, {"gpc": true}), {"now": time.parse_rfc3339_ns("2024-06-30T23:59:59Z")})
	_codes == set() with input as before
}

test_ccpa_121_denied_limited_data if {
	[data.lib.categories.limitable, "SENSITIVE_DATA_NOT_PERMITTED", "CCPA-121"] in ccpa.bans with input as _limits("ai_training", {})
}

test_ccpa_121_allowed_for_what_is_necessary if {
	every purpose in ["service_delivery", "legal_compliance", "legal_claims", "fraud_prevention"] {
		ccpa.bans == set() with input as _limits(purpose, {})
	}
}

test_ccpa_121_allowed_on_a_later_explicit_consent if {
	explicit := {"consents": {"ai_training": fixture.given_with(1, {"explicit": true})}}
	ordinary := {"consents": {"ai_training": fixture.given(1)}}
	earlier := {"consents": {"ai_training": fixture.given_with(10, {"explicit": true})}}
	ccpa.bans == set() with input as _limits("ai_training", explicit)
	ccpa.bans != set() with input as _limits("ai_training", ordinary)
	ccpa.bans != set() with input as _limits("ai_training", earlier)
}

test_ccpa_121_allowed_after_the_lifting_and_elsewhere if {
	lifted := {"opt_outs": {"SENSITIVE_DATA_USE": {"lifted": true, "time": fixture.ago(1)}}}
	ccpa.bans == set() with input as _limits("ai_training", lifted)
	ccpa.bans == set() with input as _limits("ai_training", {"jurisdiction": "DE"})
}

test_ccpa_gpc_denied_by_the_pack_for_everyone_where_a_state_has_a_rule_too if {
	controllers := {"c": {
		"notice": {"version": 3, "material": 1},
		"packs_for_everyone": ["ccpa"],
		"purposes": {"affiliate_sharing": {"basis": "LEGITIMATE_INTERESTS"}},
	}}
	given := fixture.asked("c", "affiliate_sharing", {
		"context": {"gpc": true},
		"recipient": fixture.recipient("AFFILIATE"),
		"subject": fixture.subject({"jurisdiction": "US-CO"}),
	})
	ccpa.denials == {[5, "GPC_OPT_OUT", "CCPA-GPC"]} with input as given with data.controllers as controllers
}
