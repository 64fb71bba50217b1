package consentd.controllers.example_test

import data.consentd.controllers.example
import data.consentd.lib.fixture

# The matrix of law.md: a purpose in a state of the subject, in Germany, California and Japan.
_in(place, purpose, rest) := object.union(
	fixture.asked("example", purpose, {"subject": fixture.subject({"jurisdiction": place})}),
	rest,
)

_decisions(purpose, rest) := [answer.decision |
	some place in ["DE", "US-CA", "JP"]
	answer := example.decision with input as _in(place, purpose, rest)
]

_sharing(fields) := {"recipient": fixture.recipient("AFFILIATE"), "subject": fields}

_named(record) := {"affiliate_sharing": object.union(record, {"recipients": {"r-1": record}})}

test_matrix_marketing_without_a_record if _decisions("marketing_email", {}) == ["DENY", "DENY", "DENY"]

test_matrix_marketing_on_the_soft_opt_in if {
	sold := {"last_sale_at": fixture.ago(40), "selling_entity": "example", "opt_out_offered": true}
	rest := {"context": {"own_similar_product": true}, "subject": {"relationship": sold}}
	_decisions("marketing_email", rest) == ["ALLOW", "DENY", "DENY"]
}

test_matrix_marketing_not_confirmed if {
	rest := {"subject": {"consents": {"marketing_email": fixture.requested(1)}}}
	_decisions("marketing_email", rest) == ["DENY", "DENY", "DENY"]
}

test_matrix_messages_after_an_objection_to_all if {
	rest := {"subject": {"objections": {"all": fixture.raised(1), "purposes": {}}}}
	_decisions("service_messages", rest) == ["ALLOW", "ALLOW", "ALLOW"]
}

test_matrix_improvement_without_a_record if _decisions("product_improvement", {}) == ["ALLOW", "ALLOW", "ALLOW"]

test_matrix_training_on_an_old_notice if {
	rest := {"subject": {"consents": {"ai_training": fixture.given_with(1, {"notice_version": 1})}}}
	_decisions("ai_training", rest) == ["DENY", "DENY", "DENY"]
}

test_matrix_health_data_on_an_ordinary_consent if {
	rest := {
		"data_categories": ["user.health_and_medical", "user.behavior"],
		"subject": {"consents": {"content_personalization": fixture.given(1)}},
	}
	_decisions("content_personalization", rest) == ["DENY", "ALLOW", "ALLOW"]
	d := example.decision with input as _in("DE", "content_personalization", rest)
	d.permitted_data_categories == ["user.behavior"]
}

test_matrix_sharing_after_a_stored_signal if {
	rest := _sharing({
		"signals": {"gpc": {"value": true, "time": fixture.ago(2)}},
		"consents": _named(fixture.given(5)),
	})
	_decisions("affiliate_sharing", rest) == ["ALLOW", "DENY", "ALLOW"]
}

test_matrix_sharing_on_the_consent_of_a_parent if {
	rest := _sharing({"age_max": 14, "consents": _named(fixture.given_with(1, {"given_by": "PARENT"}))})
	_decisions("affiliate_sharing", rest) == ["ALLOW", "DENY", "ALLOW"]
}

test_matrix_interests_while_restricted if {
	rest := {"subject": {"restrictions": {"UNLAWFUL_PROCESSING": {"all": fixture.raised(1), "purposes": {}}}}}
	every purpose in ["product_improvement", "product_analytics", "fraud_prevention"] {
		_decisions(purpose, rest) == ["DENY", "DENY", "DENY"]
	}
	_decisions("legal_claims", rest) == ["ALLOW", "ALLOW", "ALLOW"]
}

test_matrix_nothing_but_the_law_while_an_erasure_stands if {
	rest := {"subject": {"erasure": "COMPLETED"}}
	every purpose, _ in data.controllers.example.purposes {
		_decisions(purpose, rest) == _expected(purpose)
	}
}

_expected(purpose) := ["ALLOW", "ALLOW", "ALLOW"] if purpose in {"legal_compliance", "legal_claims"}

_expected(purpose) := ["DENY", "DENY", "DENY"] if not purpose in {"legal_compliance", "legal_claims"}
