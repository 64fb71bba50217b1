package consentd.lib.levels_test

import data.consentd.lib.fixture
import data.consentd.lib.levels

_codes := fixture.denied_codes(levels.denials)

_asked(controller, purpose, fields) := fixture.asked(controller, purpose, {"subject": fixture.subject(fields)})

_restricted(days) := {"restrictions": {"ACCURACY_CONTESTED": {"all": fixture.raised(days), "purposes": {}}}}

_objected(days) := {"objections": {"all": fixture.raised(days), "purposes": {}}}

test_level_2_denied_while_an_erasure_stands if {
	every stage in ["REQUESTED", "IN_PROGRESS", "COMPLETED"] {
		_codes == {"ERASURE_REQUESTED"} with input as fixture.example("storage", {"erasure": stage})
	}
	_codes == set() with input as fixture.example("storage", {"erasure": "CANCELLED"})
}

test_level_2_denied_on_a_closed_account if {
	_codes == {"ACCOUNT_CLOSED"} with input as fixture.example("fraud_prevention", {"account_status": "CLOSED"})
	_codes == set() with input as fixture.example("fraud_prevention", {"account_status": "ACTIVE"})
}

test_level_2_denied_when_dormant if {
	_codes == {"ACCOUNT_DORMANT"} with input as _asked("jasminai", "storage", {"last_activity_at": fixture.ago(365)})
	_codes == set() with input as _asked("jasminai", "storage", {"last_activity_at": fixture.ago(365) + 1})
	_codes == set() with input as _asked("jasminai", "storage", {})
	_codes == set() with input as _asked("example", "storage", {"last_activity_at": fixture.ago(999)})
}

test_level_2_denied_after_the_retention_period if {
	_codes == {"RETENTION_EXPIRED"} with input as _asked("jsers", "service_delivery", {"retention_until": fixture.now})
	_codes == set() with input as _asked("jsers", "service_delivery", {"retention_until": fixture.now + 1})
	_codes == set() with input as _asked("example", "service_delivery", {"retention_until": fixture.ago(1)})
}

test_level_2_allowed_for_what_is_kept if {
	gone := {"erasure": "COMPLETED", "account_status": "CLOSED"}
	_codes == set() with input as fixture.example("legal_compliance", gone)
	_codes == set() with input as fixture.example("legal_claims", gone)
	_codes == set() with input as _asked("jasminai", "fraud_prevention", gone)
	_codes == {"ERASURE_REQUESTED", "ACCOUNT_CLOSED"} with input as _asked("jasminai", "product_analytics", gone)
}

test_gdpr_18_denied_while_restricted_in_every_place if {
	every place in ["DE", "US-CA", "JP", "BR", ""] {
		fields := object.union(_restricted(5), {"jurisdiction": place})
		"RESTRICTED" in _codes with input as fixture.example("service_delivery", fields)
	}
}

test_gdpr_18_allowed_for_excepted_purposes if {
	every purpose in ["storage", "legal_compliance", "legal_claims"] {
		_codes == set() with input as fixture.example(purpose, _restricted(5))
	}
	_codes == set() with input as _asked("somesing", "fraud_prevention", _restricted(5))
	_codes == {"RESTRICTED"} with input as fixture.example("fraud_prevention", _restricted(5))
}

test_gdpr_18_allowed_on_a_consent_given_since if {
	later := {"consents": {"product_analytics": fixture.given(4)}}
	tied := {"consents": {"product_analytics": fixture.given(5)}}
	_codes == set() with input as fixture.example("product_analytics", object.union(_restricted(5), later))
	_codes == {"RESTRICTED"} with input as fixture.example("product_analytics", object.union(_restricted(5), tied))
}

test_gdpr_18_denied_where_the_consent_is_older_than_one_ground if {
	restrictions := {
		"ACCURACY_CONTESTED": {"all": fixture.raised(5), "purposes": {}},
		"UNLAWFUL_PROCESSING": {"all": fixture.raised(1), "purposes": {}},
	}
	fields := {"restrictions": restrictions, "consents": {"product_analytics": fixture.given(4)}}
	_codes == {"RESTRICTED"} with input as fixture.example("product_analytics", fields)
}

test_level_4_denied_under_the_controllers_age if {
	_codes == {"UNDER_AGE"} with input as _asked("livex", "service_delivery", {"age_max": 17})
	_codes == set() with input as _asked("livex", "service_delivery", {"age_max": 18})
	_codes == set() with input as _asked("livex", "service_delivery", {"age_min": 3})
	_codes == set() with input as _asked("example", "service_delivery", {"age_max": 3})
}

test_level_4_denied_under_the_local_age if {
	_codes == {"UNDER_AGE"} with input as _asked("z-image", "service_delivery", {"age_max": 15})
	_codes == set() with input as _asked("z-image", "service_delivery", {"age_max": 13, "jurisdiction": "SE"})
	_codes == {"UNDER_AGE"} with input as _asked("z-image", "service_delivery", {"age_max": 12, "jurisdiction": "SE"})
	_codes == set() with input as _asked("z-image", "service_delivery", {"age_max": 13, "jurisdiction": ""})
}

test_level_4_allowed_over_the_controllers_age_where_it_is_not_local if {
	_codes == set() with input as _asked("somesing", "service_delivery", {"age_max": 14})
}

test_level_4_allowed_for_excepted_purposes if {
	_codes == set() with input as _asked("livex", "fraud_prevention", {"age_max": 3})
	_codes == set() with input as _asked("jasminai", "age_verification", {"age_max": 3})
}

test_gdpr_21_denied_after_an_objection if {
	_codes == {"OBJECTED"} with input as fixture.example("product_analytics", _objected(5))
	[6, "OBJECTED", "GDPR-21"] in levels.denials with input as fixture.example("product_analytics", _objected(5))
}

test_appi_35_denied_after_an_objection if {
	given := fixture.example("product_analytics", object.union(_objected(5), {"jurisdiction": "JP"}))
	[6, "OBJECTED", "APPI-35"] in levels.denials with input as given
}

test_gdpr_21_allowed_for_excepted_purposes if {
	every purpose in ["service_delivery", "legal_compliance", "legal_claims", "fraud_prevention"] {
		_codes == set() with input as fixture.example(purpose, _objected(5))
	}
}

test_gdpr_21_allowed_on_a_consent_given_since if {
	fields := object.union(_objected(5), {"consents": {"product_analytics": fixture.given(4)}})
	expired := {"consents": {"product_analytics": {"expires_at": fixture.ago(1)}}}
	_codes == set() with input as fixture.example("product_analytics", fields)
	_codes == {"OBJECTED"} with input as fixture.example("product_analytics", object.union(fields, expired))
}

test_level_7_denied_without_a_consent_that_counts if {
	_codes == {"CONSENT_MISSING"} with input as _asked("example", "ai_training", {"jurisdiction": "BR"})
	_codes == {"CONSENT_MISSING"} with input as _asked("z-image", "ai_training", {"jurisdiction": "BR"})
}

test_gdpr_7_pending_denied_as_pending_alone if {
	record := object.union(fixture.denied("WITHDRAWN", 9), {"requested_at": fixture.ago(1)})
	_codes == {"CONSENT_PENDING"} with input as fixture.example("ai_training", {"consents": {"ai_training": record}})
}

test_level_7_denied_where_it_is_not_explicit if {
	ordinary := {"consents": {"ai_training": fixture.first_given(1)}}
	explicit := {"consents": {"ai_training": fixture.first_given_with(1, {"explicit": true})}}
	_codes == {"CONSENT_NOT_EXPLICIT"} with input as _asked("z-image", "ai_training", ordinary)
	_codes == set() with input as _asked("z-image", "ai_training", explicit)
}

test_gdpr_7_swap_denied_after_a_denial_on_other_bases if {
	every status in ["REFUSED", "WITHDRAWN", "INVALIDATED"] {
		given := fixture.example("product_analytics", {"consents": {"product_analytics": fixture.denied(status, 1)}})
		_codes == {concat("_", ["CONSENT", status])} with input as given
	}
}

test_gdpr_7_swap_denied_by_its_own_code_though_asked_again if {
	record := object.union(fixture.denied("REFUSED", 9), {"requested_at": fixture.ago(1)})
	given := fixture.example("product_analytics", {"consents": {"product_analytics": record}})
	_codes == {"CONSENT_REFUSED"} with input as given
}

test_gdpr_7_swap_allowed_for_excepted_purposes if {
	every purpose in ["service_delivery", "legal_compliance", "legal_claims", "fraud_prevention"] {
		_codes == set() with input as fixture.example(purpose, {"consents": {purpose: fixture.denied("WITHDRAWN", 1)}})
	}
}

_disclosed_to(kind) := object.union(
	_asked("jsers", "third_party_disclosure", {"jurisdiction": "BR"}),
	{"recipient": fixture.recipient(kind)},
)

test_level_7_denied_where_no_consent_names_the_recipient if {
	_codes == {"CONSENT_MISSING"} with input as _disclosed_to("AUTHORITY")
	[7, "CONSENT_MISSING", "§4"] in levels.denials with input as object.union(
		_disclosed_to("AUTHORITY"),
		{"context": {"anonymized": true}, "subject": {"consents": {"third_party_disclosure": fixture.given(1)}}},
	)
	_codes == set() with input as _disclosed_to("PROCESSOR")
}

test_level_2_allowed_after_the_retention_period_where_the_policy_says_nothing_of_it if {
	row := {"basis": "CONTRACT", "clause": "1"}
	given := _asked("c", "service_delivery", {"retention_until": fixture.ago(1)})
	every retention in [{"clause": "2"}, {"clause": "2", "counts": false}] {
		controllers := {"c": {"retention": retention, "purposes": {"service_delivery": row}}}
		levels.denials == set() with input as given with data.controllers as controllers
	}
}
