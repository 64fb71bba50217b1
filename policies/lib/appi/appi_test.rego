package consentd.lib.appi_test

import data.consentd.lib.appi
import data.consentd.lib.fixture

_codes := fixture.denied_codes(appi.denials)

# A request to share with a recipient at home, for a subject in Japan with these records of recipients.
_share(kind, recipients, context) := fixture.asked("example", "affiliate_sharing", {
	"recipient": fixture.recipient(kind),
	"context": context,
	"subject": fixture.subject({
		"jurisdiction": "JP",
		"consents": {"affiliate_sharing": object.union(fixture.given(9), {"recipients": recipients})},
	}),
})

_entrust(purpose, country, rest) := object.union(
	fixture.asked("example", purpose, {
		"recipient": fixture.abroad("PROCESSOR", country),
		"subject": fixture.subject({"jurisdiction": "JP"}),
	}),
	rest,
)

_consented(record) := {"subject": fixture.subject({"jurisdiction": "JP", "consents": {"storage": record}})}

_links(categories, context) := fixture.asked("example", "affiliate_sharing", {
	"data_categories": categories,
	"context": context,
	"subject": fixture.subject({"jurisdiction": "JP"}),
})

test_appi_18_allowed_on_the_declared_basis if {
	_codes == set() with input as fixture.example("product_improvement", {"jurisdiction": "JP"})
}

test_appi_20_2_denied_without_consent if {
	count(appi.bans) == 1 with input as fixture.example("storage", {"jurisdiction": "JP"})
	count(appi.bans) == 1 with input as fixture.asked("jsers", "service_delivery", {})
}

test_appi_20_2_allowed_on_an_ordinary_consent if {
	appi.bans == set() with input as fixture.example("storage", {
		"jurisdiction": "JP",
		"consents": {"storage": fixture.given(1)},
	})
}

test_appi_20_2_allowed_for_excepted_purposes_and_elsewhere if {
	appi.bans == set() with input as fixture.example("legal_claims", {"jurisdiction": "JP"})
	appi.bans == set() with input as fixture.example("legal_compliance", {"jurisdiction": "JP"})
	appi.bans == set() with input as fixture.example("storage", {"jurisdiction": "BR"})
}

test_appi_27_denied_where_no_record_names_the_recipient if {
	_codes == {"CONSENT_MISSING"} with input as _share("AFFILIATE", {"r-2": fixture.given(1)}, {})
	_codes == {"CONSENT_MISSING"} with input as _share("CORPORATE_AFFILIATE", {}, {})
}

test_appi_27_denied_by_the_code_of_the_record_that_names_it if {
	_codes == {"CONSENT_WITHDRAWN"} with input as _share("AFFILIATE", {"r-1": fixture.denied("WITHDRAWN", 10)}, {})
	_codes == {"CONSENT_PENDING"} with input as _share("AFFILIATE", {"r-1": fixture.requested(10)}, {})
	expired := fixture.given_with(10, {"expires_at": fixture.ago(2)})
	_codes == {"CONSENT_EXPIRED"} with input as _share("AFFILIATE", {"r-1": expired}, {})
}

test_appi_27_allowed_where_a_consent_names_it if {
	_codes == set() with input as _share("AFFILIATE", {"r-1": fixture.given(1)}, {})
}

test_appi_27_allowed_entrustment_and_anonymized_data if {
	_codes == set() with input as _share("PROCESSOR", {}, {})
	_codes == set() with input as _share("AFFILIATE", {}, {"anonymized": true})
	_codes == {"CONSENT_MISSING"} with input as _share("AFFILIATE", {}, {"equivalent_measures": true})
}

test_appi_27_allowed_by_the_controllers_policy if {
	input_ := object.union(_share("AFFILIATE", {}, {}), {"controller": "somesing"})
	_codes == set() with input as input_
}

test_appi_27_is_about_sharing_in_japan if {
	_codes == set() with input as object.union(_share("AFFILIATE", {}, {}), {"purpose": "storage"})
	_codes == set() with input as object.union(_share("AFFILIATE", {}, {}), {"subject": {"jurisdiction": "BR"}})
}

test_appi_27_silent_without_a_recipient if {
	_codes == set() with input as fixture.example("affiliate_sharing", {"jurisdiction": "JP"})
}

test_appi_28_denied_abroad_without_consent if {
	every country in ["US", "CH", "KR"] {
		_codes == {"TRANSFER_NOT_CONSENTED"} with input as _entrust("storage", country, {})
	}
}

test_appi_28_allowed_at_home_and_in_equivalent_countries if {
	every country in ["JP", "DE", "IS", "GB", ""] {
		_codes == set() with input as _entrust("storage", country, {})
	}
}

test_appi_28_is_japans if {
	_codes == set() with input as _entrust("storage", "US", {"subject": fixture.subject({"jurisdiction": "BR"})})
}

test_appi_28_allowed_where_the_consent_shows_the_country if {
	shown := fixture.given_with(1, {"countries": ["SG", "US"]})
	_codes == set() with input as _entrust("storage", "US", _consented(shown))
}

test_appi_28_denied_where_it_shows_another_or_counts_no_more if {
	other := fixture.given_with(1, {"countries": ["SG"]})
	expired := fixture.given_with(9, {"countries": ["US"], "expires_at": fixture.ago(1)})
	_codes == {"TRANSFER_NOT_CONSENTED"} with input as _entrust("storage", "US", _consented(other))
	_codes == {"TRANSFER_NOT_CONSENTED"} with input as _entrust("storage", "US", _consented(expired))
}

test_appi_28_allowed_under_equivalent_measures_and_anonymized if {
	_codes == set() with input as _entrust("storage", "US", {"context": {"equivalent_measures": true}})
	_codes == set() with input as _entrust("storage", "US", {"context": {"anonymized": true}})
	_codes == set() with input as _entrust("storage", "US", {"controller": "somesing"})
}

test_appi_28_allowed_for_the_law if {
	_codes == set() with input as _entrust("legal_compliance", "US", {})
	_codes == set() with input as _entrust("legal_claims", "US", {})
	_codes == {"TRANSFER_NOT_CONSENTED"} with input as _entrust("fraud_prevention", "US", {})
}

test_appi_31_obliges_to_confirm_linked_identifiers if {
	every category in ["user.device", "user.device.cookie_id", "user.behavior.browsing", "user"] {
		fixture.obliged(appi.obligations) == {"CONFIRM_RECIPIENT_CONSENT"} with input as _links([category], {"links_identifiers": true})
	}
}

test_appi_31_obliges_to_nothing_else if {
	appi.obligations == set() with input as _links(["user.contact", "user.device_owner"], {"links_identifiers": true})
	appi.obligations == set() with input as _links(["user.device"], {"links_identifiers": "true"})
	appi.obligations == set() with input as _links(["user.device"], {})
}

test_appi_31_is_japans if {
	given := object.union(_links(["user.device"], {"links_identifiers": true}), {"subject": {"jurisdiction": "BR"}})
	appi.obligations == set() with input as given
}

test_jpmail_3_denied_without_consent if {
	_codes == {"CONSENT_MISSING"} with input as fixture.example("marketing_email", {"jurisdiction": "JP"})
}

test_jpmail_3_allowed_on_consent if {
	_codes == set() with input as fixture.example("marketing_sms", {
		"jurisdiction": "JP",
		"consents": {"marketing_sms": fixture.given(1)},
	})
}

test_jpmail_3_allowed_by_the_controllers_policy if {
	_codes == set() with input as fixture.asked("jsers", "marketing_email", {})
	_codes == {"CONSENT_MISSING"} with input as fixture.asked("somesing", "marketing_email", {})
}

test_jpmail_3_allowed_in_other_places if {
	appi.denials == set() with input as fixture.example("marketing_email", {"jurisdiction": "US-NY"})
	appi.denials != set() with input as fixture.example("marketing_email", {"jurisdiction": "JP"})
}
