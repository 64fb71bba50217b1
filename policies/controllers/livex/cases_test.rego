# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.livex_cases_test

import data.consentd.controllers.livex as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# livex service delivery rests on the contract in the EEA
test_allowed_livex_service_delivery_rests_on_the_contract_in_the_eea if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# livex promotions rest on the contract in Great Britain too
test_allowed_livex_promotions_rest_on_the_contract_in_great_britain_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "promotion_administration", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# livex service delivery rests on notice elsewhere
test_allowed_livex_service_delivery_rests_on_notice_elsewhere if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex fraud prevention rests on notice where the place is unknown, no pack applies
test_allowed_livex_fraud_prevention_rests_on_notice_where_the_place_is_unknown_no_pack_applies if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex EEA table 1 an objection leaves what the table declares as contract, outside the EEA too
test_allowed_livex_eea_table_1_an_objection_leaves_what_the_table_declares_as_contract_outside_the_eea_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "promotion_administration", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"promotion_administration": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex training rests on legitimate interests in the EEA
test_allowed_livex_training_rests_on_legitimate_interests_in_the_eea if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex content personalization leaves sensitive data out in New York too
test_denied_livex_content_personalization_leaves_sensitive_data_out_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": ["user.behavior.browsing", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior.browsing"]
}

# livex content personalization that names no data is told to leave the sensitive ones out
test_allowed_livex_content_personalization_that_names_no_data_is_told_to_leave_the_sensitive_ones_out if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex US disclosures sensitive data are not used to infer characteristics
test_denied_livex_us_disclosures_sensitive_data_are_not_used_to_infer_characteristics if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
}

# livex marketing mail in the EEA carries an unsubscribe link
test_allowed_livex_marketing_mail_in_the_eea_carries_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex JPMAIL-3 marketing mail in Japan goes out until opted out, the controller's policy is accepted
test_allowed_livex_jpmail_3_marketing_mail_in_japan_goes_out_until_opted_out_the_controller_s_policy_is_accepted if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex your choices unsubscribing from mail leaves text messages
test_allowed_livex_your_choices_unsubscribing_from_mail_leaves_text_messages if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex your choices STOP stops text messages
test_denied_livex_your_choices_stop_stops_text_messages if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"marketing_sms": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# livex your choices service mail goes on after the marketing opt-out
test_allowed_livex_your_choices_service_mail_goes_on_after_the_marketing_opt_out if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex interest-based advertising needs consent in the EEA
test_denied_livex_interest_based_advertising_needs_consent_in_the_eea if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# livex advertising choices end interest-based advertising elsewhere
test_denied_livex_advertising_choices_end_interest_based_advertising_elsewhere if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"interest_based_advertising": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# livex a recorded sharing opt-out counts in New York too
test_denied_livex_a_recorded_sharing_opt_out_counts_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# livex a Californian's global privacy control ends interest-based advertising
test_denied_livex_a_californian_s_global_privacy_control_ends_interest_based_advertising if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# livex a Californian's signal sent as text is no signal
test_allowed_livex_a_californian_s_signal_sent_as_text_is_no_signal if {
	d := controller.decision with input as {"context": {"gpc": "true"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex do not track changes nothing, not in California either
test_allowed_livex_do_not_track_changes_nothing_not_in_california_either if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share the corporate family, outside the EEA with transfer safeguards
test_allowed_livex_how_we_share_the_corporate_family_outside_the_eea_with_transfer_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "IN", "id": "livex-in", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex how we share the corporate family is no sharing in the sense of the CCPA
test_allowed_livex_how_we_share_the_corporate_family_is_no_sharing_in_the_sense_of_the_ccpa if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "livex-in", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share referral partners
test_allowed_livex_how_we_share_referral_partners if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share no referral partner after a Californian's opt-out
test_denied_livex_how_we_share_no_referral_partner_after_a_californian_s_opt_out if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# livex how we share advertising partners where interest-based advertising is allowed
test_allowed_livex_how_we_share_advertising_partners_where_interest_based_advertising_is_allowed if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share advertising partners in the EEA after consent to interest-based advertising
test_allowed_livex_how_we_share_advertising_partners_in_the_eea_after_consent_to_interest_based_advertising if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex how we share no advertising partner where interest-based advertising lacks consent
test_denied_livex_how_we_share_no_advertising_partner_where_interest_based_advertising_lacks_consent if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share no advertising partner where interest-based advertising is objected to
test_denied_livex_how_we_share_no_advertising_partner_where_interest_based_advertising_is_objected_to if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"interest_based_advertising": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "OBJECTED" in _reasons(d)
}

# livex how we share no advertising partner after a Californian's global privacy control
test_denied_livex_how_we_share_no_advertising_partner_after_a_californian_s_global_privacy_control if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780228800000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share third parties that the subject designated
test_allowed_livex_how_we_share_third_parties_that_the_subject_designated if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "smart-home-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"smart-home-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share no third party that the subject did not designate
test_denied_livex_how_we_share_no_third_party_that_the_subject_did_not_designate if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "smart-home-2", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"smart-home-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex APPI-27 in Japan the corporate family needs a consent that names it
test_denied_livex_appi_27_in_japan_the_corporate_family_needs_a_consent_that_names_it if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "livex-us", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
}

# livex APPI-27 in Japan the corporate family gets data on a consent that names it and its country
test_allowed_livex_appi_27_in_japan_the_corporate_family_gets_data_on_a_consent_that_names_it_and_its_country if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "livex-us", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"livex-us": {"countries": ["US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex as a processor does what its customer instructed
test_allowed_livex_as_a_processor_does_what_its_customer_instructed if {
	d := controller.decision with input as {"context": {"customer_instructions": ["service_delivery", "service_messages"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# livex as a processor does nothing without instructions
test_denied_livex_as_a_processor_does_nothing_without_instructions if {
	d := controller.decision with input as {"context": {"role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex as a processor takes no instructions that are not a list
test_denied_livex_as_a_processor_takes_no_instructions_that_are_not_a_list if {
	d := controller.decision with input as {"context": {"customer_instructions": "service_delivery", "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex as a processor takes no instructions from a list that is not of strings only
test_denied_livex_as_a_processor_takes_no_instructions_from_a_list_that_is_not_of_strings_only if {
	d := controller.decision with input as {"context": {"customer_instructions": ["service_delivery", 7], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex legal claims go on through a restriction
test_allowed_livex_legal_claims_go_on_through_a_restriction if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {"DATA_NEEDED_FOR_CLAIMS": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# livex further uses need consent, in New York too
test_denied_livex_further_uses_need_consent_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "further_use", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# livex children under 18 are denied
test_denied_livex_children_under_18_are_denied if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "age_max": 17, "age_min": 17, "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# livex a purpose that the policy does not name is not declared, instructed or not
test_denied_livex_a_purpose_that_the_policy_does_not_name_is_not_declared_instructed_or_not if {
	d := controller.decision with input as {"context": {"customer_instructions": ["service_delivery"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "saved_gallery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
	not "PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex restricted processing stops in New York too
test_denied_livex_restricted_processing_stops_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# livex analytics rest on legitimate interests in Iceland and on notice in Switzerland
test_allowed_livex_analytics_rest_on_legitimate_interests_in_iceland_and_on_notice_in_switzerland if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "CH", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex analytics rest on legitimate interests in Liechtenstein
test_allowed_livex_analytics_rest_on_legitimate_interests_in_liechtenstein if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "LI", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex legal obligations stay what they are elsewhere
test_allowed_livex_legal_obligations_stay_what_they_are_elsewhere if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "US", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# livex an unknown subject is told the basis elsewhere, where the place is unknown
test_denied_livex_an_unknown_subject_is_told_the_basis_elsewhere_where_the_place_is_unknown if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SUBJECT_UNKNOWN" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex a withdrawal leaves what the table declares as contract, outside the EEA too
test_allowed_livex_a_withdrawal_leaves_what_the_table_declares_as_contract_outside_the_eea_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {"service_messages": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex a withdrawal stops what rests on notice elsewhere
test_denied_livex_a_withdrawal_stops_what_rests_on_notice_elsewhere if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex CCPA-121 the contract may use limited data, resting on notice or not
test_allowed_livex_ccpa_121_the_contract_may_use_limited_data_resting_on_notice_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": ["user.location.precise", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex further uses on consent, in the EEA and elsewhere
test_allowed_livex_further_uses_on_consent_in_the_eea_and_elsewhere if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "further_use", "subject": {"account_status": "ACTIVE", "consents": {"further_use": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# livex content personalization takes no sensitive data on explicit consent either
test_denied_livex_content_personalization_takes_no_sensitive_data_on_explicit_consent_either if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": ["user.demographic", "user.behavior"], "now": 1780315200000000000, "purpose": "content_personalization", "subject": {"account_status": "ACTIVE", "consents": {"content_personalization": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# livex analytics leave nothing out in New York
test_allowed_livex_analytics_leave_nothing_out_in_new_york if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
}

# livex US-STATES analytics leave special categories out in Virginia
test_denied_livex_us_states_analytics_leave_special_categories_out_in_virginia if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": ["user.biometric", "user.behavior"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-VA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior"]
}

# livex JPMAIL-3 text messages in Japan go out until refused
test_denied_livex_jpmail_3_text_messages_in_japan_go_out_until_refused if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_sms", "subject": {"account_status": "ACTIVE", "consents": {"marketing_sms": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex STOP leaves marketing mail, with its unsubscribe link
test_allowed_livex_stop_leaves_marketing_mail_with_its_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_sms": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex interest-based advertising in Great Britain needs a confirmed consent
test_denied_livex_interest_based_advertising_in_great_britain_needs_a_confirmed_consent if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	d.legal_basis == "CONSENT"
}

# livex a refusal ends interest-based advertising elsewhere, asked again or not
test_denied_livex_a_refusal_ends_interest_based_advertising_elsewhere_asked_again_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	not "CONSENT_PENDING" in _reasons(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex a recorded opt-out ends interest-based advertising in Germany, consent or not
test_denied_livex_a_recorded_opt_out_ends_interest_based_advertising_in_germany_consent_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# livex two steps bring interest-based advertising back
test_allowed_livex_two_steps_bring_interest_based_advertising_back if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780142400000000000, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1780056000000000000, "requested_before_given_at": 1780056000000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex the signal on a Californian's request is to be recorded
test_denied_livex_the_signal_on_a_californian_s_request_is_to_be_recorded if {
	d := controller.decision with input as {"context": {"dnt": true, "gpc": true}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	not "OPTED_OUT" in _reasons(d)
	"RECORD_SIGNAL" in _obligations(d)
}

# livex a Texan's signal ends interest-based advertising too
test_denied_livex_a_texan_s_signal_ends_interest_based_advertising_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-TX", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# livex a processor may do the advertising, signal or not
test_allowed_livex_a_processor_may_do_the_advertising_signal_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "recipient": {"country": "US", "id": "adserver-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex an advertising partner has no part in the advertising itself
test_denied_livex_an_advertising_partner_has_no_part_in_the_advertising_itself if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share sharing needs a recipient
test_denied_livex_how_we_share_sharing_needs_a_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share a consent that names nobody designates nobody
test_denied_livex_how_we_share_a_consent_that_names_nobody_designates_nobody if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "smart-home-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share a designation that expired designates nobody
test_denied_livex_how_we_share_a_designation_that_expired_designates_nobody if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "smart-home-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"smart-home-1": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share a designation that was withdrawn is named with the recipient
test_denied_livex_how_we_share_a_designation_that_was_withdrawn_is_named_with_the_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "smart-home-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"smart-home-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share a withdrawal for one recipient leaves the referral partners
test_allowed_livex_how_we_share_a_withdrawal_for_one_recipient_leaves_the_referral_partners if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"smart-home-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex how we share affiliates and authorities that the subject designated
test_allowed_livex_how_we_share_affiliates_and_authorities_that_the_subject_designated if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "city-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"city-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}, "friend-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex how we share designating an advertising partner does not stand for the advertising
test_denied_livex_how_we_share_designating_an_advertising_partner_does_not_stand_for_the_advertising if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"ads-1": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share no advertising partner for whom the consent to advertising was withdrawn
test_denied_livex_how_we_share_no_advertising_partner_for_whom_the_consent_to_advertising_was_withdrawn if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "recipients": {"ads-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share the other advertising partners keep it
test_allowed_livex_how_we_share_the_other_advertising_partners_keep_it if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-2", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"interest_based_advertising": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "recipients": {"ads-1": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# livex how we share no advertising partner where the advertising is restricted
test_denied_livex_how_we_share_no_advertising_partner_where_the_advertising_is_restricted if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"purposes": {"interest_based_advertising": {"raised": true, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "RESTRICTED" in _reasons(d)
}

# livex how we share no advertising partner where the sharing itself was opted out of
test_denied_livex_how_we_share_no_advertising_partner_where_the_sharing_itself_was_opted_out_of if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780228800000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex how we share as a processor it needs the instruction to advertise too
test_denied_livex_how_we_share_as_a_processor_it_needs_the_instruction_to_advertise_too if {
	d := controller.decision with input as {"context": {"customer_instructions": ["affiliate_sharing"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex how we share instructed for both it may
test_allowed_livex_how_we_share_instructed_for_both_it_may if {
	d := controller.decision with input as {"context": {"customer_instructions": ["affiliate_sharing", "interest_based_advertising"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex how we share a conflict notice for the sharing is none for the advertising
test_denied_livex_how_we_share_a_conflict_notice_for_the_sharing_is_none_for_the_advertising if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	not "GPC_OPT_OUT" in _reasons(d)
}

# livex how we share no partner gets marketing mail's data
test_denied_livex_how_we_share_no_partner_gets_marketing_mail_s_data if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "recipient": {"country": "US", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex APPI-27 in Japan an advertising partner needs to be named, at home and abroad
test_allowed_livex_appi_27_in_japan_an_advertising_partner_needs_to_be_named_at_home_and_abroad if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"ads-1": {"countries": ["US"], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "NOTIFIED_PURPOSE"
}

# livex APPI-27 in Japan an unnamed referral partner gets nothing
test_denied_livex_appi_27_in_japan_an_unnamed_referral_partner_gets_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# livex GDPR-44 a processor in the US needs safeguards in the EEA, in New York none
test_allowed_livex_gdpr_44_a_processor_in_the_us_needs_safeguards_in_the_eea_in_new_york_none if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IN", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# livex as a processor an empty list instructs nothing
test_denied_livex_as_a_processor_an_empty_list_instructs_nothing if {
	d := controller.decision with input as {"context": {"customer_instructions": [], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
	d.legal_basis == "CONTRACT"
}

# livex as a processor legal compliance needs the instruction too
test_denied_livex_as_a_processor_legal_compliance_needs_the_instruction_too if {
	d := controller.decision with input as {"context": {"customer_instructions": ["service_delivery"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex another role is as if absent
test_allowed_livex_another_role_is_as_if_absent if {
	d := controller.decision with input as {"context": {"customer_instructions": [], "role": "controller"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# livex as a processor the instruction replaces no consent
test_denied_livex_as_a_processor_the_instruction_replaces_no_consent if {
	d := controller.decision with input as {"context": {"customer_instructions": ["further_use"], "role": "processor"}, "controller": "livex", "data_categories": ["user.contact"], "now": 1780315200000000000, "purpose": "further_use", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
	not "PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
	d.permitted_data_categories == []
}

# livex as a processor what is prohibited stays prohibited
test_denied_livex_as_a_processor_what_is_prohibited_stays_prohibited if {
	d := controller.decision with input as {"context": {"customer_instructions": ["special_category_personalization"], "role": "processor"}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
	not "PROCESSOR_NOT_INSTRUCTED" in _reasons(d)
}

# livex a Californian of fifteen is too young for livex and for the sharing
test_denied_livex_a_californian_of_fifteen_is_too_young_for_livex_and_for_the_sharing if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "parts-shop", "kind": "REFERRAL_PARTNER"}, "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"affiliate_sharing": {"recipients": {"parts-shop": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# livex a restriction stops what the contract declares, in New York too
test_denied_livex_a_restriction_stops_what_the_contract_declares_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {"OBJECTION_PENDING": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
}

# livex an erasure stops fraud prevention, and leaves legal claims
test_denied_livex_an_erasure_stops_fraud_prevention_and_leaves_legal_claims if {
	d := controller.decision with input as {"context": {}, "controller": "livex", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
}
