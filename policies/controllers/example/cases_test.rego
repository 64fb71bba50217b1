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

# GDPR-8 fourteen may not consent in France
test_denied_gdpr_8_fourteen_may_not_consent_in_france if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "FR", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 fifteen may consent in Czechia
test_allowed_gdpr_8_fifteen_may_consent_in_czechia if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "CZ", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 twelve may not consent in Belgium
test_denied_gdpr_8_twelve_may_not_consent_in_belgium if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "BE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 thirteen may consent in Norway
test_allowed_gdpr_8_thirteen_may_consent_in_norway if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "NO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 fifteen may not consent in Liechtenstein, which has no age of its own
test_denied_gdpr_8_fifteen_may_not_consent_in_liechtenstein_which_has_no_age_of_its_own if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "LI", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 fifteen may consent in Denmark
test_allowed_gdpr_8_fifteen_may_consent_in_denmark if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DK-84", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 Scotland is a place in Great Britain
test_denied_gdpr_8_scotland_is_a_place_in_great_britain if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "GB-SCT", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 where the place is unknown fifteen may not consent
test_denied_gdpr_8_where_the_place_is_unknown_fifteen_may_not_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 where the place is unknown sixteen may consent
test_allowed_gdpr_8_where_the_place_is_unknown_sixteen_may_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 16, "age_min": 16, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 who may be sixteen is not known to be under sixteen
test_allowed_gdpr_8_who_may_be_sixteen_is_not_known_to_be_under_sixteen if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 16, "age_min": 12, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 an agent consents as the child would
test_denied_gdpr_8_an_agent_consents_as_the_child_would if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "AGENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# GDPR-8 a child without any consent is too young, and the consent is missing
test_denied_gdpr_8_a_child_without_any_consent_is_too_young_and_the_consent_is_missing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "age_max": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# GDPR-8 the parent's consent to an old notice is outdated
test_denied_gdpr_8_the_parent_s_consent_to_an_old_notice_is_outdated if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1772539200000000000, "given_by": "PARENT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_OUTDATED" in _reasons(d)
}

# GDPR-8 a child of twelve may consent for itself where no pack applies
test_allowed_gdpr_8_a_child_of_twelve_may_consent_for_itself_where_no_pack_applies if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "CH", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# GDPR-8 mail on the soft opt-in asks for no parent
test_allowed_gdpr_8_mail_on_the_soft_opt_in_asks_for_no_parent if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-8 fraud by a child is prevented
test_allowed_gdpr_8_fraud_by_a_child_is_prevented if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "age_max": 9, "age_min": 9, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-9 naming all data of the user names the special categories
test_denied_gdpr_9_naming_all_data_of_the_user_names_the_special_categories if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user", "user.contact"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact"]
}

# GDPR-9 an ordinary consent to a purpose on legitimate interests is not explicit
test_denied_gdpr_9_an_ordinary_consent_to_a_purpose_on_legitimate_interests_is_not_explicit if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.biometric.voice", "user.behavior"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	not "SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# GDPR-9 an explicit consent that expired covers nothing
test_denied_gdpr_9_an_explicit_consent_that_expired_covers_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.trade_union"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	not "CONSENT_EXPIRED" in _reasons(d)
}

# GDPR-9 an explicit consent that was withdrawn leaves the contract its ordinary data
test_denied_gdpr_9_an_explicit_consent_that_was_withdrawn_leaves_the_contract_its_ordinary_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.contact", "user.genetic.dna"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	not "CONSENT_WITHDRAWN" in _reasons(d)
	d.permitted_data_categories == ["user.contact"]
}

# GDPR-9 an ordinary consent holds, though to an old notice, and is not explicit
test_denied_gdpr_9_an_ordinary_consent_holds_though_to_an_old_notice_and_is_not_explicit if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# GDPR-9 an explicit consent to an old notice covers no special category
test_denied_gdpr_9_an_explicit_consent_to_an_old_notice_covers_no_special_category if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# GDPR-9 a purpose on explicit consent says what the ordinary one lacks, and permits no data
test_denied_gdpr_9_a_purpose_on_explicit_consent_says_what_the_ordinary_one_lacks_and_permits_no_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.sensitive", "user.behavior"], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.permitted_data_categories == []
}

# GDPR-9 fraud prevention is not excepted
test_denied_gdpr_9_fraud_prevention_is_not_excepted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.biometric", "user.device"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device"]
}

# GDPR-9 legal claims are excepted, and nothing is left out of them
test_allowed_gdpr_9_legal_claims_are_excepted_and_nothing_is_left_out_of_them if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-9 a request that names no data leaves the special categories out
test_allowed_gdpr_9_a_request_that_names_no_data_leaves_the_special_categories_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# GDPR-9 an explicit consent leaves nothing out
test_allowed_gdpr_9_an_explicit_consent_leaves_nothing_out if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# GDPR-9 a denied request that names no data is told of no categories
test_denied_gdpr_9_a_denied_request_that_names_no_data_is_told_of_no_categories if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# GDPR-9 where the place is unknown the home pack protects special categories
test_denied_gdpr_9_where_the_place_is_unknown_the_home_pack_protects_special_categories if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# GDPR-9 Switzerland is neither in the EEA nor under another pack
test_allowed_gdpr_9_switzerland_is_neither_in_the_eea_nor_under_another_pack if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "CH", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# EPRIV-13 the soft opt-in holds where the place is unknown, by the home pack
test_allowed_epriv_13_the_soft_opt_in_holds_where_the_place_is_unknown_by_the_home_pack if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# EPRIV-13 New York knows no soft opt-in
test_denied_epriv_13_new_york_knows_no_soft_opt_in if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# EPRIV-13 a double opt-in that is not confirmed rules the soft opt-in out
test_denied_epriv_13_a_double_opt_in_that_is_not_confirmed_rules_the_soft_opt_in_out if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
}

# EPRIV-13 an imported consent without evidence rules the soft opt-in out
test_denied_epriv_13_an_imported_consent_without_evidence_rules_the_soft_opt_in_out if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {"marketing_email": {}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 an objection to everything, lifted since, rules the soft opt-in out
test_denied_epriv_13_an_objection_to_everything_lifted_since_rules_the_soft_opt_in_out if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": false, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "OBJECTED" in _reasons(d)
}

# EPRIV-13 a consent and an objection to text messages leave the soft opt-in for mail
test_allowed_epriv_13_a_consent_and_an_objection_to_text_messages_leave_the_soft_opt_in_for_mail if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {"marketing_sms": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_sms": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# EPRIV-13 a flag sent as text makes no similar product
test_denied_epriv_13_a_flag_sent_as_text_makes_no_similar_product if {
	d := controller.decision with input as {"context": {"own_similar_product": "true"}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 a relationship stated anew without the offer replaces the one with it
test_denied_epriv_13_a_relationship_stated_anew_without_the_offer_replaces_the_one_with_it if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1780142400000000000, "opt_out_offered": false, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EPRIV-13 the soft opt-in covers no health data
test_denied_epriv_13_the_soft_opt_in_covers_no_health_data if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "example", "data_categories": ["user.contact.email", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "example"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
	d.permitted_data_categories == ["user.contact.email"]
}

# GDPR-44 a certified recipient in the US needs no safeguards
test_allowed_gdpr_44_a_certified_recipient_in_the_us_needs_no_safeguards if {
	d := controller.decision with input as {"context": {"recipient_certified": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 certification is for the US only
test_allowed_gdpr_44_certification_is_for_the_us_only if {
	d := controller.decision with input as {"context": {"recipient_certified": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "BR", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 Great Britain, Japan and the EEA need no safeguards
test_allowed_gdpr_44_great_britain_japan_and_the_eea_need_no_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "JP", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 a recipient in Iceland is within the EEA
test_allowed_gdpr_44_a_recipient_in_iceland_is_within_the_eea if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IS", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 a recipient without a country is taken as domestic
test_allowed_gdpr_44_a_recipient_without_a_country_is_taken_as_domestic if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 the subjects of other places need no safeguards here
test_allowed_gdpr_44_the_subjects_of_other_places_need_no_safeguards_here if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IN", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# GDPR-44 where the place is unknown the home pack asks for safeguards
test_allowed_gdpr_44_where_the_place_is_unknown_the_home_pack_asks_for_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IN", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
}

# CCPA-120 the group is no sale, it needs its consent in California
test_denied_ccpa_120_the_group_is_no_sale_it_needs_its_consent_in_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "group-1", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "GPC_OPT_OUT" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# CCPA-120 a processor is no sale either
test_allowed_ccpa_120_a_processor_is_no_sale_either if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1779883200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "RECORD_SIGNAL" in _obligations(d)
	not "REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# CCPA-120 the notice is the basis also where a consent is there
test_allowed_ccpa_120_the_notice_is_the_basis_also_where_a_consent_is_there if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"sale_of_data": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120 a withdrawal denies by its own code, asked again or not
test_denied_ccpa_120_a_withdrawal_denies_by_its_own_code_asked_again_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_at": 1778587200000000000, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
	not "OPTED_OUT" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120 a withdrawal for one recipient leaves the others
test_allowed_ccpa_120_a_withdrawal_for_one_recipient_leaves_the_others if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120 a consent that expired or was never confirmed changes nothing in California
test_allowed_ccpa_120_a_consent_that_expired_or_was_never_confirmed_changes_nothing_in_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1778587200000000000, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120 an objection stops the sharing until a later consent
test_denied_ccpa_120_an_objection_stops_the_sharing_until_a_later_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	not "OPTED_OUT" in _reasons(d)
}

# CCPA-120 other purposes on consent need it in California
test_denied_ccpa_120_other_purposes_on_consent_need_it_in_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# CCPA-120 an opt-out stops the provision in Japan, whatever was consented to before
test_denied_ccpa_120_an_opt_out_stops_the_provision_in_japan_whatever_was_consented_to_before if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# CCPA-120 an opt-out leaves what is no sale or sharing
test_allowed_ccpa_120_an_opt_out_leaves_what_is_no_sale_or_sharing if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "RECORD_SIGNAL" in _obligations(d)
	not "REASK_NOT_BEFORE" in _obligations(d)
}

# CCPA-120 plain US is not California
test_denied_ccpa_120_plain_us_is_not_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# CCPA-120-MINOR at 15 an agent opts in as the subject
test_allowed_ccpa_120_minor_at_15_an_agent_opts_in_as_the_subject if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "AGENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120-MINOR at 12 the parent's expired opt-in does not count
test_denied_ccpa_120_minor_at_12_the_parent_s_expired_opt_in_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {"sale_of_data": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# CCPA-120-MINOR a minor's withdrawal is named besides
test_denied_ccpa_120_minor_a_minor_s_withdrawal_is_named_besides if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# CCPA-120-MINOR an opt-in for another recipient does not count
test_denied_ccpa_120_minor_an_opt_in_for_another_recipient_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"affiliate_sharing": {"recipients": {"partner-2": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# CCPA-120-MINOR who may be sixteen, and who is of unknown age, counts as adult
test_allowed_ccpa_120_minor_who_may_be_sixteen_and_who_is_of_unknown_age_counts_as_adult if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 16, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-120-MINOR who is known to be under 16, and may be 12, opts in as the subject
test_allowed_ccpa_120_minor_who_is_known_to_be_under_16_and_may_be_12_opts_in_as_the_subject if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 12, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-120-MINOR Colorado has no such rule
test_allowed_ccpa_120_minor_colorado_has_no_such_rule if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-120-MINOR analytics are no sale
test_allowed_ccpa_120_minor_analytics_are_no_sale if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# CCPA-GPC a conflict notice before the signal does not win
test_denied_ccpa_gpc_a_conflict_notice_before_the_signal_does_not_win if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	not "OPTED_OUT" in _reasons(d)
	not "RECORD_SIGNAL" in _obligations(d)
}

# CCPA-GPC a conflict notice for one recipient wins for it alone
test_denied_ccpa_gpc_a_conflict_notice_for_one_recipient_wins_for_it_alone if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC the signal seen again is the same signal
test_allowed_ccpa_gpc_the_signal_seen_again_is_the_same_signal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-GPC the signal switched off and on again is a new one
test_denied_ccpa_gpc_the_signal_switched_off_and_on_again_is_a_new_one if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC a conflict notice withdrawn since has lost
test_denied_ccpa_gpc_a_conflict_notice_withdrawn_since_has_lost if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# CCPA-GPC a conflict notice does not lift the opt-out, which is another fact
test_denied_ccpa_gpc_a_conflict_notice_does_not_lift_the_opt_out_which_is_another_fact if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	not "GPC_OPT_OUT" in _reasons(d)
}

# CCPA-GPC the signal on a request is nothing in New York
test_allowed_ccpa_gpc_the_signal_on_a_request_is_nothing_in_new_york if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-121 a later explicit consent undoes it for its purpose
test_allowed_ccpa_121_a_later_explicit_consent_undoes_it_for_its_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.location.precise"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-121 a later ordinary consent undoes nothing
test_denied_ccpa_121_a_later_ordinary_consent_undoes_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# CCPA-121 a later explicit consent to one purpose leaves the others limited
test_denied_ccpa_121_a_later_explicit_consent_to_one_purpose_leaves_the_others_limited if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location.precise.gps"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# CCPA-121 lifting it without evidence undoes nothing
test_denied_ccpa_121_lifting_it_without_evidence_undoes_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location.precise"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# CCPA-121 lifting it with evidence undoes it
test_allowed_ccpa_121_lifting_it_with_evidence_undoes_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location.precise"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": true, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# CCPA-121 fraud prevention may use limited data
test_allowed_ccpa_121_fraud_prevention_may_use_limited_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.biometric", "user.location.precise"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# CCPA-121 a request that names no data leaves the limited ones out, and opts out of no sale
test_allowed_ccpa_121_a_request_that_names_no_data_leaves_the_limited_ones_out_and_opts_out_of_no_sale if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	not "REASK_NOT_BEFORE" in _obligations(d)
}

# CCPA-121 it limits nothing outside California
test_allowed_ccpa_121_it_limits_nothing_outside_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.location.precise"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# CCPA-7028 both steps for one recipient opt in for it
test_allowed_ccpa_7028_both_steps_for_one_recipient_opt_in_for_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-7028 both steps for one recipient opt in for no other
test_denied_ccpa_7028_both_steps_for_one_recipient_opt_in_for_no_other if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 a request for one recipient and a grant for all are not the same two steps
test_denied_ccpa_7028_a_request_for_one_recipient_and_a_grant_for_all_are_not_the_same_two_steps if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "status": "REQUESTED"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 a request for all and a grant for one recipient are not the same two steps
test_denied_ccpa_7028_a_request_for_all_and_a_grant_for_one_recipient_are_not_the_same_two_steps if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "requested_at": 1780056000000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 both steps lift it in Germany too
test_allowed_ccpa_7028_both_steps_lift_it_in_germany_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# CCPA-7028 one step lifts it in Germany no more than in California
test_denied_ccpa_7028_one_step_lifts_it_in_germany_no_more_than_in_california if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# CCPA-7028 an opt-out after both steps opts out again
test_denied_ccpa_7028_an_opt_out_after_both_steps_opts_out_again if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779624000000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779537600000000000, "requested_before_given_at": 1779537600000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 both steps and a withdrawal since are a withdrawal
test_denied_ccpa_7028_both_steps_and_a_withdrawal_since_are_a_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779624000000000000, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1779537600000000000, "requested_before_given_at": 1779537600000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# CCPA-7028 a second grant keeps what the two steps lifted
test_allowed_ccpa_7028_a_second_grant_keeps_what_the_two_steps_lifted if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779537600000000000, "requested_before_given_at": 1779537600000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# CCPA-7028 an import without evidence is no second step
test_denied_ccpa_7028_an_import_without_evidence_is_no_second_step if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 a request and a grant at the same instant are one step
test_denied_ccpa_7028_a_request_and_a_grant_at_the_same_instant_are_one_step if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779624000000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779624000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1745755200000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 an opt-out lifted and made again at the same instant stands
test_denied_ccpa_7028_an_opt_out_lifted_and_made_again_at_the_same_instant_stands if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780142400000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# CCPA-7028 after an objection one later consent is enough
test_allowed_ccpa_7028_after_an_objection_one_later_consent_is_enough if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# CCPA-135 an opt-out that was lifted asks for no waiting
test_allowed_ccpa_135_an_opt_out_that_was_lifted_asks_for_no_waiting if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": true, "time": 1780142400000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "REASK_NOT_BEFORE" in _obligations(d)
}

# CCPA-135 the global privacy control alone asks for no waiting
test_denied_ccpa_135_the_global_privacy_control_alone_asks_for_no_waiting if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1776859200000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	not "REASK_NOT_BEFORE" in _obligations(d)
}

# US-STATES health data need an unexpired consent in Texas
test_denied_us_states_health_data_need_an_unexpired_consent_in_texas if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-TX", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# US-STATES the contract is no exception in Connecticut
test_allowed_us_states_the_contract_is_no_exception_in_connecticut if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CT", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# US-STATES legal claims and legal obligations are excepted in Colorado
test_allowed_us_states_legal_claims_and_legal_obligations_are_excepted_in_colorado if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# US-STATES fraud prevention is no exception in Virginia
test_denied_us_states_fraud_prevention_is_no_exception_in_virginia if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.biometric"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-VA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# US-STATES a conflict notice wins over the stored signal in Colorado too
test_allowed_us_states_a_conflict_notice_wins_over_the_stored_signal_in_colorado_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# US-STATES sharing needs its consent in Colorado, whatever the signal
test_denied_us_states_sharing_needs_its_consent_in_colorado_whatever_the_signal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# US-STATES the signal is not about the group in Connecticut
test_allowed_us_states_the_signal_is_not_about_the_group_in_connecticut if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "group-1", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CT", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779883200000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# US-STATES California has no such rule on health data
test_allowed_us_states_california_has_no_such_rule_on_health_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.location.precise"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# APPI-20-2 a consent that was withdrawn leaves medical data out in Japan
test_denied_appi_20_2_a_consent_that_was_withdrawn_leaves_medical_data_out_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical", "user.contact"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact"]
}

# APPI-20-2 a consent to an old notice covers no medical data in Japan
test_denied_appi_20_2_a_consent_to_an_old_notice_covers_no_medical_data_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# APPI-27 a later consent to all does not stand for the one that names the recipient and was withdrawn
test_denied_appi_27_a_later_consent_to_all_does_not_stand_for_the_one_that_names_the_recipient_and_was_withdrawn if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779883200000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# APPI-27 a request that names the recipient is pending, not missing
test_denied_appi_27_a_request_that_names_the_recipient_is_pending_not_missing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "JP", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"sale_of_data": {"recipients": {"broker-1": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "REQUESTED"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# APPI-27 the group is a third party in Japan
test_denied_appi_27_the_group_is_a_third_party_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "group-1", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# APPI-27 entrustment at home needs no consent that names the processor
test_allowed_appi_27_entrustment_at_home_needs_no_consent_that_names_the_processor if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# APPI-27 equivalent measures do not stand for the consent that names the recipient
test_denied_appi_27_equivalent_measures_do_not_stand_for_the_consent_that_names_the_recipient if {
	d := controller.decision with input as {"context": {"equivalent_measures": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-us", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 anonymized data may go abroad, the purpose still needs its consent
test_denied_appi_28_anonymized_data_may_go_abroad_the_purpose_still_needs_its_consent if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-us", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 another country than the one shown does not count
test_denied_appi_28_another_country_than_the_one_shown_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": ["SG"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
	d.permitted_data_categories == []
}

# APPI-28 a consent to the contract's purpose that shows the country is enough
test_allowed_appi_28_a_consent_to_the_contract_s_purpose_that_shows_the_country_is_enough if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": ["SG", "US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# APPI-28 a consent that shows the country and expired does not count
test_denied_appi_28_a_consent_that_shows_the_country_and_expired_does_not_count if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-us", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": ["US"], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 Great Britain need not be shown, Switzerland must be
test_denied_appi_28_great_britain_need_not_be_shown_switzerland_must_be if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "CH", "id": "hosting-ch", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-28 legal claims may go abroad without consent
test_allowed_appi_28_legal_claims_may_go_abroad_without_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "recipient": {"country": "US", "id": "court-us", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# APPI-28 fraud prevention may not
test_denied_appi_28_fraud_prevention_may_not if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "US", "id": "police-us", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# APPI-31 contact data are no identifiers that link
test_allowed_appi_31_contact_data_are_no_identifiers_that_link if {
	d := controller.decision with input as {"context": {"links_identifiers": true}, "controller": "example", "data_categories": ["user.contact.email", "user.device_owner"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "partner-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "CONFIRM_RECIPIENT_CONSENT" in _obligations(d)
}

# APPI-31 is Japan's
test_allowed_appi_31_is_japan_s if {
	d := controller.decision with input as {"context": {"links_identifiers": true}, "controller": "example", "data_categories": ["user.device.cookie_id"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "CONFIRM_RECIPIENT_CONSENT" in _obligations(d)
}

# JPMAIL-3 text messages on a confirmed opt-in go out in Japan, with an unsubscribe link
test_allowed_jpmail_3_text_messages_on_a_confirmed_opt_in_go_out_in_japan_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {"marketing_sms": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 2, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# JPMAIL-3 a denied message carries no unsubscribe link
test_denied_jpmail_3_a_denied_message_carries_no_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "INCLUDE_UNSUBSCRIBE" in _obligations(d)
}

# APPI-35 an objection to everything stops what rests on legitimate interests in Japan
test_denied_appi_35_an_objection_to_everything_stops_what_rests_on_legitimate_interests_in_japan if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP-27", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# EVENTS a request that names a recipient does not lift the withdrawal of the whole purpose
test_denied_events_a_request_that_names_a_recipient_does_not_lift_the_withdrawal_of_the_whole_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "REQUESTED"}}, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# EVENTS a later consent to the whole purpose is newer than the withdrawal for one recipient
test_allowed_events_a_later_consent_to_the_whole_purpose_is_newer_than_the_withdrawal_for_one_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779883200000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a consent to the whole purpose and a withdrawal for one recipient at the same instant are a withdrawal for it
test_denied_events_a_consent_to_the_whole_purpose_and_a_withdrawal_for_one_recipient_at_the_same_instant_are_a_withdrawal_for_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a withdrawal of the whole purpose and a grant for one recipient at the same instant are a withdrawal
test_denied_events_a_withdrawal_of_the_whole_purpose_and_a_grant_for_one_recipient_at_the_same_instant_are_a_withdrawal if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS an expired consent for one recipient counts where it is newer than that to the whole purpose
test_denied_events_an_expired_consent_for_one_recipient_counts_where_it_is_newer_than_that_to_the_whole_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
}

# EVENTS a processor has a record of its own where one names it
test_denied_events_a_processor_has_a_record_of_its_own_where_one_names_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "recipient": {"country": "DE", "id": "lab-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"lab-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS without a recipient the withdrawal for one of them is not read
test_allowed_events_without_a_recipient_the_withdrawal_for_one_of_them_is_not_read if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"lab-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS a consent that names a recipient is none for the purpose as a whole
test_denied_events_a_consent_that_names_a_recipient_is_none_for_the_purpose_as_a_whole if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"recipients": {"lab-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# EVENTS an invalidation of the whole purpose ends the consent for each recipient
test_denied_events_an_invalidation_of_the_whole_purpose_ends_the_consent_for_each_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "INVALIDATED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "CONTROLLER", "notice_version": 0, "recipients": {"partner-1": {"countries": [], "denied": "INVALIDATED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "CONTROLLER", "notice_version": 0, "status": "INVALIDATED"}}, "status": "INVALIDATED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_INVALIDATED" in _reasons(d)
}

# EVENTS a grant for a recipient that is dated before the withdrawal of the whole purpose arrives too late
test_denied_events_a_grant_for_a_recipient_that_is_dated_before_the_withdrawal_of_the_whole_purpose_arrives_too_late if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a new grant inherits no parent
test_denied_events_a_new_grant_inherits_no_parent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# EVENTS a grant at the instant of a request is a grant
test_allowed_events_a_grant_at_the_instant_of_a_request_is_a_grant if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1780228800000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# EVENTS of two grants at the same instant the one that is not explicit wins
test_denied_events_of_two_grants_at_the_same_instant_the_one_that_is_not_explicit_wins if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# EVENTS an account closed and active at the same instant is closed
test_denied_events_an_account_closed_and_active_at_the_same_instant_is_closed if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
}

# EVENTS of two ages stated at the same instant the younger counts
test_denied_events_of_two_ages_stated_at_the_same_instant_the_younger_counts if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"age_max": 15, "age_min": 15, "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# EVENTS a signal seen on and off at the same instant is on
test_denied_events_a_signal_seen_on_and_off_at_the_same_instant_is_on if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# EVENTS a restriction made and lifted at the same instant stands
test_denied_events_a_restriction_made_and_lifted_at_the_same_instant_stands if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# EVENTS an objection to everything and a named lift at the same instant are an objection
test_denied_events_an_objection_to_everything_and_a_named_lift_at_the_same_instant_are_an_objection if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# EVENTS an erasure request that arrives after its newer cancellation does not stand
test_allowed_events_an_erasure_request_that_arrives_after_its_newer_cancellation_does_not_stand if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "CANCELLED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# EVENTS of two places the newer one counts, whatever the order of arrival
test_allowed_events_of_two_places_the_newer_one_counts_whatever_the_order_of_arrival if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# EVENTS a profile that says nothing of the place leaves it
test_denied_events_a_profile_that_says_nothing_of_the_place_leaves_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# EVENTS a withdrawal from a clock that is somewhat ahead counts at once
test_denied_events_a_withdrawal_from_a_clock_that_is_somewhat_ahead_counts_at_once if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780315230000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# EVENTS a purpose that no policy declares is recorded, and the subject is known by it
test_allowed_events_a_purpose_that_no_policy_declares_is_recorded_and_the_subject_is_known_by_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"consents": {"saved_gallery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# EVENTS the controller may refuse for the subject
test_denied_events_the_controller_may_refuse_for_the_subject if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "CONTROLLER", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
}

# GDPR-7-1 an import without evidence asks for nothing
test_denied_gdpr_7_1_an_import_without_evidence_asks_for_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
}

# GDPR-7-1 an imported withdrawal for one recipient needs no evidence
test_denied_gdpr_7_1_an_imported_withdrawal_for_one_recipient_needs_no_evidence if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "recipients": {"partner-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# GDPR-7-1 an imported objection and an imported restriction need no evidence
test_denied_gdpr_7_1_an_imported_objection_and_an_imported_restriction_need_no_evidence if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1780056000000000000}}}, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1780056000000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	"OBJECTED" in _reasons(d)
}

# GDPR-7-1 an import with evidence lifts an objection
test_allowed_gdpr_7_1_an_import_with_evidence_lifts_an_objection if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-7-1 an import without evidence cancels no erasure
test_denied_gdpr_7_1_an_import_without_evidence_cancels_no_erasure if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# GDPR-7-1 an imported erasure needs no evidence
test_denied_gdpr_7_1_an_imported_erasure_needs_no_evidence if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}

# GDPR-7-1 an import without evidence reopens no account, but says where the subject lives
test_denied_gdpr_7_1_an_import_without_evidence_reopens_no_account_but_says_where_the_subject_lives if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# GDPR-7-1 an import with evidence reopens the account
test_allowed_gdpr_7_1_an_import_with_evidence_reopens_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-7-1 an import without evidence closes the account
test_denied_gdpr_7_1_an_import_without_evidence_closes_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
}

# GDPR-7-1 an import without evidence switches no signal off
test_denied_gdpr_7_1_an_import_without_evidence_switches_no_signal_off if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# GDPR-7-1 an import without evidence switches a signal on
test_denied_gdpr_7_1_an_import_without_evidence_switches_a_signal_on if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# GDPR-7-1 an imported opt-out needs no evidence
test_denied_gdpr_7_1_an_imported_opt_out_needs_no_evidence if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# GDPR-7-1 an imported consent without evidence excepts nothing from a restriction
test_denied_gdpr_7_1_an_imported_consent_without_evidence_excepts_nothing_from_a_restriction if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"UNLAWFUL_PROCESSING": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-7-1 an import without evidence that lies between a grant and now leaves the grant
test_allowed_gdpr_7_1_an_import_without_evidence_that_lies_between_a_grant_and_now_leaves_the_grant if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# LEVEL-1 an import without evidence makes the subject known
test_denied_level_1_an_import_without_evidence_makes_the_subject_known if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"consents": {"ai_training": {}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "SUBJECT_UNKNOWN" in _reasons(d)
}

# LEVEL-1 what is recorded with another controller makes nobody known here
test_denied_level_1_what_is_recorded_with_another_controller_makes_nobody_known_here if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	d.legal_basis == "CONTRACT"
}

# GDPR-17 while an erasure stands an opt-out and a signal set to true are recorded
test_denied_gdpr_17_while_an_erasure_stands_an_opt_out_and_a_signal_set_to_true_are_recorded if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780308000000000000}}, "restrictions": {}, "signals": {"gpc": {"time": 1780308000000000000, "value": true}}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"OPTED_OUT" in _reasons(d)
	"GPC_OPT_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
}

# LEVEL-2 an account that is idle, and a retention period that is over, mean nothing here
test_allowed_level_2_an_account_that_is_idle_and_a_retention_period_that_is_over_mean_nothing_here if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1702555200000000000, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# LEVEL-2 a closed account leaves legal claims and their authority
test_allowed_level_2_a_closed_account_leaves_legal_claims_and_their_authority if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "recipient": {"country": "DE", "id": "court-1", "kind": "AUTHORITY"}, "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-2 a closed account stops storage
test_denied_level_2_a_closed_account_stops_storage if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "storage", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
}

# GDPR-18 a consent given after the restriction excepts the contract's purpose too
test_allowed_gdpr_18_a_consent_given_after_the_restriction_excepts_the_contract_s_purpose_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"service_delivery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# GDPR-18 a consent given after the restriction and expired since excepts nothing
test_denied_gdpr_18_a_consent_given_after_the_restriction_and_expired_since_excepts_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	not "CONSENT_EXPIRED" in _reasons(d)
}

# GDPR-18 a consent between two restrictions excepts nothing from the newer
test_denied_gdpr_18_a_consent_between_two_restrictions_excepts_nothing_from_the_newer if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "OBJECTION_PENDING": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a consent and a restriction at the same instant are a restriction
test_denied_gdpr_18_a_consent_and_a_restriction_at_the_same_instant_are_a_restriction if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 a restriction of one purpose leaves the others
test_allowed_gdpr_18_a_restriction_of_one_purpose_leaves_the_others if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-18 a newer restriction of everything beats the older named lift
test_denied_gdpr_18_a_newer_restriction_of_everything_beats_the_older_named_lift if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "BR", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {"product_analytics": {"raised": false, "time": 1779537600000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# GDPR-18 lifting a restriction of everything lifts the older named one on the same ground
test_allowed_gdpr_18_lifting_a_restriction_of_everything_lifts_the_older_named_one_on_the_same_ground if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": false, "time": 1780228800000000000}, "purposes": {"product_analytics": {"raised": true, "time": 1779537600000000000}}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# GDPR-18 a restriction leaves legal obligations and legal claims, not the objected fraud prevention
test_denied_gdpr_18_a_restriction_leaves_legal_obligations_and_legal_claims_not_the_objected_fraud_prevention if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1780142400000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {"DATA_NEEDED_FOR_CLAIMS": {"all": {"raised": true, "time": 1780142400000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	not "OBJECTED" in _reasons(d)
}

# LEVEL-6 an objection after the consent denies where no pack applies too
test_denied_level_6_an_objection_after_the_consent_denies_where_no_pack_applies_too if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "BR", "known": true, "objections": {"purposes": {"ai_training": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# LEVEL-6 a consent after the objection that expired since re-enables nothing
test_denied_level_6_a_consent_after_the_objection_that_expired_since_re_enables_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# LEVEL-6 a consent after the objection holds whatever version of the notice it was given to
test_allowed_level_6_a_consent_after_the_objection_holds_whatever_version_of_the_notice_it_was_given_to if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-6 asking for consent after the objection re-enables nothing
test_denied_level_6_asking_for_consent_after_the_objection_re_enables_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 3, "requested_at": 1779883200000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# LEVEL-6 a consent for one recipient re-enables no other
test_denied_level_6_a_consent_for_one_recipient_re_enables_no_other if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-2", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# LEVEL-6 a consent for one recipient after the objection re-enables the purpose for it
test_allowed_level_6_a_consent_for_one_recipient_after_the_objection_re_enables_the_purpose_for_it if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"partner-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# LEVEL-7 an invalidated consent stops what rests on legitimate interests
test_denied_level_7_an_invalidated_consent_stops_what_rests_on_legitimate_interests if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "denied": "INVALIDATED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "CONTROLLER", "notice_version": 0, "status": "INVALIDATED"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_INVALIDATED" in _reasons(d)
}

# LEVEL-7 a refusal stops neither fraud prevention nor what the law asks
test_allowed_level_7_a_refusal_stops_neither_fraud_prevention_nor_what_the_law_asks if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {"fraud_prevention": {"countries": [], "denied": "REFUSED", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-7 an expired or outdated consent is no denial where none is needed
test_allowed_level_7_an_expired_or_outdated_consent_is_no_denial_where_none_is_needed if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"product_improvement": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# LEVEL-7 expired, outdated and not explicit are all named
test_denied_level_7_expired_outdated_and_not_explicit_are_all_named if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1772539200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
	"CONSENT_OUTDATED" in _reasons(d)
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.legal_basis == "EXPLICIT_CONSENT"
}

# GDPR-7-PENDING a request after a withdrawal is pending
test_denied_gdpr_7_pending_a_request_after_a_withdrawal_is_pending if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
}

# GDPR-7-PENDING on legitimate interests the refusal keeps its own code
test_denied_gdpr_7_pending_on_legitimate_interests_the_refusal_keeps_its_own_code if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {"product_analytics": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
}

# GDPR-7-PENDING a request before the withdrawal is not pending
test_denied_gdpr_7_pending_a_request_before_the_withdrawal_is_not_pending if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1779537600000000000, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
}

# LEVEL-8 what is denied for its recipient permits no data
test_denied_level_8_what_is_denied_for_its_recipient_permits_no_data if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": ["user.contact.email", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "DE", "id": "partner-1", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# LEVEL-8 a corporate affiliate may have what the row shares with it, and nothing else
test_denied_level_8_a_corporate_affiliate_may_have_what_the_row_shares_with_it_and_nothing_else if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "DE", "id": "group-1", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# LEVEL-8 a processor may work for a sharing purpose, on its consent
test_allowed_level_8_a_processor_may_work_for_a_sharing_purpose_on_its_consent if {
	d := controller.decision with input as {"context": {}, "controller": "example", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "DE", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {"sale_of_data": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 3, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}
