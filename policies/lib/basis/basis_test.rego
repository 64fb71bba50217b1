package consentd.lib.basis_test

import data.consentd.lib.basis
import data.consentd.lib.fixture

_in(place, controller, purpose) := fixture.asked(controller, purpose, {"subject": fixture.subject({"jurisdiction": place})})

test_declared_basis_is_in_effect_by_default if {
	basis.in_effect == "CONTRACT" with input as _in("DE", "example", "storage")
	not basis.in_effect with input as _in("DE", "jasminai", "sale_of_data")
}

test_elsewhere_the_contract_gives_way_to_notice if {
	basis.in_effect == "CONTRACT" with input as _in("GB", "livex", "service_delivery")
	basis.in_effect == "NOTIFIED_PURPOSE" with input as _in("US-NY", "livex", "service_delivery")
	basis.in_effect == "NOTIFIED_PURPOSE" with input as _in("", "livex", "fraud_prevention")
	basis.declared == "CONTRACT" with input as _in("US-NY", "livex", "service_delivery")
}

test_elsewhere_a_row_may_name_its_own if {
	basis.in_effect == "CONSENT" with input as _in("IS", "livex", "interest_based_advertising")
	basis.in_effect == "NOTIFIED_PURPOSE" with input as _in("JP", "livex", "interest_based_advertising")
}

test_elsewhere_the_rest_stays if {
	basis.in_effect == "CONSENT" with input as _in("US-NY", "livex", "further_use")
	basis.in_effect == "LEGAL_OBLIGATION" with input as _in("US-NY", "livex", "legal_claims")
}

_disclosed_to(kind) := object.union(
	_in("JP", "jsers", "third_party_disclosure"),
	{"recipient": fixture.recipient(kind)},
)

test_processors_may_have_a_basis_of_their_own if {
	basis.in_effect == "NOTIFIED_PURPOSE" with input as _disclosed_to("PROCESSOR")
	basis.in_effect == "CONSENT" with input as _disclosed_to("THIRD_PARTY")
}

test_anonymized_information_where_no_consent_was_recorded if {
	flags := {"context": {"anonymized": true, "items_published": true}}
	input_ := object.union(_in("JP", "somesing", "ai_training"), flags)
	recorded := {"subject": {"consents": {"ai_training": {}}}}
	basis.in_effect == "ANONYMIZED_INFORMATION" with input as input_
	basis.in_effect == "CONSENT" with input as object.union(input_, recorded)
	basis.in_effect == "CONSENT" with input as object.union(input_, {"context": {"items_published": false}})
	basis.in_effect == "CONSENT" with input as object.union(input_, {"context": {"anonymized": "true"}})
	basis.in_effect == "CONSENT" with input as object.union(input_, {"controller": "example"})
}

test_soft_opt_in_is_a_legitimate_interest if {
	sold := {"last_sale_at": fixture.ago(40), "selling_entity": "example", "opt_out_offered": true}
	given := fixture.asked("example", "marketing_email", {
		"context": {"own_similar_product": true},
		"subject": fixture.subject({"relationship": sold}),
	})
	basis.in_effect == "LEGITIMATE_INTERESTS" with input as given
	not basis.consent_based with input as given
}

test_consent_based_and_unconditional if {
	basis.consent_based with input as _in("DE", "example", "ai_training")
	basis.consent_based with input as _in("DE", "z-image", "ai_training")
	not basis.consent_based with input as _in("DE", "z-image", "functional_cookies")
	basis.unconditional with input as _in("US-NY", "livex", "service_delivery")
	basis.unconditional with input as _in("JP", "somesing", "fraud_prevention")
	not basis.unconditional with input as _in("DE", "example", "fraud_prevention")
}

_covering contains purpose if some [_, purpose] in basis.covering_consents

test_covering_consents_are_those_of_the_purpose_and_of_its_cover if {
	_covering == {"storage"} with input as _in("DE", "example", "storage")
	_covering == {"service_delivery", "special_category_processing"} with input as _in("DE", "jasminai", "service_delivery")
}
