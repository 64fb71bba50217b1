package consentd.controllers.jsers_test

import data.consentd.controllers.jsers
import data.consentd.lib.fixture

_asked(purpose, fields) := fixture.asked("jsers", purpose, {"subject": fixture.subject(object.union(
	{"jurisdiction": "JP"},
	fields,
))})

_stopped := {"all": fixture.raised(9), "purposes": {}}

_disclosed(kind, record) := object.union(
	_asked("third_party_disclosure", {"consents": {"third_party_disclosure": record}}),
	{"recipient": fixture.recipient(kind)},
)

test_allowed_notified_purposes if {
	every purpose in ["service_delivery", "customer_support", "payment_processing", "marketing_email"] {
		d := jsers.decision with input as _asked(purpose, {})
		d.decision == "ALLOW"
		d.legal_basis == "NOTIFIED_PURPOSE"
	}
}

test_denied_everything_after_a_stop_request if {
	every purpose in ["service_delivery", "customer_support", "payment_processing", "marketing_email"] {
		d := jsers.decision with input as _asked(purpose, {"objections": _stopped})
		"OBJECTED" in fixture.codes(d)
	}
}

test_denied_after_a_stop_request_whatever_came_later if {
	lifted := object.union(_stopped, {"purposes": {"customer_support": fixture.lifted(1)}})
	one := jsers.decision with input as _asked("customer_support", {"objections": lifted})
	one.reasons == [{"code": "OBJECTED", "clause": "§5"}]
	consents := {"customer_support": fixture.first_given(1)}
	two := jsers.decision with input as _asked("customer_support", {"objections": _stopped, "consents": consents})
	two.reasons == [{"code": "OBJECTED", "clause": "§5"}]
}

test_allowed_after_a_stop_request_what_goes_on if {
	every purpose in ["legal_compliance", "legal_claims", "fraud_prevention"] {
		d := jsers.decision with input as _asked(purpose, {"objections": _stopped})
		d.decision == "ALLOW"
	}
}

test_allowed_after_the_stop_request_was_lifted if {
	d := jsers.decision with input as _asked("customer_support", {"objections": {"all": fixture.lifted(1), "purposes": {}}})
	d.decision == "ALLOW"
}

test_denied_disclosure_that_names_nobody if {
	d := jsers.decision with input as _disclosed("THIRD_PARTY", fixture.first_given(1))
	fixture.codes(d) == {"CONSENT_MISSING"}
}

test_allowed_disclosure_to_whom_the_consent_names if {
	every kind in ["AFFILIATE", "CORPORATE_AFFILIATE", "REFERRAL_PARTNER", "ADVERTISING_PARTNER", "THIRD_PARTY", "AUTHORITY"] {
		d := jsers.decision with input as _disclosed(kind, {"recipients": {"r-1": fixture.first_given(1)}})
		d.decision == "ALLOW"
		d.legal_basis == "CONSENT"
	}
}

test_allowed_entrustment_without_consent if {
	d := jsers.decision with input as _disclosed("PROCESSOR", {})
	d.legal_basis == "NOTIFIED_PURPOSE"
	d.decision == "ALLOW"
}
