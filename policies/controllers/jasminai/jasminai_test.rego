package consentd.controllers.jasminai_test

import data.consentd.controllers.jasminai
import data.consentd.lib.fixture

_asked(purpose, rest) := fixture.asked("jasminai", purpose, rest)

# Data of a listed category to a webmaster, for a subject in California with these fields.
_share(kind, fields, context) := _asked("affiliate_sharing", {
	"data_categories": ["user.location.country"],
	"recipient": fixture.recipient(kind),
	"context": context,
	"subject": fixture.subject(object.union({"jurisdiction": "US-CA"}, fields)),
})

_dnt(days) := {"signals": {"dnt": {"value": true, "time": fixture.ago(days)}}}

_public(purpose, categories) := _asked(purpose, {"data_categories": categories, "context": {"public_source": true}})

test_allowed_service_by_contract if {
	d := jasminai.decision with input as _asked("service_delivery", {"data_categories": ["user.contact.email"]})
	d.decision == "ALLOW"
	d.reasons == [{"code": "BASIS_HOLDS", "clause": "§3.1"}]
}

test_denied_public_sources_and_nothing_is_permitted if {
	d := jasminai.decision with input as _public("service_delivery", ["user.contact.email", "user.name"])
	d.decision == "DENY"
	d.reasons == [{"code": "DATA_CATEGORY_NOT_PERMITTED", "clause": "§2.4"}]
	d.permitted_data_categories == []
}

test_denied_public_sources_that_are_not_named if {
	d := jasminai.decision with input as _public("marketing_email", [])
	fixture.codes(d) == {"DATA_CATEGORY_NOT_PERMITTED"}
}

test_allowed_public_sources_against_fraud_and_for_the_law if {
	every purpose in ["fraud_prevention", "legal_claims", "legal_compliance", "age_verification"] {
		d := jasminai.decision with input as _public(purpose, ["user.name"])
		d.decision == "ALLOW"
	}
}

test_denied_do_not_track_of_a_californian if {
	d := jasminai.decision with input as _share("AFFILIATE", _dnt(9), {})
	d.reasons == [{"code": "OPTED_OUT", "clause": "§7.5"}]
	d.obligations == [{"code": "REASK_NOT_BEFORE", "parameters": {"time": time.add_date(fixture.ago(9), 1, 0, 0)}}]
}

test_denied_do_not_track_on_the_request if {
	d := jasminai.decision with input as _share("AFFILIATE", {}, {"dnt": true})
	fixture.codes(d) == {"OPTED_OUT"}
	fixture.obliged(d.obligations) == {"RECORD_SIGNAL"}
}

test_denied_do_not_track_counts_a_year_from_when_it_was_stored if {
	d := jasminai.decision with input as _share("AFFILIATE", _dnt(9), {"dnt": true})
	times := {o.parameters.time | some o in d.obligations; o.code == "REASK_NOT_BEFORE"}
	times == {time.add_date(fixture.ago(9), 1, 0, 0)}
}

test_denied_do_not_track_and_an_opt_out_ask_again_after_the_later if {
	every signal, opt_out in {9: 2, 2: 9} {
		fields := object.union(_dnt(signal), {"opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": fixture.ago(opt_out)}}})
		d := jasminai.decision with input as _share("AFFILIATE", fields, {})
		d.obligations == [{"code": "REASK_NOT_BEFORE", "parameters": {"time": time.add_date(fixture.ago(2), 1, 0, 0)}}]
	}
}

test_allowed_do_not_track_undone_as_the_other_signal_is if {
	given := {"consents": {"affiliate_sharing": fixture.first_given_with(1, {"evidence": true})}}
	off := {"signals": {"dnt": {"value": false, "time": fixture.ago(1)}}}
	undone := jasminai.decision with input as _share("AFFILIATE", object.union(_dnt(9), given), {})
	switched := jasminai.decision with input as _share("AFFILIATE", off, {})
	undone.decision == "ALLOW"
	undone.obligations == []
	switched.decision == "ALLOW"
	switched.obligations == []
}

test_allowed_do_not_track_elsewhere_and_to_the_group if {
	elsewhere := jasminai.decision with input as _share("AFFILIATE", {"jurisdiction": "US-NY"}, {"dnt": true})
	group := jasminai.decision with input as _share("CORPORATE_AFFILIATE", _dnt(9), {"dnt": true})
	elsewhere.decision == "ALLOW"
	elsewhere.obligations == []
	group.decision == "ALLOW"
	group.obligations == []
}

test_denied_both_mails_by_one_objection if {
	subject := fixture.subject({"objections": {"purposes": {"survey_email": fixture.raised(1)}}})
	every purpose in ["survey_email", "marketing_email"] {
		d := jasminai.decision with input as _asked(purpose, {"subject": subject})
		fixture.codes(d) == {"OBJECTED"}
	}
}

test_allowed_service_without_the_consent_deactivates_the_account if {
	subject := fixture.subject({"consents": {"special_category_processing": fixture.denied("WITHDRAWN", 1)}})
	every purpose in ["service_delivery", "special_category_processing"] {
		d := jasminai.decision with input as _asked(purpose, {"subject": subject})
		"DEACTIVATE_ACCOUNT" in fixture.obliged(d.obligations)
	}
}

test_denied_by_do_not_track_for_affiliates_alone if {
	given := object.union(_share("AFFILIATE", _dnt(9), {"dnt": true}), {"purpose": "sale_of_data"})
	jasminai.denials == set() with input as given
	jasminai.obligations == set() with input as given
}

test_denied_once_for_one_objection if {
	given := _asked("marketing_email", {"subject": fixture.subject({
		"jurisdiction": "JP",
		"objections": {"all": fixture.raised(1), "purposes": {}},
	})})
	d := jasminai.decision with input as given
	d.reasons == [{"code": "OBJECTED", "clause": "APPI-35"}]
}

test_allowed_and_denied_both_mails_by_the_newest_event_on_one_of_them if {
	lifted := {"purposes": {"survey_email": fixture.lifted(1), "marketing_email": fixture.raised(9)}}
	raised := {"purposes": {"survey_email": fixture.lifted(9), "marketing_email": fixture.raised(1)}}
	every purpose in ["survey_email", "marketing_email"] {
		one := jasminai.decision with input as _asked(purpose, {"subject": fixture.subject({"objections": lifted})})
		one.decision == "ALLOW"
		two := jasminai.decision with input as _asked(purpose, {"subject": fixture.subject({"objections": raised})})
		fixture.codes(two) == {"OBJECTED"}
	}
}

test_denied_by_one_own_consent_given_at_seventeen if {
	record := fixture.first_given_with(9, {"age_max": 17})
	d := jasminai.decision with input as _asked("optional_profile", {"subject": fixture.subject({"consents": {"optional_profile": record}})})
	d.reasons == [{"code": "CONSENT_BY_MINOR", "clause": "§3.1"}]
}

test_allowed_and_denied_social_login_by_its_consent if {
	given := fixture.subject({"consents": {"social_login": fixture.first_given(1)}})
	ended := fixture.subject({"consents": {"social_login": fixture.denied("WITHDRAWN", 1)}})
	one := jasminai.decision with input as _asked("social_login", {"subject": given})
	one.legal_basis == "CONSENT"
	one.decision == "ALLOW"
	two := jasminai.decision with input as _asked("social_login", {"subject": ended})
	fixture.codes(two) == {"CONSENT_WITHDRAWN"}
}
