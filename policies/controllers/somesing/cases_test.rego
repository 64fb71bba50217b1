# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.somesing_cases_test

import data.consentd.controllers.somesing as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# somesing §1 refused optional items are off, asked again or not
test_denied_somesing_1_refused_optional_items_are_off_asked_again_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "user_analysis", "subject": {"account_status": "ACTIVE", "consents": {"user_analysis": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# somesing GDPR-8 age is verified on a child's own consent in Germany too
test_allowed_somesing_gdpr_8_age_is_verified_on_a_child_s_own_consent_in_germany_too if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "age_verification", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {"age_verification": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# somesing §1 age is not verified without consent, child or not
test_denied_somesing_1_age_is_not_verified_without_consent_child_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "age_verification", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "UNDER_AGE" in _reasons(d)
}

# somesing JPMAIL-3 marketing mail needs a given consent in New York too
test_denied_somesing_jpmail_3_marketing_mail_needs_a_given_consent_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
}

# somesing §2 marketing mail goes out on consent, with an unsubscribe link
test_allowed_somesing_2_marketing_mail_goes_out_on_consent_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# somesing §2 refused news of events stop
test_denied_somesing_2_refused_news_of_events_stop if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "event_information", "subject": {"account_status": "ACTIVE", "consents": {"event_information": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §2 an objection stops improvement, and leaves the contract
test_denied_somesing_2_an_objection_stops_improvement_and_leaves_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# somesing §3 an objection to everything leaves payments
test_allowed_somesing_3_an_objection_to_everything_leaves_payments if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# somesing §3 on consent the training names the consent, anonymized or not
test_allowed_somesing_3_on_consent_the_training_names_the_consent_anonymized_or_not if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# somesing §3 an expired consent ends the training on anonymized information
test_denied_somesing_3_an_expired_consent_ends_the_training_on_anonymized_information if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# somesing §3 a request is a record too
test_denied_somesing_3_a_request_is_a_record_too if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
}

# somesing §3 an imported consent without evidence was recorded all the same
test_denied_somesing_3_an_imported_consent_without_evidence_was_recorded_all_the_same if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# somesing §3 an objection stops the training on anonymized information
test_denied_somesing_3_an_objection_stops_the_training_on_anonymized_information if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"ai_training": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	d.legal_basis == "ANONYMIZED_INFORMATION"
}

# somesing §3 anonymized information asks no parent in Germany
test_allowed_somesing_3_anonymized_information_asks_no_parent_in_germany if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "ANONYMIZED_INFORMATION"
}

# somesing §3 items published as text are not published
test_denied_somesing_3_items_published_as_text_are_not_published if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": "true"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# somesing §4 disclosure needs a recipient
test_denied_somesing_4_disclosure_needs_a_recipient if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §4 a purpose that is not a string is none
test_denied_somesing_4_a_purpose_that_is_not_a_string_is_none if {
	d := controller.decision with input as {"context": {"for_purpose": ["service_delivery"]}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# somesing §4 disclosure for the sake of disclosure is denied to a processor too
test_denied_somesing_4_disclosure_for_the_sake_of_disclosure_is_denied_to_a_processor_too if {
	d := controller.decision with input as {"context": {"for_purpose": "third_party_disclosure"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# somesing §4 any kind of recipient, an authority abroad too
test_allowed_somesing_4_any_kind_of_recipient_an_authority_abroad_too if {
	d := controller.decision with input as {"context": {"for_purpose": "legal_compliance"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "police-us", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §4 a refusal ends the disclosure
test_denied_somesing_4_a_refusal_ends_the_disclosure if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# somesing §4 a withdrawal for one recipient, asked again, leaves the others
test_allowed_somesing_4_a_withdrawal_for_one_recipient_asked_again_leaves_the_others if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-2", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"label-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §4 a request for one recipient does not lift the refusal of all
test_denied_somesing_4_a_request_for_one_recipient_does_not_lift_the_refusal_of_all if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "recipients": {"label-1": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1780228800000000000, "status": "REQUESTED"}}, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
}

# somesing GDPR-6-DEEMED in Germany a consent that names the recipient is a given one
test_allowed_somesing_gdpr_6_deemed_in_germany_a_consent_that_names_the_recipient_is_a_given_one if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"label-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing GDPR-6-DEEMED in Germany a processor needs it too
test_denied_somesing_gdpr_6_deemed_in_germany_a_processor_needs_it_too if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# somesing GDPR-6-DEEMED in Germany anonymized data are disclosed without
test_allowed_somesing_gdpr_6_deemed_in_germany_anonymized_data_are_disclosed_without if {
	d := controller.decision with input as {"context": {"anonymized": true, "for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing GDPR-8 in Germany a child's own consent to the disclosure does not count
test_denied_somesing_gdpr_8_in_germany_a_child_s_own_consent_to_the_disclosure_does_not_count if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"third_party_disclosure": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# somesing CCPA-120 a Californian's opt-out ends the disclosure
test_denied_somesing_ccpa_120_a_californian_s_opt_out_ends_the_disclosure if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing CCPA-120-MINOR a Californian of fifteen opts in first
test_denied_somesing_ccpa_120_minor_a_californian_of_fifteen_opts_in_first if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# somesing APPI-28 a processor abroad needs no consent, the setting is the controller's
test_allowed_somesing_appi_28_a_processor_abroad_needs_no_consent_the_setting_is_the_controller_s if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# somesing APPI-20-2 the setting covers no special categories
test_denied_somesing_appi_20_2_the_setting_covers_no_special_categories if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": ["user.contact", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact"]
}

# somesing APPI-31 device data that the partner links need its confirmation
test_allowed_somesing_appi_31_device_data_that_the_partner_links_need_its_confirmation if {
	d := controller.decision with input as {"context": {"for_purpose": "personalized_advertising", "links_identifiers": true}, "controller": "somesing", "data_categories": ["user.device.cookie_id"], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"CONFIRM_RECIPIENT_CONSENT" in _obligations(d)
}

# somesing §5 withdrawn performance cookies end the feedback, and asking again does not bring it back
test_denied_somesing_5_withdrawn_performance_cookies_end_the_feedback_and_asking_again_does_not_bring_it_back if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# somesing §5 accepting performance cookies again brings the feedback back
test_allowed_somesing_5_accepting_performance_cookies_again_brings_the_feedback_back if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §5 in Germany performance cookies need a given consent, the anonymous feedback does not
test_allowed_somesing_5_in_germany_performance_cookies_need_a_given_consent_the_anonymous_feedback_does_not if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §5 refused functional cookies leave the feedback
test_allowed_somesing_5_refused_functional_cookies_leave_the_feedback if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §5 refused cookies, an objection and data that are not anonymous are all named
test_denied_somesing_5_refused_cookies_an_objection_and_data_that_are_not_anonymous_are_all_named if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	"CONSENT_REFUSED" in _reasons(d)
	"NOT_ANONYMIZED" in _reasons(d)
}

# somesing §5 performance cookies are on in Japan and off in Germany until accepted
test_denied_somesing_5_performance_cookies_are_on_in_japan_and_off_in_germany_until_accepted if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "performance_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §5 essential cookies that were never refused limit nothing
test_allowed_somesing_5_essential_cookies_that_were_never_refused_limit_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "essential_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §8 thirteen is too young for the service, everywhere
test_denied_somesing_8_thirteen_is_too_young_for_the_service_everywhere if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "BE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# somesing §8 legal obligations know no age
test_allowed_somesing_8_legal_obligations_know_no_age if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "JP", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "age_max": 10, "age_min": 10, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# somesing §3 vital interests excuse special categories in Germany and Japan
test_allowed_somesing_3_vital_interests_excuse_special_categories_in_germany_and_japan if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": ["user.biometric"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "VITAL_INTERESTS"
}

# somesing §3 fraud prevention needs a known subject
test_denied_somesing_3_fraud_prevention_needs_a_known_subject if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	d.legal_basis == "VITAL_INTERESTS"
}

# somesing a restriction stops the contract
test_denied_somesing_a_restriction_stops_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# somesing §3 payments rest on the contract
test_allowed_somesing_3_payments_rest_on_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# somesing §2 announcements rest on the contract, here with the home rules of an unknown jurisdiction
test_allowed_somesing_2_announcements_rest_on_the_contract_here_with_the_home_rules_of_an_unknown_jurisdiction if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# somesing §1 personalized advertising on consent
test_allowed_somesing_1_personalized_advertising_on_consent if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "personalized_advertising", "subject": {"account_status": "ACTIVE", "consents": {"personalized_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# somesing §1 refusing every optional item leaves the service
test_allowed_somesing_1_refusing_every_optional_item_leaves_the_service if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"age_verification": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}, "personalized_advertising": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}, "user_analysis": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# somesing §1 age is verified on consent, also of a child
test_allowed_somesing_1_age_is_verified_on_consent_also_of_a_child if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "age_verification", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {"age_verification": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# somesing GDPR-8 user analysis of a child of 15 in Germany needs the parent
test_denied_somesing_gdpr_8_user_analysis_of_a_child_of_15_in_germany_needs_the_parent if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "user_analysis", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"user_analysis": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# somesing §2 news of events is a notified purpose, with an unsubscribe link
test_allowed_somesing_2_news_of_events_is_a_notified_purpose_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "event_information", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing EPRIV-13 news of events needs no opt-in in Germany, the controller's policy is accepted
test_allowed_somesing_epriv_13_news_of_events_needs_no_opt_in_in_germany_the_controller_s_policy_is_accepted if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "event_information", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §2 news of events stops on objection
test_denied_somesing_2_news_of_events_stops_on_objection if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "event_information", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"event_information": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# somesing §2 marketing mail needs prior consent
test_denied_somesing_2_marketing_mail_needs_prior_consent if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# somesing §3 anonymously processed information with published items may train
test_allowed_somesing_3_anonymously_processed_information_with_published_items_may_train if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "ANONYMIZED_INFORMATION"
}

# somesing §3 anonymized information whose items are not published may not train
test_denied_somesing_3_anonymized_information_whose_items_are_not_published_may_not_train if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# somesing §3 a withdrawal ends the training on anonymized information too
test_denied_somesing_3_a_withdrawal_ends_the_training_on_anonymized_information_too if {
	d := controller.decision with input as {"context": {"anonymized": true, "items_published": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# somesing §4 disclosure for a declared purpose needs no further consent in Japan
test_allowed_somesing_4_disclosure_for_a_declared_purpose_needs_no_further_consent_in_japan if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §4 disclosure abroad needs none either
test_allowed_somesing_4_disclosure_abroad_needs_none_either if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "label-us", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §4 disclosure for no purpose is denied
test_denied_somesing_4_disclosure_for_no_purpose_is_denied if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# somesing §4 disclosure for a purpose that is not declared is denied
test_denied_somesing_4_disclosure_for_a_purpose_that_is_not_declared_is_denied if {
	d := controller.decision with input as {"context": {"for_purpose": "special_category_personalization"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# somesing §4 disclosure for the sake of sharing is denied
test_denied_somesing_4_disclosure_for_the_sake_of_sharing_is_denied if {
	d := controller.decision with input as {"context": {"for_purpose": "affiliate_sharing"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# somesing GDPR-6-DEEMED disclosure needs a given consent in Germany
test_denied_somesing_gdpr_6_deemed_disclosure_needs_a_given_consent_in_germany if {
	d := controller.decision with input as {"context": {"for_purpose": "service_delivery"}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "label-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# somesing §5 refused performance cookies are off
test_denied_somesing_5_refused_performance_cookies_are_off if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "performance_cookies", "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# somesing §5 refusing performance cookies leaves the functional ones on
test_allowed_somesing_5_refusing_performance_cookies_leaves_the_functional_ones_on if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# somesing §5 refusing essential cookies may cost the use of the account
test_denied_somesing_5_refusing_essential_cookies_may_cost_the_use_of_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "essential_cookies", "subject": {"account_status": "ACTIVE", "consents": {"essential_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	"ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
}

# somesing §5 anonymous feedback goes to affiliates
test_allowed_somesing_5_anonymous_feedback_goes_to_affiliates if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §5 feedback that is not anonymous goes to no affiliate
test_denied_somesing_5_feedback_that_is_not_anonymous_goes_to_no_affiliate if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"NOT_ANONYMIZED" in _reasons(d)
}

# somesing §5 feedback goes to affiliates only
test_denied_somesing_5_feedback_goes_to_affiliates_only if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# somesing §5 refused performance cookies end the feedback to affiliates
test_denied_somesing_5_refused_performance_cookies_end_the_feedback_to_affiliates if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"performance_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# somesing §8 thirteen is too young, and marketing consent is missing besides
test_denied_somesing_8_thirteen_is_too_young_and_marketing_consent_is_missing_besides if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# somesing §8 fourteen is old enough
test_allowed_somesing_8_fourteen_is_old_enough if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# somesing §3 fraud by a child is still prevented, restricted and objected to or not
test_allowed_somesing_3_fraud_by_a_child_is_still_prevented_restricted_and_objected_to_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "VITAL_INTERESTS"
}

# somesing §3 fraud prevention ends with the data
test_denied_somesing_3_fraud_prevention_ends_with_the_data if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# somesing §6 deletion comes before the withdrawal, and both are named
test_denied_somesing_6_deletion_comes_before_the_withdrawal_and_both_are_named if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780142400000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "erasure": "IN_PROGRESS", "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# somesing §4 legal claims outlive the deletion
test_allowed_somesing_4_legal_claims_outlive_the_deletion if {
	d := controller.decision with input as {"context": {}, "controller": "somesing", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}
