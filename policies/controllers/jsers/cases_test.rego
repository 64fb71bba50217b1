# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.jsers_cases_test

import data.consentd.controllers.jsers as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# jsers §2 providing the service is a notified purpose
test_allowed_jsers_2_providing_the_service_is_a_notified_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 charging is a notified purpose, here with the home rules of an unknown jurisdiction
test_allowed_jsers_2_charging_is_a_notified_purpose_here_with_the_home_rules_of_an_unknown_jurisdiction if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers there is no age rule
test_allowed_jsers_there_is_no_age_rule if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 training models is not among the purposes
test_denied_jsers_2_training_models_is_not_among_the_purposes if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# jsers §2 campaign mails need no opt-in, they are a notified purpose
test_allowed_jsers_2_campaign_mails_need_no_opt_in_they_are_a_notified_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers EPRIV-13 campaign mails need no opt-in in Germany either, the controller's policy is accepted
test_allowed_jsers_epriv_13_campaign_mails_need_no_opt_in_in_germany_either_the_controller_s_policy_is_accepted if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §5 campaign mails stop on request
test_denied_jsers_5_campaign_mails_stop_on_request if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 a request to stop using the data stops the service
test_denied_jsers_5_a_request_to_stop_using_the_data_stops_the_service if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §2 fraud prevention goes on through a stop request
test_allowed_jsers_2_fraud_prevention_goes_on_through_a_stop_request if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §5 taking it back for one purpose leaves the others stopped
test_denied_jsers_5_taking_it_back_for_one_purpose_leaves_the_others_stopped if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"customer_support": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 a stop request made and lifted at the same instant stands
test_denied_jsers_5_a_stop_request_made_and_lifted_at_the_same_instant_stands if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers GDPR-6-NOTICE an objection stops a notified purpose in Germany
test_denied_jsers_gdpr_6_notice_an_objection_stops_a_notified_purpose_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"customer_support": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 the request to stop counts until it is lifted
test_allowed_jsers_5_the_request_to_stop_counts_until_it_is_lifted if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": false, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §4 nothing is disclosed without consent
test_denied_jsers_4_nothing_is_disclosed_without_consent if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jsers §4 consent that names the recipient allows the disclosure
test_allowed_jsers_4_consent_that_names_the_recipient_allows_the_disclosure if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# jsers §4 consent that names nobody does not count
test_denied_jsers_4_consent_that_names_nobody_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jsers §4 consent past its expiry no longer allows the disclosure
test_denied_jsers_4_consent_past_its_expiry_no_longer_allows_the_disclosure if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1775131200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
}

# jsers §4 a disclosure names its recipient
test_denied_jsers_4_a_disclosure_names_its_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jsers §4 a contractor in Japan needs no consent, even to disclose
test_allowed_jsers_4_a_contractor_in_japan_needs_no_consent_even_to_disclose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers APPI-28 a third party abroad needs a consent that showed the country
test_denied_jsers_appi_28_a_third_party_abroad_needs_a_consent_that_showed_the_country if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "insurer-us", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-us": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# jsers APPI-28 entrustment abroad needs consent for a subject in Germany too, the pack is for everyone
test_denied_jsers_appi_28_entrustment_abroad_needs_consent_for_a_subject_in_germany_too_the_pack_is_for_everyone if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# jsers GDPR-9 ordinary consent is not enough in Germany
test_denied_jsers_gdpr_9_ordinary_consent_is_not_enough_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# jsers §3 after the retention period the data are not used
test_denied_jsers_3_after_the_retention_period_the_data_are_not_used if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "DENY"
	"RETENTION_EXPIRED" in _reasons(d)
}

# jsers §3 after the retention period fraud prevention ends too
test_denied_jsers_3_after_the_retention_period_fraud_prevention_ends_too if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "DENY"
	"RETENTION_EXPIRED" in _reasons(d)
}

# jsers §3 within the retention period the data are used
test_allowed_jsers_3_within_the_retention_period_the_data_are_used if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1782907200000000000, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §3 legal purposes outlive the retention period
test_allowed_jsers_3_legal_purposes_outlive_the_retention_period if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jsers an unknown subject gets nothing, and that alone is said
test_denied_jsers_an_unknown_subject_gets_nothing_and_that_alone_is_said if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# jsers legal claims, a legal obligation here, need no record of the subject
test_allowed_jsers_legal_claims_a_legal_obligation_here_need_no_record_of_the_subject if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jsers erasure and closing are both named
test_denied_jsers_erasure_and_closing_are_both_named if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "CLOSED", "consents": {}, "erasure": "IN_PROGRESS", "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"ACCOUNT_CLOSED" in _reasons(d)
}

# jsers §2 a refusal stops a notified purpose
test_denied_jsers_2_a_refusal_stops_a_notified_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {"customer_support": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 a refusal leaves fraud prevention
test_allowed_jsers_2_a_refusal_leaves_fraud_prevention if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {"fraud_prevention": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 an authority gets data against fraud
test_allowed_jsers_2_an_authority_gets_data_against_fraud if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "JP", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 an authority gets no customer support
test_denied_jsers_2_an_authority_gets_no_customer_support if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "recipient": {"country": "JP", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jsers §2 personalization on special categories is not declared, whatever was consented to
test_denied_jsers_2_personalization_on_special_categories_is_not_declared_whatever_was_consented_to if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# jsers APPI-20-2 special categories need consent in New York too, the pack is for everyone
test_denied_jsers_appi_20_2_special_categories_need_consent_in_new_york_too_the_pack_is_for_everyone if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": ["user.contact", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact"]
}

# jsers APPI-20-2 ordinary consent is enough in New York
test_allowed_jsers_appi_20_2_ordinary_consent_is_enough_in_new_york if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": ["user.contact", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §2 campaign mails in New York carry an unsubscribe link and leave special categories out
test_allowed_jsers_2_campaign_mails_in_new_york_carry_an_unsubscribe_link_and_leave_special_categories_out if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# jsers §5 no consent given later ends the request to stop
test_denied_jsers_5_no_consent_given_later_ends_the_request_to_stop if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {"customer_support": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 it is not lifted for the one purpose either
test_denied_jsers_5_it_is_not_lifted_for_the_one_purpose_either if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"customer_support": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 it denies the disclosure that was consented to later
test_denied_jsers_5_it_denies_the_disclosure_that_was_consented_to_later if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# jsers §5 an import without evidence does not lift it
test_denied_jsers_5_an_import_without_evidence_does_not_lift_it if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jsers §5 lifted for all, an older objection to one purpose is lifted with it
test_allowed_jsers_5_lifted_for_all_an_older_objection_to_one_purpose_is_lifted_with_it if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": false, "time": 1780228800000000000}, "purposes": {"marketing_email": {"raised": true, "time": 1778587200000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §5 legal claims and legal obligations go on
test_allowed_jsers_5_legal_claims_and_legal_obligations_go_on if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jsers §5 an objection to one purpose yields to a later consent
test_allowed_jsers_5_an_objection_to_one_purpose_yields_to_a_later_consent if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §4 every kind of recipient, an authority too, if the consent names it
test_allowed_jsers_4_every_kind_of_recipient_an_authority_too_if_the_consent_names_it if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "city-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"city-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# jsers §4 an authority that no consent names gets nothing disclosed
test_denied_jsers_4_an_authority_that_no_consent_names_gets_nothing_disclosed if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "city-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jsers §4 a consent to affiliate sharing names nobody for the disclosure
test_denied_jsers_4_a_consent_to_affiliate_sharing_names_nobody_for_the_disclosure if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jsers §4 in Germany the consent names the recipient too
test_denied_jsers_4_in_germany_the_consent_names_the_recipient_too if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jsers §4 anonymized data are disclosed to whom the consent names only
test_denied_jsers_4_anonymized_data_are_disclosed_to_whom_the_consent_names_only if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jsers §4 a refusal to disclose stops the contractor too
test_denied_jsers_4_a_refusal_to_disclose_stops_the_contractor_too if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §4 a contractor that discloses from abroad needs a consent that shows the country
test_denied_jsers_4_a_contractor_that_discloses_from_abroad_needs_a_consent_that_shows_the_country if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §4 abroad passes on a consent that names recipient and country
test_allowed_jsers_4_abroad_passes_on_a_consent_that_names_recipient_and_country if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "insurer-us", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-us": {"countries": ["US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# jsers GDPR-44 a recipient in the US needs safeguards for a subject in Germany
test_allowed_jsers_gdpr_44_a_recipient_in_the_us_needs_safeguards_for_a_subject_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "US", "id": "insurer-us", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-us": {"countries": ["US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# jsers CCPA-120 the consent that names the recipient is asked of Californians too
test_denied_jsers_ccpa_120_the_consent_that_names_the_recipient_is_asked_of_californians_too if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# jsers CCPA-120 a Californian's opt-out stops what was consented to
test_denied_jsers_ccpa_120_a_californian_s_opt_out_stops_what_was_consented_to if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
}

# jsers CCPA-GPC a Californian's signal too, until the conflict notice
test_allowed_jsers_ccpa_gpc_a_californian_s_signal_too_until_the_conflict_notice if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": true, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# jsers GDPR-8 a child of fifteen in Germany needs the parent to disclose
test_denied_jsers_gdpr_8_a_child_of_fifteen_in_germany_needs_the_parent_to_disclose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "insurer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"third_party_disclosure": {"recipients": {"insurer-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# jsers GDPR-8 but not to entrust, which is a notified purpose
test_allowed_jsers_gdpr_8_but_not_to_entrust_which_is_a_notified_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "DE", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §3 a new retention period is the one that counts
test_allowed_jsers_3_a_new_retention_period_is_the_one_that_counts if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1782907200000000000, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers §3 the retention period and a missing consent are both named
test_denied_jsers_3_the_retention_period_and_a_missing_consent_are_both_named if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "DENY"
	"RETENTION_EXPIRED" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# jsers an unknown subject is told the basis that would be in effect
test_denied_jsers_an_unknown_subject_is_told_the_basis_that_would_be_in_effect if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "third_party_disclosure", "recipient": {"country": "JP", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# jsers legal compliance of an unknown subject goes to nobody whom no row names
test_denied_jsers_legal_compliance_of_an_unknown_subject_goes_to_nobody_whom_no_row_names if {
	d := controller.decision with input as {"context": {}, "controller": "jsers", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "SUBJECT_UNKNOWN" in _reasons(d)
}
