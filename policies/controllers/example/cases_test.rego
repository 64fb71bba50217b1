# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.example_cases_test

import data.consentd.controllers.example as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# GDPR-6 the contract needs no consent
test_allowed_gdpr_6_the_contract_needs_no_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-6 fraud prevention rests on legitimate interests, by the home rules too
test_allowed_gdpr_6_fraud_prevention_rests_on_legitimate_interests_by_the_home_rules_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-6 training on consent needs consent
test_denied_gdpr_6_training_on_consent_needs_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-7-SWAP a refused consent stops what rests on legitimate interests
test_denied_gdpr_7_swap_a_refused_consent_stops_what_rests_on_legitimate_interests if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"product_improvement": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-7-SWAP a withdrawn consent stops what rests on legitimate interests
test_denied_gdpr_7_swap_a_withdrawn_consent_stops_what_rests_on_legitimate_interests if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-SWAP asking again after a refusal does not bring legitimate interests back
test_denied_gdpr_7_swap_asking_again_after_a_refusal_does_not_bring_legitimate_interests_back if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
}

# GDPR-7-SWAP a consent given after the refusal lets legitimate interests stand again
test_allowed_gdpr_7_swap_a_consent_given_after_the_refusal_lets_legitimate_interests_stand_again if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"product_improvement": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-7-SWAP a refused consent leaves the contract alone
test_allowed_gdpr_7_swap_a_refused_consent_leaves_the_contract_alone if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {"service_messages": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-7-SWAP withdrawn marketing consent does not fall back to the soft opt-in
test_denied_gdpr_7_swap_withdrawn_marketing_consent_does_not_fall_back_to_the_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779451200000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-1 a later import without evidence does not override the subject's withdrawal
test_denied_gdpr_7_1_a_later_import_without_evidence_does_not_override_the_subject_s_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1778587200000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-1 a later import with evidence overrides the subject's withdrawal
test_allowed_gdpr_7_1_a_later_import_with_evidence_overrides_the_subject_s_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1778587200000000000, "evidence": true, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-7-1 an import with evidence dated before a live withdrawal leaves the withdrawal
test_denied_gdpr_7_1_an_import_with_evidence_dated_before_a_live_withdrawal_leaves_the_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779883200000000000, "evidence": false, "explicit": false, "given_at": 1779451200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-1 an import without evidence is as if never given
test_denied_gdpr_7_1_an_import_without_evidence_is_as_if_never_given if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-7-1 proof is asked for where no pack applies too
test_denied_gdpr_7_1_proof_is_asked_for_where_no_pack_applies_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-7-1 an imported consent without evidence does not outvote a live objection
test_denied_gdpr_7_1_an_imported_consent_without_evidence_does_not_outvote_a_live_objection if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1778587200000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# GDPR-7-1 an import without evidence lifts no live objection
test_denied_gdpr_7_1_an_import_without_evidence_lifts_no_live_objection if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1778587200000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# GDPR-7-1 an imported refusal needs no evidence
test_denied_gdpr_7_1_an_imported_refusal_needs_no_evidence if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# GDPR-7-1 a consent that the controller invalidated does not count
test_denied_gdpr_7_1_a_consent_that_the_controller_invalidated_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "INVALIDATED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1778587200000000000, "given_by": "CONTROLLER", "notice_version": 0, "status": "INVALIDATED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_INVALIDATED" in _reasons(d)
}

# GDPR-7-1 an import without evidence lifts no restriction
test_denied_gdpr_7_1_an_import_without_evidence_lifts_no_restriction if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"purposes": {"product_analytics": {"raised": true, "time": 1778587200000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-7-3 a withdrawal is accepted after an erasure
test_denied_gdpr_7_3_a_withdrawal_is_accepted_after_an_erasure if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-3 a withdrawal is accepted on a closed account
test_denied_gdpr_7_3_a_withdrawal_is_accepted_on_a_closed_account if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "CLOSED", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-3 consenting again wins over the earlier withdrawal
test_allowed_gdpr_7_3_consenting_again_wins_over_the_earlier_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1778587200000000000, "evidence": false, "explicit": false, "given_at": 1779451200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-7-3 a grant and a withdrawal at the same instant are a withdrawal
test_denied_gdpr_7_3_a_grant_and_a_withdrawal_at_the_same_instant_are_a_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-3 a withdrawal that arrives after a newer consent does not undo it
test_allowed_gdpr_7_3_a_withdrawal_that_arrives_after_a_newer_consent_does_not_undo_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1778587200000000000, "evidence": false, "explicit": false, "given_at": 1779451200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a new grant inherits no expiry
test_allowed_events_a_new_grant_inherits_no_expiry if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a new grant inherits no explicitness
test_denied_events_a_new_grant_inherits_no_explicitness if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# EVENTS asking again leaves a given consent given
test_allowed_events_asking_again_leaves_a_given_consent_given if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS asking again after a withdrawal gives no consent back
test_denied_events_asking_again_after_a_withdrawal_gives_no_consent_back if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	not "CONSENT_MISSING" in _reasons(d)
}

# EVENTS a consent that names one recipient is none for another
test_denied_events_a_consent_that_names_one_recipient_is_none_for_another if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EVENTS a second grant that names another recipient leaves the first
test_allowed_events_a_second_grant_that_names_another_recipient_leaves_the_first if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}, "partner-2": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a withdrawal that names a recipient ends the consent for it
test_denied_events_a_withdrawal_that_names_a_recipient_ends_the_consent_for_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}, "partner-2": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a withdrawal that names a recipient leaves the others
test_allowed_events_a_withdrawal_that_names_a_recipient_leaves_the_others if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}, "partner-2": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a withdrawal that names a recipient beats the older consent to the whole purpose
test_denied_events_a_withdrawal_that_names_a_recipient_beats_the_older_consent_to_the_whole_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a withdrawal of the whole purpose ends the consent for each recipient
test_denied_events_a_withdrawal_of_the_whole_purpose_ends_the_consent_for_each_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a consent for one recipient counts after the whole purpose was refused
test_allowed_events_a_consent_for_one_recipient_counts_after_the_whole_purpose_was_refused if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a profile that arrives late does not reopen the account
test_denied_events_a_profile_that_arrives_late_does_not_reopen_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
}

# EVENTS a consent to another controller does not count here
test_denied_events_a_consent_to_another_controller_does_not_count_here if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-7-NOTICE consent to a notice before the material version is outdated
test_denied_gdpr_7_notice_consent_to_a_notice_before_the_material_version_is_outdated if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1772539200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_OUTDATED" in _reasons(d)
}

# GDPR-7-NOTICE consent to the material version outlives an immaterial change
test_allowed_gdpr_7_notice_consent_to_the_material_version_outlives_an_immaterial_change if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1772539200000000000, "given_by": "SUBJECT", "notice_version": 2, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-7-NOTICE outdated and past its expiry are both named
test_denied_gdpr_7_notice_outdated_and_past_its_expiry_are_both_named if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1772539200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
	"CONSENT_OUTDATED" in _reasons(d)
}

# GDPR-7-NOTICE consent counts until its expiry
test_allowed_gdpr_7_notice_consent_counts_until_its_expiry if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "expires_at": 1780318800000000000, "explicit": false, "given_at": 1772539200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-7-PENDING an unconfirmed double opt-in is no consent
test_denied_gdpr_7_pending_an_unconfirmed_double_opt_in_is_no_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# GDPR-8 a child's own consent does not count
test_denied_gdpr_8_a_child_s_own_consent_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 the parent's consent counts for a child
test_allowed_gdpr_8_the_parent_s_consent_counts_for_a_child if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 fourteen may consent in Austria
test_allowed_gdpr_8_fourteen_may_consent_in_austria if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "AT", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 fourteen may not consent in Denmark since 2024
test_denied_gdpr_8_fourteen_may_not_consent_in_denmark_since_2024 if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DK", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 thirteen may consent in Great Britain
test_allowed_gdpr_8_thirteen_may_consent_in_great_britain if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 Bavaria is a place in Germany
test_denied_gdpr_8_bavaria_is_a_place_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE-BY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 legitimate interests ask for no parent
test_allowed_gdpr_8_legitimate_interests_ask_for_no_parent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-8 a child of fifteen, recorded more than a year ago, has grown up
test_allowed_gdpr_8_a_child_of_fifteen_recorded_more_than_a_year_ago_has_grown_up if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 16, "age_min": 16, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 a new lower bound of the age replaces both bounds
test_allowed_gdpr_8_a_new_lower_bound_of_the_age_replaces_both_bounds if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-9 ordinary consent leaves health data out, the rest is permitted
test_denied_gdpr_9_ordinary_consent_leaves_health_data_out_the_rest_is_permitted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.behavior.browsing", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.permitted_data_categories == ["user.behavior.browsing"]
}

# GDPR-9 explicit consent covers health data
test_allowed_gdpr_9_explicit_consent_covers_health_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.behavior.browsing", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
	d.permitted_data_categories == ["user.behavior.browsing", "user.health_and_medical"]
}

# GDPR-9 the contract does not cover health data, the rest is permitted
test_denied_gdpr_9_the_contract_does_not_cover_health_data_the_rest_is_permitted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.contact.email", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact.email"]
}

# GDPR-9 explicit consent to the contract's purpose covers health data there
test_allowed_gdpr_9_explicit_consent_to_the_contract_s_purpose_covers_health_data_there if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.contact.email", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-9 explicit consent to another purpose does not cover it
test_denied_gdpr_9_explicit_consent_to_another_purpose_does_not_cover_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.biometric.face"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# GDPR-9 naming all demographic data names the beliefs
test_denied_gdpr_9_naming_all_demographic_data_names_the_beliefs if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.demographic", "user.behavior"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# GDPR-9 a key that only begins like a special category is none
test_allowed_gdpr_9_a_key_that_only_begins_like_a_special_category_is_none if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.genetic_algorithm_score", "user.sensitivity"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-9 a legal obligation is excepted
test_allowed_gdpr_9_a_legal_obligation_is_excepted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# GDPR-17 erasure stops even the contract
test_denied_gdpr_17_erasure_stops_even_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# GDPR-17 erasure leaves the legal obligation, in California too
test_allowed_gdpr_17_erasure_leaves_the_legal_obligation_in_california_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# GDPR-17 erasure and objection leave legal claims
test_allowed_gdpr_17_erasure_and_objection_leave_legal_claims if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "IN_PROGRESS", "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780056000000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-17 erasure stops fraud prevention where the controller does not keep it
test_denied_gdpr_17_erasure_stops_fraud_prevention_where_the_controller_does_not_keep_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# GDPR-17 an erasure requested and cancelled at the same instant stands
test_denied_gdpr_17_an_erasure_requested_and_cancelled_at_the_same_instant_stands if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# GDPR-17 while an erasure stands an objection and a restriction are recorded
test_denied_gdpr_17_while_an_erasure_stands_an_objection_and_a_restriction_are_recorded if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1780308000000000000}}}, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"purposes": {"product_analytics": {"raised": true, "time": 1780308000000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"RESTRICTED" in _reasons(d)
	"OBJECTED" in _reasons(d)
}

# GDPR-17 after the erasure is cancelled a consent is recorded again
test_allowed_gdpr_17_after_the_erasure_is_cancelled_a_consent_is_recorded_again if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780308000000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "erasure": "CANCELLED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-18 a restriction of everything stops the contract
test_denied_gdpr_18_a_restriction_of_everything_stops_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a restriction of everything leaves storage
test_allowed_gdpr_18_a_restriction_of_everything_leaves_storage if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "storage", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-18 a restriction of everything stops fraud prevention
test_denied_gdpr_18_a_restriction_of_everything_stops_fraud_prevention if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 lifting one ground leaves the restriction on the other
test_denied_gdpr_18_lifting_one_ground_leaves_the_restriction_on_the_other if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": false, "time": 1780228800000000000}, "purposes": {}}, "UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a restriction of everything may be lifted for one purpose
test_allowed_gdpr_18_a_restriction_of_everything_may_be_lifted_for_one_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-18 a consent given after the restriction excepts its purpose
test_allowed_gdpr_18_a_consent_given_after_the_restriction_excepts_its_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-18 a consent given before the restriction excepts nothing
test_denied_gdpr_18_a_consent_given_before_the_restriction_excepts_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a recorded restriction counts in Japan
test_denied_gdpr_18_a_recorded_restriction_counts_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a consent given after the restriction and withdrawn since excepts nothing
test_denied_gdpr_18_a_consent_given_after_the_restriction_and_withdrawn_since_excepts_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-21 an objection stops legitimate interests
test_denied_gdpr_21_an_objection_stops_legitimate_interests if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# GDPR-21 an objection to everything leaves service messages under the contract
test_allowed_gdpr_21_an_objection_to_everything_leaves_service_messages_under_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-21 an objection to everything leaves fraud prevention
test_allowed_gdpr_21_an_objection_to_everything_leaves_fraud_prevention if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-21 an objection to direct marketing beats the earlier consent
test_denied_gdpr_21_an_objection_to_direct_marketing_beats_the_earlier_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# GDPR-21 a consent newer than the objection re-enables its purpose
test_allowed_gdpr_21_a_consent_newer_than_the_objection_re_enables_its_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-21 a consent and an objection at the same instant are an objection
test_denied_gdpr_21_a_consent_and_an_objection_at_the_same_instant_are_an_objection if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# GDPR-21 an objection to everything may be lifted for one purpose
test_allowed_gdpr_21_an_objection_to_everything_may_be_lifted_for_one_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-21 lifting it for one purpose leaves the others objected to
test_denied_gdpr_21_lifting_it_for_one_purpose_leaves_the_others_objected_to if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# GDPR-21 lifting the objection to everything lifts the older named one
test_allowed_gdpr_21_lifting_the_objection_to_everything_lifts_the_older_named_one if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": false, "time": 1780228800000000000}, "purposes": {"product_analytics": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-21 a newer objection to everything beats the older named lift
test_denied_gdpr_21_a_newer_objection_to_everything_beats_the_older_named_lift if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# EPRIV-13 a confirmed opt-in allows marketing mail with an unsubscribe link
test_allowed_epriv_13_a_confirmed_opt_in_allows_marketing_mail_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779624000000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779537600000000000, "requested_before_given_at": 1779537600000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# EPRIV-13 the soft opt-in allows mail on the own similar product
test_allowed_epriv_13_the_soft_opt_in_allows_mail_on_the_own_similar_product if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# EPRIV-13 no sale is no soft opt-in
test_denied_epriv_13_no_sale_is_no_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 a sale by another entity is no soft opt-in
test_denied_epriv_13_a_sale_by_another_entity_is_no_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "some-affiliate-gmbh"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 a sale without an opt-out offered is no soft opt-in
test_denied_epriv_13_a_sale_without_an_opt_out_offered_is_no_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": false, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 the soft opt-in is not for other products
test_denied_epriv_13_the_soft_opt_in_is_not_for_other_products if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 a refusal rules the soft opt-in out
test_denied_epriv_13_a_refusal_rules_the_soft_opt_in_out if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# EPRIV-13 an objection rules the soft opt-in out, lifted or not
test_denied_epriv_13_an_objection_rules_the_soft_opt_in_out_lifted_or_not if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_email": {"raised": false, "time": 1779537600000000000}}}, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 the soft opt-in is for the mail, not for text messages
test_denied_epriv_13_the_soft_opt_in_is_for_the_mail_not_for_text_messages if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 California knows no soft opt-in
test_denied_epriv_13_california_knows_no_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-44 a recipient in a country without adequacy needs transfer safeguards
test_allowed_gdpr_44_a_recipient_in_a_country_without_adequacy_needs_transfer_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IN", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# GDPR-44 a recipient in the US that is not certified needs them too
test_allowed_gdpr_44_a_recipient_in_the_us_that_is_not_certified_needs_them_too if {
	d := controller.decision with input as {"context": {"recipient_certified": "true"}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# LEVEL-8 a third party that no row names gets nothing
test_denied_level_8_a_third_party_that_no_row_names_gets_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.behavior"], "now": 1780315200000000000, "purpose": "product_improvement", "recipient": {"country": "DE", "id": "partner-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# LEVEL-8 sharing needs a recipient
test_denied_level_8_sharing_needs_a_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# LEVEL-8 data are sold to third parties, not to affiliates
test_denied_level_8_data_are_sold_to_third_parties_not_to_affiliates if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"sale_of_data": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# LEVEL-8 an authority gets data against fraud
test_allowed_level_8_an_authority_gets_data_against_fraud if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "bka", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-8 an authority gets no analytics
test_denied_level_8_an_authority_gets_no_analytics if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "recipient": {"country": "DE", "id": "bka", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# CCPA-120 sharing passes in California until opted out
test_allowed_ccpa_120_sharing_passes_in_california_until_opted_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 16, "age_min": 16, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120 without consent there is no sale in the EEA
test_denied_ccpa_120_without_consent_there_is_no_sale_in_the_eea if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "DE", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# CCPA-120 a refusal denies by its own code
test_denied_ccpa_120_a_refusal_denies_by_its_own_code if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	not "OPTED_OUT" in _reasons(d)
}

# CCPA-120 a recorded opt-out stops the sharing in Germany too
test_denied_ccpa_120_a_recorded_opt_out_stops_the_sharing_in_germany_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-135 an opt-out stops the sale, and asking again may wait a year
test_denied_ccpa_135_an_opt_out_stops_the_sale_and_asking_again_may_wait_a_year if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
}

# CCPA-120-MINOR under 16 nothing is shared without an opt-in
test_denied_ccpa_120_minor_under_16_nothing_is_shared_without_an_opt_in if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# CCPA-120-MINOR at 14 the subject must opt in themselves
test_denied_ccpa_120_minor_at_14_the_subject_must_opt_in_themselves if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# CCPA-120-MINOR at 14 the subject's own opt-in counts
test_allowed_ccpa_120_minor_at_14_the_subject_s_own_opt_in_counts if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-120-MINOR at 12 the parent opts in
test_allowed_ccpa_120_minor_at_12_the_parent_opts_in if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-120-MINOR at 12 the subject's own opt-in does not count
test_denied_ccpa_120_minor_at_12_the_subject_s_own_opt_in_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# CCPA-120-MINOR the parent's consent for a child of 14 counts in Germany
test_allowed_ccpa_120_minor_the_parent_s_consent_for_a_child_of_14_counts_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-GPC the signal beats the opt-in given before it
test_denied_ccpa_gpc_the_signal_beats_the_opt_in_given_before_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC a consent after the signal with a conflict notice wins, in one step
test_allowed_ccpa_gpc_a_consent_after_the_signal_with_a_conflict_notice_wins_in_one_step if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1745755200000000000, "value": true}}}}
	d.decision == "ALLOW"
}

# CCPA-GPC an opt-in after the signal without a conflict notice does not win
test_denied_ccpa_gpc_an_opt_in_after_the_signal_without_a_conflict_notice_does_not_win if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1745755200000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC the signal on the request denies and is to be recorded
test_denied_ccpa_gpc_the_signal_on_the_request_denies_and_is_to_be_recorded if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	"RECORD_SIGNAL" in _obligations(d)
}

# CCPA-GPC no conflict notice wins over the signal on the request
test_denied_ccpa_gpc_no_conflict_notice_wins_over_the_signal_on_the_request if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC a signal that was switched off is gone
test_allowed_ccpa_gpc_a_signal_that_was_switched_off_is_gone if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1778587200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": false}}}}
	d.decision == "ALLOW"
}

# CCPA-GPC another signal does not switch it off
test_denied_ccpa_gpc_another_signal_does_not_switch_it_off if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1778587200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1780228800000000000, "value": false}, "gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC the signal is about sale and sharing only
test_allowed_ccpa_gpc_the_signal_is_about_sale_and_sharing_only if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# CCPA-GPC the signal changes nothing in Germany, the consent stands as stored
test_allowed_ccpa_gpc_the_signal_changes_nothing_in_germany_the_consent_stands_as_stored if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-121 limited sensitive data do not personalize, the rest is permitted
test_denied_ccpa_121_limited_sensitive_data_do_not_personalize_the_rest_is_permitted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.behavior"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# CCPA-121 ordinary consent personalizes with health data until limited
test_allowed_ccpa_121_ordinary_consent_personalizes_with_health_data_until_limited if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.behavior"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-121 the precise location is limited, and naming all location data names it
test_denied_ccpa_121_the_precise_location_is_limited_and_naming_all_location_data_names_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location", "user.location.city"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.location.city"]
}

# CCPA-121 the contract may use limited data
test_allowed_ccpa_121_the_contract_may_use_limited_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location.precise"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# CCPA-7028 the first of the two steps does not opt in
test_denied_ccpa_7028_the_first_of_the_two_steps_does_not_opt_in if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 a consent in one step does not opt in
test_denied_ccpa_7028_a_consent_in_one_step_does_not_opt_in if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 a request from before the opt-out is no first step
test_denied_ccpa_7028_a_request_from_before_the_opt_out_is_no_first_step if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1737115200000000000, "requested_before_given_at": 1737115200000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 both steps opt in
test_allowed_ccpa_7028_both_steps_opt_in if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-7028 both steps for the sharing leave the sale opted out
test_denied_ccpa_7028_both_steps_for_the_sharing_leave_the_sale_opted_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 an opt-out lifted with evidence of the confirmation is gone
test_allowed_ccpa_7028_an_opt_out_lifted_with_evidence_of_the_confirmation_is_gone if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1737115200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": true, "time": 1780142400000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-7028 after a refusal one later consent is enough
test_allowed_ccpa_7028_after_a_refusal_one_later_consent_is_enough if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-7028 a request made after the grant is no first step
test_denied_ccpa_7028_a_request_made_after_the_grant_is_no_first_step if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# US-STATES health data need a consent in Colorado
test_denied_us_states_health_data_need_a_consent_in_colorado if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.behavior"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# US-STATES a given consent covers health data in Virginia
test_allowed_us_states_a_given_consent_covers_health_data_in_virginia if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-VA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# US-STATES New York has no such rule
test_allowed_us_states_new_york_has_no_such_rule if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# US-STATES Connecticut honours the stored signal
test_denied_us_states_connecticut_honours_the_stored_signal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CT", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# US-STATES Texas honours the signal on the request
test_denied_us_states_texas_honours_the_signal_on_the_request if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-TX", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	"RECORD_SIGNAL" in _obligations(d)
}

# US-STATES Virginia honours no signal
test_allowed_us_states_virginia_honours_no_signal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-VA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# US-STATES without a known state no signal is honoured, and sharing needs its consent
test_denied_us_states_without_a_known_state_no_signal_is_honoured_and_sharing_needs_its_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "GPC_OPT_OUT" in _reasons(d)
}

# APPI-18 a declared purpose passes on its basis
test_allowed_appi_18_a_declared_purpose_passes_on_its_basis if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# APPI-20-2 medical data need consent in Japan
test_denied_appi_20_2_medical_data_need_consent_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.contact.email"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact.email"]
}

# APPI-20-2 ordinary consent is enough
test_allowed_appi_20_2_ordinary_consent_is_enough if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.behavior"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-20-2 the contract is no exception, without a category the special ones are left out
test_allowed_appi_20_2_the_contract_is_no_exception_without_a_category_the_special_ones_are_left_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# APPI-20-2 an ordinary consent leaves nothing to be left out
test_allowed_appi_20_2_an_ordinary_consent_leaves_nothing_to_be_left_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"product_improvement": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# APPI-27 consent that names the recipient allows the provision, whatever GPC says
test_allowed_appi_27_consent_that_names_the_recipient_allows_the_provision_whatever_gpc_says if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-27 consent that names nobody does not allow the provision
test_denied_appi_27_consent_that_names_nobody_does_not_allow_the_provision if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# APPI-27 Tokyo is a place in Japan
test_denied_appi_27_tokyo_is_a_place_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP-13", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# APPI-27 anonymized data need no consent that names the recipient
test_allowed_appi_27_anonymized_data_need_no_consent_that_names_the_recipient if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-28 provision abroad needs the country shown
test_denied_appi_28_provision_abroad_needs_the_country_shown if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-us", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-us": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 provision abroad passes with the country shown
test_allowed_appi_28_provision_abroad_passes_with_the_country_shown if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-us", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-us": {"countries": ["US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-28 a new grant inherits no countries
test_denied_appi_28_a_new_grant_inherits_no_countries if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-us", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-us": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 an equivalent country need not be shown
test_allowed_appi_28_an_equivalent_country_need_not_be_shown if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-de", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-de": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-28 entrustment abroad is not exempt
test_denied_appi_28_entrustment_abroad_is_not_exempt if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 entrustment abroad passes under equivalent measures
test_allowed_appi_28_entrustment_abroad_passes_under_equivalent_measures if {
	d := controller.decision with input as {"context": {"equivalent_measures": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# APPI-28 a legal obligation may go abroad without consent
test_allowed_appi_28_a_legal_obligation_may_go_abroad_without_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "US", "id": "regulator-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGAL_OBLIGATION"
}

# APPI-31 identifiers that the recipient can link need its confirmation of consent
test_allowed_appi_31_identifiers_that_the_recipient_can_link_need_its_confirmation_of_consent if {
	d := controller.decision with input as {"context": {"links_identifiers": true}, "controller": "example", "data_categories": ["user.device.cookie_id"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"CONFIRM_RECIPIENT_CONSENT" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# APPI-35 a request to stop use denies what was consented to
test_denied_appi_35_a_request_to_stop_use_denies_what_was_consented_to if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# JPMAIL-3 marketing mail needs an opt-in in Japan, a sale is not enough
test_denied_jpmail_3_marketing_mail_needs_an_opt_in_in_japan_a_sale_is_not_enough if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# LEVEL-0 a purpose that is not declared ends the matter
test_denied_level_0_a_purpose_that_is_not_declared_ends_the_matter if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "saved_gallery", "subject": {"account_status": "CLOSED", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
	not "ERASURE_REQUESTED" in _reasons(d)
	not "ACCOUNT_CLOSED" in _reasons(d)
}

# LEVEL-1 an unknown subject is unknown, and that alone is said
test_denied_level_1_an_unknown_subject_is_unknown_and_that_alone_is_said if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# LEVEL-1 legal claims on legitimate interests need a known subject
test_denied_level_1_legal_claims_on_legitimate_interests_need_a_known_subject if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-3 restriction, objection and withdrawal are all named
test_denied_level_3_restriction_objection_and_withdrawal_are_all_named if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780056000000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780142400000000000}}}, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	"OBJECTED" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
	d.permitted_data_categories == []
}
