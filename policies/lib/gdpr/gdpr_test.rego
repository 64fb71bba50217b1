package consentd.lib.gdpr_test

import data.consentd.lib.age
import data.consentd.lib.basis
import data.consentd.lib.fixture
import data.consentd.lib.gdpr

_consents(purpose, record) := fixture.example(purpose, {"consents": {purpose: record}})

_child(country, age, record) := fixture.example("ai_training", {
	"jurisdiction": country,
	"age_max": age,
	"consents": {"ai_training": record},
})

_banned contains code if some [_, code, _] in gdpr.bans

_transfer(place, country, context) := fixture.asked("example", "service_delivery", {
	"recipient": fixture.abroad("PROCESSOR", country),
	"context": context,
	"subject": fixture.subject({"jurisdiction": place}),
})

test_gdpr_6_one_basis_for_each_purpose if {
	every controller in data.controllers {
		every row in controller.purposes {
			object.get(row, "prohibited", false) == true != is_string(object.get(row, "basis", false))
		}
	}
}

test_gdpr_6_deemed_denied_without_a_given_consent if {
	given := fixture.asked("z-image", "functional_cookies", {})
	[7, "CONSENT_MISSING", "GDPR-6-DEEMED"] in gdpr.denials with input as given
}

test_gdpr_6_deemed_allowed_on_a_given_consent if {
	subject := fixture.subject({"consents": {"functional_cookies": fixture.first_given(1)}})
	gdpr.denials == set() with input as fixture.asked("z-image", "functional_cookies", {"subject": subject})
}

test_gdpr_6_deemed_allowed_on_anonymized_data if {
	gdpr.denials == set() with input as fixture.asked("z-image", "functional_cookies", {"context": {"anonymized": true}})
}

test_gdpr_6_deemed_asked_only_where_the_pack_applies if {
	subject := fixture.subject({"jurisdiction": "JP"})
	gdpr.asks_consent == set() with input as fixture.asked("z-image", "functional_cookies", {"subject": subject})
}

test_gdpr_8_denied_childs_own_consent if {
	[4, "UNDER_AGE", "GDPR-8"] in gdpr.denials with input as _child("DE", 15, fixture.given(1))
}

test_gdpr_8_denied_agents_consent if {
	record := fixture.given_with(1, {"given_by": "AGENT"})
	[4, "UNDER_AGE", "GDPR-8"] in gdpr.denials with input as _child("DE", 15, record)
}

test_gdpr_8_denied_parents_expired_consent if {
	record := fixture.given_with(9, {"given_by": "PARENT", "expires_at": fixture.ago(1)})
	[4, "UNDER_AGE", "GDPR-8"] in gdpr.denials with input as _child("DE", 15, record)
}

test_gdpr_8_allowed_parents_consent if {
	gdpr.denials == set() with input as _child("DE", 15, fixture.given_with(1, {"given_by": "PARENT"}))
}

test_gdpr_8_allowed_from_the_age_on_and_elsewhere if {
	gdpr.denials == set() with input as _child("DE", 16, fixture.given(1))
	gdpr.denials == set() with input as _child("BR", 12, fixture.given(1))
}

test_gdpr_8_denied_on_a_deemed_consent if {
	subject := fixture.subject({"age_max": 15, "consents": {"functional_cookies": fixture.first_given(1)}})
	[4, "UNDER_AGE", "GDPR-8"] in gdpr.denials with input as fixture.asked("z-image", "functional_cookies", {"subject": subject})
}

test_gdpr_8_allowed_on_other_bases if gdpr.denials == set() with input as fixture.example("storage", {"age_max": 3})

test_gdpr_8_allowed_to_verify_the_age if {
	subject := fixture.subject({"age_max": 13, "consents": {"age_verification": fixture.given(1)}})
	gdpr.denials == set() with input as fixture.asked("somesing", "age_verification", {"subject": subject})
}

test_gdpr_8_ages_of_the_table if {
	ages := {
		"BE": 13, "EE": 13, "FI": 13, "LV": 13, "MT": 13, "PT": 13, "SE": 13, "GB": 13, "NO": 13, "IS": 13,
		"AT": 14, "BG": 14, "CY": 14, "ES": 14, "IT": 14, "LT": 14,
		"CZ": 15, "FR": 15, "GR": 15, "SI": 15, "DK": 15,
		"DE": 16, "HR": 16, "HU": 16, "IE": 16, "LI": 16, "LU": 16, "NL": 16, "PL": 16, "RO": 16, "SK": 16, "": 16,
	}
	every place, years in ages {
		age.of_consent == years with input as fixture.example("ai_training", {"jurisdiction": place})
	}
}

test_gdpr_8_denmark_before_2024_was_13 if {
	input_ := fixture.example("ai_training", {"jurisdiction": "DK"})
	then := object.union(input_, {"now": time.parse_rfc3339_ns("2023-12-31T23:59:59Z")})
	age.of_consent == 13 with input as then
}

test_gdpr_9_denied_without_consent if {
	_banned == {"SENSITIVE_DATA_NOT_PERMITTED"} with input as fixture.example("service_delivery", {})
}

test_gdpr_9_denied_as_not_explicit_on_an_ordinary_consent if {
	_banned == {"CONSENT_NOT_EXPLICIT"} with input as _consents("service_delivery", fixture.given(1))
}

test_gdpr_9_denied_on_an_ordinary_consent_that_holds_no_more if {
	_banned == {"SENSITIVE_DATA_NOT_PERMITTED"} with input as _consents("storage", fixture.given_with(1, {"notice_version": 1}))
}

test_gdpr_9_denied_on_an_explicit_consent_to_an_old_notice if {
	record := fixture.given_with(1, {"notice_version": 1, "explicit": true})
	_banned == {"SENSITIVE_DATA_NOT_PERMITTED"} with input as _consents("storage", record)
}

test_gdpr_9_allowed_on_explicit_consent if {
	_banned == set() with input as _consents("storage", fixture.given_with(1, {"explicit": true}))
}

test_gdpr_9_allowed_on_the_consent_that_covers if {
	subject := fixture.subject({"consents": {"special_category_processing": fixture.first_given_with(1, {"explicit": true})}})
	_banned == set() with input as fixture.asked("jasminai", "customer_support", {"subject": subject})
}

test_gdpr_9_excepted_purposes if {
	basis.special_categories_excepted with input as fixture.example("legal_claims", {})
	_banned == set() with input as fixture.example("legal_claims", {})
	_banned == set() with input as fixture.example("legal_compliance", {})
	_banned == set() with input as fixture.asked("somesing", "fraud_prevention", {})
}

test_gdpr_21_denied_direct_marketing_whatever_the_basis if {
	controllers := {"c": {"purposes": {"marketing_email": {"basis": "CONTRACT"}}}}
	objections := {"all": fixture.raised(5), "purposes": {}}
	subject := fixture.subject({"objections": objections})
	input_ := fixture.asked("c", "marketing_email", {"subject": subject})
	[6, "OBJECTED", "GDPR-21"] in gdpr.denials with input as input_ with data.controllers as controllers
}

test_gdpr_21_absolute_in_the_pack_only if {
	controllers := {"c": {"purposes": {"marketing_email": {"basis": "CONTRACT"}}}}
	subject := fixture.subject({"jurisdiction": "BR", "objections": {"all": fixture.raised(5), "purposes": {}}})
	given := fixture.asked("c", "marketing_email", {"subject": subject})
	gdpr.denials == set() with input as given with data.controllers as controllers
}

test_gdpr_21_allowed_after_a_later_consent if {
	controllers := {"c": {"notice": {"version": 3, "material": 1}, "purposes": {"marketing_email": {"basis": "CONTRACT"}}}}
	subject := fixture.subject({
		"objections": {"all": fixture.raised(5), "purposes": {}},
		"consents": {"marketing_email": fixture.given(1)},
	})
	gdpr.denials == set() with input as fixture.asked("c", "marketing_email", {"subject": subject})
		with data.controllers as controllers
}

test_gdpr_44_safeguards_without_adequacy if {
	every country in ["IN", "US", "BR", "AU"] {
		fixture.obliged(gdpr.obligations) == {"TRANSFER_SAFEGUARDS"} with input as _transfer("DE", country, {})
	}
}

test_gdpr_44_no_safeguards_with_adequacy if {
	adequate := ["AD", "AR", "CA", "CH", "FO", "GB", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "UY", "FR", "NO", ""]
	every country in adequate {
		gdpr.obligations == set() with input as _transfer("DE", country, {})
	}
}

test_gdpr_44_certified_recipients_in_the_us if {
	gdpr.obligations == set() with input as _transfer("DE", "US", {"recipient_certified": true})
	gdpr.obligations != set() with input as _transfer("DE", "US", {"recipient_certified": "true"})
	gdpr.obligations != set() with input as _transfer("DE", "IN", {"recipient_certified": true})
}

test_gdpr_44_no_safeguards_where_the_pack_does_not_apply if {
	gdpr.obligations == set() with input as _transfer("US-NY", "IN", {})
}

test_gdpr_44_safeguards_that_are_promised_to_everyone if {
	gdpr.obligations == {{"code": "TRANSFER_SAFEGUARDS", "parameters": {"country": "IN"}}} with input as object.union(
		_transfer("US-NY", "IN", {}),
		{"controller": "z-image"},
	)
}

test_gdpr_44_safeguards_where_adequacy_has_ended if {
	ended := {"AR": [
		{"effective_from": "2003-06-30T00:00:00Z", "adequate": true},
		{"effective_from": "2026-01-01T00:00:00Z", "adequate": false},
	]}
	every context in [{}, {"recipient_certified": true}] {
		gdpr.obligations != set() with input as _transfer("DE", "AR", context) with data.lib.gdpr.adequacy as ended
	}
}

test_gdpr_21_left_to_level_6_where_the_basis_is_no_absolute_one if {
	objected := {"objections": {"all": fixture.raised(5), "purposes": {}}, "consents": {"marketing_email": fixture.given(9)}}
	gdpr.denials == set() with input as fixture.example("marketing_email", objected)
}
