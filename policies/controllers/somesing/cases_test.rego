# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.somesing_cases_test

import data.consentd.controllers.somesing as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

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
