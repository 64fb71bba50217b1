package consentd.controllers.somesing_test

import data.consentd.controllers.somesing
import data.consentd.lib.fixture

_disclosed(kind, context) := fixture.asked("somesing", "third_party_disclosure", {
	"recipient": fixture.abroad(kind, "US"),
	"context": context,
	"subject": fixture.subject({"jurisdiction": "JP"}),
})

_feedback(record) := fixture.asked("somesing", "affiliate_sharing", {
	"recipient": fixture.recipient("AFFILIATE"),
	"context": {"anonymized": true},
	"subject": fixture.subject({"jurisdiction": "JP", "consents": {"performance_cookies": record}}),
})

_codes := fixture.codes(somesing.decision)

test_allowed_disclosure_for_a_declared_purpose if {
	every kind in ["AFFILIATE", "ADVERTISING_PARTNER", "THIRD_PARTY", "AUTHORITY", "PROCESSOR"] {
		d := somesing.decision with input as _disclosed(kind, {"for_purpose": "service_delivery"})
		d.decision == "ALLOW"
		d.legal_basis == "DEEMED_CONSENT"
	}
}

test_denied_disclosure_for_none if {
	every purpose in ["special_category_personalization", "nothing", "", 7, true, ["service_delivery"], {"a": 1}, null] {
		_codes == {"PURPOSE_NOT_DECLARED"} with input as _disclosed("THIRD_PARTY", {"for_purpose": purpose})
	}
	_codes == {"PURPOSE_NOT_DECLARED"} with input as _disclosed("THIRD_PARTY", {})
}

test_denied_disclosure_for_the_sake_of_sharing if {
	every purpose in ["affiliate_sharing", "third_party_disclosure", "sale_of_data"] {
		_codes == {"PURPOSE_NOT_DECLARED"} with input as _disclosed("THIRD_PARTY", {"for_purpose": purpose})
	}
}

test_allowed_feedback_unless_performance_cookies_are_denied if {
	every record in [{}, fixture.first_given(1), fixture.requested(1)] {
		d := somesing.decision with input as _feedback(record)
		d.decision == "ALLOW"
	}
}

test_denied_feedback_where_performance_cookies_are if {
	every status in ["REFUSED", "WITHDRAWN", "INVALIDATED"] {
		d := somesing.decision with input as _feedback(fixture.denied(status, 1))
		d.reasons == [{"code": concat("_", ["CONSENT", status]), "clause": "§5"}]
	}
}

test_allowed_functional_cookies_where_performance_cookies_are_refused if {
	given := object.union(_feedback(fixture.denied("REFUSED", 1)), {"purpose": "functional_cookies"})
	d := somesing.decision with input as object.remove(given, ["recipient"])
	d.decision == "ALLOW"
}

test_allowed_training_on_anonymized_information if {
	given := fixture.asked("somesing", "ai_training", {
		"data_categories": ["user.content"],
		"context": {"anonymized": true, "items_published": true},
		"subject": fixture.subject({"jurisdiction": "JP"}),
	})
	d := somesing.decision with input as given
	d.decision == "ALLOW"
	d.legal_basis == "ANONYMIZED_INFORMATION"
}

test_allowed_feedback_where_cookies_are_denied_for_this_recipient_alone if {
	record := object.union(fixture.first_given(9), {"recipients": {"r-1": fixture.denied("WITHDRAWN", 1)}})
	d := somesing.decision with input as _feedback(record)
	d.decision == "ALLOW"
}

test_denied_optional_items_that_were_refused_and_the_service_goes_on if {
	every purpose in ["personalized_advertising", "user_analysis", "age_verification"] {
		subject := fixture.subject({"jurisdiction": "JP", "consents": {purpose: fixture.denied("REFUSED", 1)}})
		item := somesing.decision with input as fixture.asked("somesing", purpose, {"subject": subject})
		fixture.codes(item) == {"CONSENT_REFUSED"}
		service := somesing.decision with input as fixture.asked("somesing", "service_delivery", {"subject": subject})
		service.decision == "ALLOW"
	}
}
