package consentd.lib.compose_test

import data.consentd.lib.compose
import data.consentd.lib.fixture

_nothing := {"denials": set(), "bans": set(), "obligations": set(), "recipients": set()}

_decision := compose.decision(_nothing)

_codes := [reason.code | some reason in _decision.reasons]

_stranger := {"subject": {"known": false, "id": "s", "jurisdiction": "", "consents": {}, "opt_outs": {}, "signals": {}}}

test_level_0_denied_where_not_declared if {
	d := _decision with input as fixture.asked("example", "saved_gallery", _stranger)
	d.decision == "DENY"
	d.reasons == [{"code": "PURPOSE_NOT_DECLARED", "clause": "LEVEL-0"}]
	d.legal_basis == ""
}

test_level_0_denied_where_prohibited if {
	d := _decision with input as fixture.asked("z-image", "sale_of_data", _stranger)
	d.reasons == [{"code": "PURPOSE_PROHIBITED", "clause": "§2"}]
	d.legal_basis == ""
}

test_level_1_denied_where_the_subject_is_unknown if {
	given := fixture.asked("example", "ai_training", object.union(_stranger, {"data_categories": ["user.contact"]}))
	d := _decision with input as given
	d.reasons == [{"code": "SUBJECT_UNKNOWN", "clause": "LEVEL-1"}]
	d.legal_basis == "CONSENT"
	d.permitted_data_categories == []
	d.obligations == []
}

test_level_1_allowed_for_a_legal_obligation if {
	d := _decision with input as fixture.asked("example", "legal_compliance", _stranger)
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

test_allowed_with_one_reason_and_all_data if {
	d := _decision with input as fixture.asked("example", "storage", {"data_categories": ["user.b", "user.a"]})
	d == {
		"decision": "ALLOW",
		"reasons": [{"code": "BASIS_HOLDS", "clause": "example"}],
		"legal_basis": "CONTRACT",
		"obligations": [],
		"permitted_data_categories": ["user.b", "user.a"],
	}
}

test_denied_with_all_reasons_in_order_of_level if {
	codes := _codes with input as fixture.asked("example", "affiliate_sharing", {
		"data_categories": ["user.genetic"],
		"recipient": fixture.recipient("THIRD_PARTY"),
		"subject": fixture.subject({
			"erasure": "REQUESTED",
			"age_max": 12,
			"opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": fixture.ago(1)}},
			"restrictions": {"UNLAWFUL_PROCESSING": {"all": fixture.raised(1), "purposes": {}}},
			"objections": {"all": fixture.raised(1), "purposes": {}},
		}),
	})
	codes == [
		"ERASURE_REQUESTED", "RESTRICTED", "UNDER_AGE", "OPTED_OUT", "OBJECTED", "CONSENT_MISSING",
		"RECIPIENT_NOT_PERMITTED", "SENSITIVE_DATA_NOT_PERMITTED",
	]
}

test_denied_for_data_leaves_the_rest if {
	given := fixture.asked("example", "storage", {"data_categories": ["user.contact", "user.genetic"]})
	d := _decision with input as given
	d.decision == "DENY"
	d.legal_basis == "CONTRACT"
	d.permitted_data_categories == ["user.contact"]
}

test_denied_for_data_and_more_leaves_nothing if {
	d := _decision with input as fixture.asked("example", "storage", {
		"data_categories": ["user.contact", "user.genetic"],
		"recipient": fixture.recipient("AFFILIATE"),
	})
	d.permitted_data_categories == []
}

test_denied_for_a_consent_that_is_not_explicit_leaves_nothing if {
	subject := fixture.subject({"jurisdiction": "BR", "consents": {"ai_training": fixture.first_given(1)}})
	d := _decision with input as fixture.asked("z-image", "ai_training", {"data_categories": ["user.a"], "subject": subject})
	fixture.codes(d) == {"CONSENT_NOT_EXPLICIT"}
	d.permitted_data_categories == []
}

test_denied_by_the_controllers_own_rules if {
	own := {
		"denials": {[8, "PROCESSOR_NOT_INSTRUCTED", "X"]},
		"bans": {[["user.a"], "DATA_CATEGORY_NOT_PERMITTED", "Y"]},
		"obligations": {{"code": "AGGREGATE_ONLY", "parameters": {}}},
		"recipients": set(),
	}
	d := compose.decision(own) with input as fixture.asked("example", "storage", {"data_categories": ["user.a.b"]})
	fixture.codes(d) == {"PROCESSOR_NOT_INSTRUCTED", "DATA_CATEGORY_NOT_PERMITTED"}
	fixture.obliged(d.obligations) == {"AGGREGATE_ONLY"}
}

test_allowed_a_recipient_that_the_controller_permits if {
	own := object.union(_nothing, {"recipients": {"THIRD_PARTY"}})
	given := fixture.asked("example", "storage", {"recipient": fixture.recipient("THIRD_PARTY"), "data_categories": ["user.a"]})
	d := compose.decision(own) with input as given
	d.decision == "ALLOW"
	refused := _codes with input as given
	refused == ["RECIPIENT_NOT_PERMITTED"]
}

test_allowed_with_what_to_leave_out if {
	d := _decision with input as fixture.asked("example", "storage", {})
	some {"code": "EXCLUDE_DATA_CATEGORIES", "parameters": {"categories": keys}} in d.obligations
	keys == data.lib.categories.special
}

test_allowed_with_nothing_to_leave_out if {
	d := _decision with input as fixture.example("storage", {"jurisdiction": "BR"})
	d.obligations == []
}

test_allowed_messages_carry_the_unsubscribe_link if {
	subject := fixture.subject({"jurisdiction": "BR", "consents": {"marketing_sms": fixture.given(1)}})
	d := _decision with input as fixture.asked("example", "marketing_sms", {"subject": subject})
	fixture.obliged(d.obligations) == {"INCLUDE_UNSUBSCRIBE"}
	denied := _decision with input as fixture.asked("example", "marketing_sms", {})
	denied.obligations == []
}

test_obliged_by_the_row if {
	d := _decision with input as fixture.asked("jasminai", "age_verification", {"data_categories": ["user.age"]})
	fixture.obliged(d.obligations) == {"BINARY_RESULT_ONLY"}
}

test_obliged_where_objected if {
	subject := fixture.subject({"objections": {"all": fixture.raised(1), "purposes": {}}})
	d := _decision with input as fixture.asked("jasminai", "service_messages", {"subject": subject})
	fixture.obliged(d.obligations) == {"ACCOUNT_MAY_BE_LIMITED"}
	free := _decision with input as fixture.asked("jasminai", "service_messages", {"data_categories": ["user.a"]})
	free.obligations == []
}

_cookies(record) := fixture.asked("somesing", "essential_cookies", {"subject": fixture.subject({
	"jurisdiction": "JP",
	"consents": {"essential_cookies": record},
})})

test_obliged_where_refused if {
	refused := _decision with input as _cookies(fixture.denied("REFUSED", 1))
	withdrawn := _decision with input as _cookies(fixture.denied("WITHDRAWN", 1))
	given := _decision with input as _cookies(fixture.first_given(1))
	fixture.obliged(refused.obligations) == {"ACCOUNT_MAY_BE_LIMITED"}
	fixture.obliged(withdrawn.obligations) == {"ACCOUNT_MAY_BE_LIMITED"}
	fixture.obliged(given.obligations) == set()
}
