package consentd.lib.ccpa_test

import data.consentd.lib.basis
import data.consentd.lib.ccpa
import data.consentd.lib.consent
import data.consentd.lib.fixture
import data.consentd.lib.request

# A request to share with a recipient of that kind, for a subject in California with these fields.
_share(kind, fields) := fixture.asked("example", "affiliate_sharing", {
	"recipient": fixture.recipient(kind),
	"subject": fixture.subject(object.union({"jurisdiction": "US-CA"}, fields)),
})

_opted_out(days) := {"opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": fixture.ago(days)}}}

_opted_out_and(record) := object.union(_opted_out(100), {"consents": {"affiliate_sharing": record}})

_minor(age, record) := _share("AFFILIATE", {"age_max": age, "consents": {"affiliate_sharing": record}})

_codes := fixture.denied_codes(ccpa.denials)

test_ccpa_120_sale_or_sharing_by_recipient if {
	every kind in ["AFFILIATE", "REFERRAL_PARTNER", "ADVERTISING_PARTNER", "THIRD_PARTY"] {
		request.sale_or_sharing with input as _share(kind, {})
	}
	every kind in ["PROCESSOR", "AUTHORITY", "CORPORATE_AFFILIATE"] {
		not request.sale_or_sharing with input as _share(kind, {})
	}
}

test_ccpa_120_sale_or_sharing_by_purpose if {
	request.sale_or_sharing with input as fixture.asked("livex", "interest_based_advertising", {})
	not request.sale_or_sharing with input as fixture.asked("livex", "marketing_email", {})
}

test_ccpa_120_allowed_on_notice_in_california if {
	basis.in_effect == "NOTIFIED_PURPOSE" with input as _share("AFFILIATE", {})
	_codes == set() with input as _share("AFFILIATE", {})
}

test_ccpa_120_on_consent_elsewhere_and_for_the_group if {
	basis.in_effect == "CONSENT" with input as _share("AFFILIATE", {"jurisdiction": "US-CO"})
	basis.in_effect == "CONSENT" with input as _share("CORPORATE_AFFILIATE", {})
}

test_ccpa_120_on_consent_where_it_must_name_the_recipient if {
	not ccpa.replaces_consent with input as object.union(_share("AFFILIATE", {}), {"controller": "jsers"})
}

test_ccpa_120_leaves_other_bases_than_consent if {
	given := object.union(_share("AFFILIATE", {}), {"controller": "somesing", "purpose": "third_party_disclosure"})
	basis.in_effect == "DEEMED_CONSENT" with input as given
}

test_ccpa_120_denied_after_an_opt_out_in_every_place if {
	every place in ["US-CA", "US-NY", "DE", "JP", ""] {
		_codes == {"OPTED_OUT"} with input as _share("AFFILIATE", object.union(_opted_out(9), {"jurisdiction": place}))
	}
}

test_ccpa_120_allowed_what_is_no_sale_after_an_opt_out if {
	_codes == set() with input as _share("PROCESSOR", _opted_out(9))
	_codes == set() with input as fixture.example("product_analytics", _opted_out(9))
}

test_ccpa_120_minor_denied_without_opt_in if {
	_codes == {"UNDER_AGE"} with input as _share("AFFILIATE", {"age_max": 15})
}

test_ccpa_120_minor_denied_by_the_wrong_actor if {
	_codes == {"UNDER_AGE"} with input as _minor(15, fixture.given_with(1, {"given_by": "PARENT"}))
	_codes == {"UNDER_AGE"} with input as _minor(13, fixture.given_with(1, {"given_by": "PARENT"}))
	_codes == {"UNDER_AGE"} with input as _minor(12, fixture.given(1))
	_codes == {"UNDER_AGE"} with input as _minor(12, fixture.given_with(1, {"given_by": "AGENT"}))
}

test_ccpa_120_minor_allowed_by_the_right_actor if {
	_codes == set() with input as _minor(13, fixture.given(1))
	_codes == set() with input as _minor(15, fixture.given_with(1, {"given_by": "AGENT"}))
	_codes == set() with input as _minor(12, fixture.given_with(1, {"given_by": "PARENT"}))
	_codes == set() with input as _share("AFFILIATE", {"age_max": 16})
}

test_ccpa_120_minor_denied_on_an_expired_opt_in if {
	_codes == {"UNDER_AGE"} with input as _minor(15, fixture.given_with(9, {"expires_at": fixture.ago(1)}))
}

test_ccpa_120_minor_is_about_sale_and_sharing if {
	_codes == set() with input as _share("CORPORATE_AFFILIATE", {"age_max": 12})
	_codes == set() with input as fixture.example("storage", {"age_max": 12, "jurisdiction": "US-CA"})
}

test_ccpa_120_minor_is_californias if {
	_codes == set() with input as _share("AFFILIATE", {"age_max": 12, "jurisdiction": "US-CO"})
}

test_ccpa_7028_allowed_after_both_steps if {
	record := fixture.given_with(1, {"requested_before_given_at": fixture.ago(2)})
	_codes == set() with input as _share("AFFILIATE", _opted_out_and(record))
	ccpa.obligations == set() with input as _share("AFFILIATE", _opted_out_and(record))
}

test_ccpa_7028_denied_after_one_step if {
	_codes == {"OPTED_OUT"} with input as _share("AFFILIATE", _opted_out_and(fixture.given(1)))
	_codes == {"OPTED_OUT"} with input as _share("AFFILIATE", _opted_out_and(fixture.requested(1)))
}

test_ccpa_7028_denied_where_the_opt_in_was_withdrawn if {
	record := object.union(fixture.denied("WITHDRAWN", 1), {
		"given_at": fixture.ago(5),
		"requested_before_given_at": fixture.ago(6),
	})
	_codes == {"OPTED_OUT"} with input as _share("AFFILIATE", _opted_out_and(record))
}

test_ccpa_7028_denied_where_the_request_came_before_the_opt_out if {
	record := fixture.given_with(1, {"requested_before_given_at": fixture.ago(100)})
	_codes == {"OPTED_OUT"} with input as _share("AFFILIATE", _opted_out_and(record))
}

test_ccpa_7028_allowed_after_the_lifting if {
	opt_outs := {"SALE_OR_SHARING": {"lifted": true, "time": fixture.ago(1)}}
	_codes == set() with input as _share("AFFILIATE", {"opt_outs": opt_outs})
}

test_ccpa_135_asks_again_after_a_year if {
	ccpa.obligations == {{
		"code": "REASK_NOT_BEFORE",
		"parameters": {"time": time.add_date(fixture.ago(9), 1, 0, 0)},
	}} with input as _share("AFFILIATE", _opted_out(9))
}

test_ccpa_135_asks_in_california_alone if {
	every place in ["US-NY", "DE", ""] {
		ccpa.obligations == set() with input as _share("AFFILIATE", object.union(_opted_out(9), {"jurisdiction": place}))
	}
}

test_ccpa_7028_denied_where_the_opt_in_holds_no_more if {
	every fields in [{"expires_at": fixture.ago(0)}, {"notice_version": 4}, {"notice_version": 1}, {"age_max": 12}] {
		record := fixture.given_with(1, object.union({"requested_before_given_at": fixture.ago(2)}, fields))
		"OPTED_OUT" in _codes with input as _share("AFFILIATE", _opted_out_and(record))
	}
}

test_ccpa_120_minor_denied_by_the_own_opt_in_below_13 if {
	every now_old in [13, 15] {
		ccpa.denials == {[7, "CONSENT_BY_MINOR", "CCPA-120-MINOR"]} with input as _minor(now_old, fixture.given_with(1, {"age_max": 12}))
	}
	_codes == {"UNDER_AGE"} with input as _minor(12, fixture.given_with(1, {"age_max": 12}))
	_codes == {"UNDER_AGE"} with input as _minor(13, object.union(fixture.denied("WITHDRAWN", 1), {"age_max": 12}))
	_codes == {"UNDER_AGE"} with input as _minor(13, fixture.given_with(1, {"age_max": 12, "given_by": "PARENT"}))
}

test_ccpa_120_minor_allowed_from_13_and_from_16_on if {
	_codes == set() with input as _minor(13, fixture.given_with(1, {"age_max": 13}))
	_codes == set() with input as _minor(16, fixture.given_with(1, {"age_max": 12}))
}

test_ccpa_120_minor_counts_as_none_from_16_on if {
	record := fixture.given_with(1, {"age_max": 12})
	every now_old, code in {16: "CONSENT_MISSING", 15: "CONSENT_BY_MINOR"} {
		consent.faults(record, "affiliate_sharing") == {code} with input as _minor(now_old, record)
	}
}

test_ccpa_7028_denied_where_the_consent_after_a_denial_holds_no_more if {
	every fields in [{"expires_at": fixture.ago(0)}, {"notice_version": 4}, {"notice_version": 1}, {"age_max": 12}] {
		record := fixture.given_with(1, object.union({"denied": "WITHDRAWN", "denied_at": fixture.ago(2)}, fields))
		given := _share("AFFILIATE", {"consents": {"affiliate_sharing": record}})
		ccpa.denials == {[7, "CONSENT_WITHDRAWN", "CCPA-7028"]} with input as given
		ccpa.denials == set() with input as object.union(given, {"subject": {"jurisdiction": "US-NY"}})
	}
}

test_ccpa_7028_denied_where_the_recipients_consent_after_the_purposes_denial_holds_no_more if {
	expired := fixture.given_with(2, {"expires_at": fixture.ago(1)})
	record := object.union(fixture.denied("REFUSED", 3), {"recipients": {"r-1": expired}})
	_codes == {"CONSENT_REFUSED"} with input as _share("AFFILIATE", {"consents": {"affiliate_sharing": record}})
}

test_ccpa_7028_allowed_after_a_denial_by_one_later_consent if {
	record := fixture.given_with(1, {"denied": "REFUSED", "denied_at": fixture.ago(2)})
	_codes == set() with input as _share("AFFILIATE", {"consents": {"affiliate_sharing": record}})
	expired := object.union(record, {"expires_at": fixture.ago(0)})
	_codes == set() with input as _share("CORPORATE_AFFILIATE", {"consents": {"affiliate_sharing": expired}})
}

test_ccpa_7028_denied_where_no_consent_was_declared_either if {
	record := fixture.first_given_with(1, {"denied": "WITHDRAWN", "denied_at": fixture.ago(2), "expires_at": fixture.ago(0)})
	given := object.union(_share("REFERRAL_PARTNER", {"consents": {"affiliate_sharing": record}}), {"controller": "livex"})
	_codes == {"CONSENT_WITHDRAWN"} with input as given
	_codes == set() with input as object.union(given, {"controller": "jsers"})
	_codes == set() with input as object.union(given, {"subject": {"jurisdiction": "US-NY"}})
}

test_ccpa_7028_leaves_what_is_no_sale if {
	record := fixture.given_with(2, {"denied": "REFUSED", "denied_at": fixture.ago(3), "expires_at": fixture.ago(1)})
	given := {"jurisdiction": "US-CA", "consents": {"product_improvement": record}}
	_codes == set() with input as fixture.example("product_improvement", given)
}
