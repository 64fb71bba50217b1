package consentd.lib.eprivacy_test

import data.consentd.lib.eprivacy
import data.consentd.lib.fixture
import data.consentd.lib.gdpr

_sold := {"last_sale_at": fixture.ago(40), "selling_entity": "example", "opt_out_offered": true}

_mail(fields) := fixture.asked("example", "marketing_email", {
	"context": {"own_similar_product": true},
	"subject": fixture.subject(object.union({"relationship": _sold}, fields)),
})

_sold_but(fields) := _mail({"relationship": object.union(_sold, fields)})

test_epriv_13_denied_without_consent if {
	every purpose in ["marketing_email", "marketing_sms"] {
		[7, "CONSENT_MISSING", "EPRIV-13"] in gdpr.denials with input as fixture.asked("example", purpose, {})
	}
}

test_epriv_13_denied_whatever_the_declared_basis if {
	controllers := {"c": {"purposes": {"survey_email": {"basis": "LEGITIMATE_INTERESTS"}}}}
	given := fixture.asked("c", "survey_email", {})
	[7, "CONSENT_MISSING", "EPRIV-13"] in gdpr.denials with input as given with data.controllers as controllers
}

test_epriv_13_allowed_on_consent if {
	given := fixture.example("marketing_sms", {"consents": {"marketing_sms": fixture.given(1)}})
	gdpr.denials == set() with input as given
}

test_epriv_13_allowed_by_the_controllers_policy if {
	not eprivacy.needs_consent with input as fixture.asked("jasminai", "survey_email", {})
	not eprivacy.needs_consent with input as fixture.asked("somesing", "event_information", {})
	eprivacy.needs_consent with input as fixture.asked("somesing", "marketing_email", {})
}

test_epriv_13_not_asked_of_other_purposes_and_places if {
	not eprivacy.needs_consent with input as fixture.asked("example", "service_messages", {})
	not eprivacy.needs_consent with input as fixture.example("marketing_email", {"jurisdiction": "US-NY"})
}

test_epriv_13_allowed_on_the_soft_opt_in if {
	eprivacy.soft_opt_in with input as _mail({})
	not eprivacy.needs_consent with input as _mail({})
	eprivacy.soft_opt_in with input as _mail({"jurisdiction": ""})
}

test_epriv_13_denied_soft_opt_in_elsewhere if {
	every place in ["US-CA", "JP", "BR"] {
		not eprivacy.soft_opt_in with input as _mail({"jurisdiction": place})
	}
}

test_epriv_13_denied_soft_opt_in_without_its_conditions if {
	not eprivacy.soft_opt_in with input as _sold_but({"selling_entity": "other"})
	not eprivacy.soft_opt_in with input as _sold_but({"opt_out_offered": false})
	not eprivacy.soft_opt_in with input as object.remove(_mail({}), ["context"])
	not eprivacy.soft_opt_in with input as fixture.asked("example", "marketing_email", {
		"context": {"own_similar_product": true},
		"subject": fixture.subject({"relationship": object.remove(_sold, ["last_sale_at"])}),
	})
}

test_epriv_13_denied_soft_opt_in_where_the_row_does_not_allow_it if {
	not eprivacy.soft_opt_in with input as object.union(_mail({}), {"purpose": "marketing_sms"})
}

test_epriv_13_denied_soft_opt_in_after_any_record if {
	not eprivacy.soft_opt_in with input as _mail({"consents": {"marketing_email": {}}})
	not eprivacy.soft_opt_in with input as _mail({"consents": {"marketing_email": fixture.requested(1)}})
	not eprivacy.soft_opt_in with input as _mail({"objections": {"purposes": {"marketing_email": fixture.lifted(1)}}})
	not eprivacy.soft_opt_in with input as _mail({"objections": {"all": fixture.lifted(1), "purposes": {}}})
	eprivacy.soft_opt_in with input as _mail({"objections": {"purposes": {"marketing_sms": fixture.raised(1)}}})
}
