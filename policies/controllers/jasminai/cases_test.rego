# Generated from the corpus by server/policy; do not edit.
package consentd.controllers.jasminai_cases_test

import data.consentd.controllers.jasminai as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# jasminai §3.1 service delivery rests on the contract
test_allowed_jasminai_3_1_service_delivery_rests_on_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.account.username"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §3.5 payments go to banks under the contract
test_allowed_jasminai_3_5_payments_go_to_banks_under_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "recipient": {"country": "DE", "id": "bank-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §2.5 special categories are processed on explicit consent
test_allowed_jasminai_2_5_special_categories_are_processed_on_explicit_consent if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "special_category_processing", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "EXPLICIT_CONSENT"
}

# jasminai §2.5 that consent covers special categories in service delivery
test_allowed_jasminai_2_5_that_consent_covers_special_categories_in_service_delivery if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §2.5 that consent covers special categories in customer support
test_allowed_jasminai_2_5_that_consent_covers_special_categories_in_customer_support if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §2.5 that consent covers no other purpose
test_denied_jasminai_2_5_that_consent_covers_no_other_purpose if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage", "user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior.site_usage"]
}

# jasminai §2.5 without it service delivery leaves special categories out
test_denied_jasminai_2_5_without_it_service_delivery_leaves_special_categories_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.contact.email"]
}

# jasminai §2.5 the GDPR protects special categories in New York too
test_denied_jasminai_2_5_the_gdpr_protects_special_categories_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# jasminai §2.5 revoking special category consent asks for the account to be deactivated
test_denied_jasminai_2_5_revoking_special_category_consent_asks_for_the_account_to_be_deactivated if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_processing", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
	"DEACTIVATE_ACCOUNT" in _obligations(d)
}

# jasminai §2.5 until it is deactivated the service goes on without special categories
test_allowed_jasminai_2_5_until_it_is_deactivated_the_service_goes_on_without_special_categories if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"DEACTIVATE_ACCOUNT" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §3.8 withdrawn consent stops personalization
test_denied_jasminai_3_8_withdrawn_consent_stops_personalization if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# jasminai §3.1 an optional profile field is used while it is filled in
test_allowed_jasminai_3_1_an_optional_profile_field_is_used_while_it_is_filled_in if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "optional_profile", "subject": {"account_status": "ACTIVE", "consents": {"optional_profile": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# jasminai §3.2 disconnecting the third-party account ends social login
test_denied_jasminai_3_2_disconnecting_the_third_party_account_ends_social_login if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "social_login", "subject": {"account_status": "ACTIVE", "consents": {"social_login": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_WITHDRAWN" in _reasons(d)
}

# jasminai §3.7 marketing mail goes out with an unsubscribe link
test_allowed_jasminai_3_7_marketing_mail_goes_out_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.location.country"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 opting out of marketing mail stops survey mail too
test_denied_jasminai_3_7_opting_out_of_marketing_mail_stops_survey_mail_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "survey_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jasminai §3.7 opting out of survey mail stops marketing mail too
test_denied_jasminai_3_7_opting_out_of_survey_mail_stops_marketing_mail_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"survey_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jasminai §3.7 a later consent to survey mail brings survey mail back
test_allowed_jasminai_3_7_a_later_consent_to_survey_mail_brings_survey_mail_back if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "survey_email", "subject": {"account_status": "ACTIVE", "consents": {"survey_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 a later consent to survey mail leaves marketing mail stopped
test_denied_jasminai_3_7_a_later_consent_to_survey_mail_leaves_marketing_mail_stopped if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"survey_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jasminai §3.7 sensitive data are never used for marketing
test_denied_jasminai_3_7_sensitive_data_are_never_used_for_marketing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country", "user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.location.country"]
}

# jasminai §3.7 sensitive data are not used for marketing on explicit consent either
test_denied_jasminai_3_7_sensitive_data_are_not_used_for_marketing_on_explicit_consent_either if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
}

# jasminai §3.7 marketing that names no data is told to leave the sensitive ones out
test_allowed_jasminai_3_7_marketing_that_names_no_data_is_told_to_leave_the_sensitive_ones_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 a key that only begins like a sensitive one is not sensitive
test_allowed_jasminai_3_7_a_key_that_only_begins_like_a_sensitive_one_is_not_sensitive if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive_skin"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §2.6 anonymized data may train models
test_allowed_jasminai_2_6_anonymized_data_may_train_models if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# jasminai §2.6 personal data train no model
test_denied_jasminai_2_6_personal_data_train_no_model if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"NOT_ANONYMIZED" in _reasons(d)
}

# jasminai §2.6 anonymized sent as text is not anonymized
test_denied_jasminai_2_6_anonymized_sent_as_text_is_not_anonymized if {
	d := controller.decision with input as {"context": {"anonymized": "true"}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"NOT_ANONYMIZED" in _reasons(d)
}

# jasminai §2.6 opting out of training holds for anonymized data too
test_denied_jasminai_2_6_opting_out_of_training_holds_for_anonymized_data_too if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"ai_training": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jasminai §5.2 affiliates get what lies under the listed categories
test_allowed_jasminai_5_2_affiliates_get_what_lies_under_the_listed_categories if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.account.credits_purchased", "user.behavior.site_usage.pages_viewed", "user.device.model"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §5.2 affiliate sharing is for affiliates only
test_denied_jasminai_5_2_affiliate_sharing_is_for_affiliates_only if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "ads-1", "kind": "ADVERTISING_PARTNER"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jasminai §5.2 affiliates get nothing that is not named
test_denied_jasminai_5_2_affiliates_get_nothing_that_is_not_named if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_UNSPECIFIED" in _reasons(d)
}

# jasminai §5.2 direct identifiers never go to affiliates, the rest of the request may
test_denied_jasminai_5_2_direct_identifiers_never_go_to_affiliates_the_rest_of_the_request_may if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.account.username", "user.contact.email", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.account.username"]
}

# jasminai §5.2 naming all device data names the IP address
test_denied_jasminai_5_2_naming_all_device_data_names_the_ip_address if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.device"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# jasminai §5.2 a parent of a listed category is more than the listed category
test_denied_jasminai_5_2_a_parent_of_a_listed_category_is_more_than_the_listed_category if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location", "user.account.username"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.account.username"]
}

# jasminai §5.2 a key that only begins like a listed one is not under it
test_denied_jasminai_5_2_a_key_that_only_begins_like_a_listed_one_is_not_under_it if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.device_owner"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# jasminai §5.1 a group company gets data under any declared purpose, abroad with transfer safeguards
test_allowed_jasminai_5_1_a_group_company_gets_data_under_any_declared_purpose_abroad_with_transfer_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "product_improvement", "recipient": {"country": "US", "id": "group-us", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §6.1 customer support by a processor outside the EEA needs transfer safeguards, for New Yorkers too
test_allowed_jasminai_6_1_customer_support_by_a_processor_outside_the_eea_needs_transfer_safeguards_for_new_yorkers_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "recipient": {"country": "IN", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.3 product analytics are aggregate only
test_allowed_jasminai_3_3_product_analytics_are_aggregate_only if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"AGGREGATE_ONLY" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.3 the behaviour cookie may use an anonymized IP address
test_allowed_jasminai_3_3_the_behaviour_cookie_may_use_an_anonymized_ip_address if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "behavior_analytics", "subject": {"account_status": "ACTIVE", "consents": {"behavior_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# jasminai §3.3 the behaviour cookie may not use a plain IP address
test_denied_jasminai_3_3_the_behaviour_cookie_may_not_use_a_plain_ip_address if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "behavior_analytics", "subject": {"account_status": "ACTIVE", "consents": {"behavior_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior.site_usage"]
}

# jasminai §6.6 objecting to account messages may cost the use of the account
test_denied_jasminai_6_6_objecting_to_account_messages_may_cost_the_use_of_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"service_messages": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	"ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
}

# jasminai §2.3 age is verified before anything is known of the subject, yes or no only
test_allowed_jasminai_2_3_age_is_verified_before_anything_is_known_of_the_subject_yes_or_no_only if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "age_verification", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"BINARY_RESULT_ONLY" in _obligations(d)
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jasminai §2.4 public sources may be used against fraud
test_allowed_jasminai_2_4_public_sources_may_be_used_against_fraud if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §2.4 public sources may be used for nothing else
test_denied_jasminai_2_4_public_sources_may_be_used_for_nothing_else if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# jasminai §4.3 fraud prevention outlives an erasure
test_allowed_jasminai_4_3_fraud_prevention_outlives_an_erasure if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780056000000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.9 legal obligations outlive an erasure
test_allowed_jasminai_3_9_legal_obligations_outlive_an_erasure if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "COMPLETED", "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780056000000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jasminai §6.7 legal claims go on through restriction, objection and erasure
test_allowed_jasminai_6_7_legal_claims_go_on_through_restriction_objection_and_erasure if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780056000000000000, "objections": {"all": {"raised": true, "time": 1780056000000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {"ACCURACY_CONTESTED": {"all": {"raised": true, "time": 1780056000000000000}, "purposes": {}}}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §7 data are not sold, and no more is said
test_denied_jasminai_7_data_are_not_sold_and_no_more_is_said if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "US", "id": "broker-1", "kind": "THIRD_PARTY"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
	not "SUBJECT_UNKNOWN" in _reasons(d)
}

# jasminai §6.5 an account idle for 365 days is dormant
test_denied_jasminai_6_5_an_account_idle_for_365_days_is_dormant if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1748779200000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_DORMANT" in _reasons(d)
}

# jasminai §6.5 an account idle for 364 days is not dormant
test_allowed_jasminai_6_5_an_account_idle_for_364_days_is_not_dormant if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1748865600000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §6.5 an account whose last activity is not known is not dormant
test_allowed_jasminai_6_5_an_account_whose_last_activity_is_not_known_is_not_dormant if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §6.7 processing on hold while an objection is verified names both
test_denied_jasminai_6_7_processing_on_hold_while_an_objection_is_verified_names_both if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {"OBJECTION_PENDING": {"purposes": {"product_analytics": {"raised": true, "time": 1780228800000000000}}}}, "signals": {}}}
	d.decision == "DENY"
	"RESTRICTED" in _reasons(d)
	"OBJECTED" in _reasons(d)
}

# jasminai §1 under 18 is denied, and what else is missing is listed
test_denied_jasminai_1_under_18_is_denied_and_what_else_is_missing_is_listed if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "age_max": 17, "age_min": 17, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# jasminai §1 someone who may be 18 is not known to be under 18
test_allowed_jasminai_1_someone_who_may_be_18_is_not_known_to_be_under_18 if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 18, "age_min": 16, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §1 who was 17 more than a year ago is an adult
test_allowed_jasminai_1_who_was_17_more_than_a_year_ago_is_an_adult if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 18, "age_min": 18, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §7.5 do not track opts a Californian out
test_denied_jasminai_7_5_do_not_track_opts_a_californian_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1780142400000000000, "value": true}}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# jasminai §7.5 do not track on the request opts a Californian out
test_denied_jasminai_7_5_do_not_track_on_the_request_opts_a_californian_out if {
	d := controller.decision with input as {"context": {"dnt": true}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
}

# jasminai §7.5 do not track sent as a number is no signal
test_allowed_jasminai_7_5_do_not_track_sent_as_a_number_is_no_signal if {
	d := controller.decision with input as {"context": {"dnt": 1}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §7.5 global privacy control opts a Californian out
test_denied_jasminai_7_5_global_privacy_control_opts_a_californian_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780142400000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# jasminai §7.5 opt-out, objection and a forbidden category are all named
test_denied_jasminai_7_5_opt_out_objection_and_a_forbidden_category_are_all_named if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1780142400000000000}}}, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1780142400000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"OBJECTED" in _reasons(d)
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# jasminai §7.5 browser signals change nothing in Germany
test_allowed_jasminai_7_5_browser_signals_change_nothing_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1780142400000000000, "value": true}, "gpc": {"time": 1780142400000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai US-STATES Colorado honours global privacy control
test_denied_jasminai_us_states_colorado_honours_global_privacy_control if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CO", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"gpc": {"time": 1780142400000000000, "value": true}}}}
	d.decision == "DENY"
	"GPC_OPT_OUT" in _reasons(d)
}

# jasminai APPI-27 in Japan affiliates need a consent that names them
test_denied_jasminai_appi_27_in_japan_affiliates_need_a_consent_that_names_them if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# jasminai APPI-27 in Japan an affiliate that the consent names gets the data
test_allowed_jasminai_appi_27_in_japan_an_affiliate_that_the_consent_names_gets_the_data if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "JP", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"recipients": {"webmaster-7": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}}}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §2.5 an ordinary consent to the processing covers nothing in service delivery
test_denied_jasminai_2_5_an_ordinary_consent_to_the_processing_covers_nothing_in_service_delivery if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.sensitive.sexual_preferences"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	not "CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.permitted_data_categories == ["user.contact.email"]
}

# jasminai §2.5 a covering consent that expired covers nothing, and deactivates nothing
test_denied_jasminai_2_5_a_covering_consent_that_expired_covers_nothing_and_deactivates_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	not "DEACTIVATE_ACCOUNT" in _obligations(d)
}

# jasminai §2.5 a refused consent deactivates too, and leaves the sensitive data out of the service
test_allowed_jasminai_2_5_a_refused_consent_deactivates_too_and_leaves_the_sensitive_data_out_of_the_service if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"DEACTIVATE_ACCOUNT" in _obligations(d)
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §2.5 asking again after the refusal keeps the obligation
test_denied_jasminai_2_5_asking_again_after_the_refusal_keeps_the_obligation if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_processing", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "requested_at": 1780228800000000000, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	"DEACTIVATE_ACCOUNT" in _obligations(d)
}

# jasminai §2.5 consenting again ends the obligation
test_allowed_jasminai_2_5_consenting_again_ends_the_obligation if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": true, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "DEACTIVATE_ACCOUNT" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §2.5 revoking another consent deactivates nothing
test_allowed_jasminai_2_5_revoking_another_consent_deactivates_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1780228800000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "DEACTIVATE_ACCOUNT" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §2.5 the covering consent is nothing to payments
test_denied_jasminai_2_5_the_covering_consent_is_nothing_to_payments if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.payment", "user.sensitive"], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {"special_category_processing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.payment"]
}

# jasminai §2.5 in Japan the GDPR asks for the explicit consent besides
test_denied_jasminai_2_5_in_japan_the_gdpr_asks_for_the_explicit_consent_besides if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.health_and_medical"], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {"product_improvement": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# jasminai §3.8 an ordinary consent fits no home page to taste
test_denied_jasminai_3_8_an_ordinary_consent_fits_no_home_page_to_taste if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {"special_category_personalization": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "BR", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.legal_basis == "EXPLICIT_CONSENT"
}

# jasminai §2.6 personal data need the consent as well, and what is denied for its manner permits nothing
test_denied_jasminai_2_6_personal_data_need_the_consent_as_well_and_what_is_denied_for_its_manner_permits_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"NOT_ANONYMIZED" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
	d.permitted_data_categories == []
}

# jasminai §2.6 consent does not stand for anonymizing
test_denied_jasminai_2_6_consent_does_not_stand_for_anonymizing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"NOT_ANONYMIZED" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# jasminai §2.6 a refusal holds for anonymized data too
test_denied_jasminai_2_6_a_refusal_holds_for_anonymized_data_too if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	not "NOT_ANONYMIZED" in _reasons(d)
}

# jasminai §2.6 a later consent ends the objection to training
test_allowed_jasminai_2_6_a_later_consent_ends_the_objection_to_training if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"ai_training": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# jasminai §3.7 lifting the objection to survey mail lifts that to marketing mail
test_allowed_jasminai_3_7_lifting_the_objection_to_survey_mail_lifts_that_to_marketing_mail if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1779537600000000000}, "survey_email": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 an objection to survey mail is newer than the lift for marketing mail
test_denied_jasminai_3_7_an_objection_to_survey_mail_is_newer_than_the_lift_for_marketing_mail if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": false, "time": 1779537600000000000}, "survey_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# jasminai §3.7 lifting one at the instant of the objection to the other lifts nothing
test_denied_jasminai_3_7_lifting_one_at_the_instant_of_the_objection_to_the_other_lifts_nothing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": false, "time": 1780228800000000000}, "survey_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	not "INCLUDE_UNSUBSCRIBE" in _obligations(d)
}

# jasminai §3.7 the objection to everything may be lifted for survey mail, and so for both
test_allowed_jasminai_3_7_the_objection_to_everything_may_be_lifted_for_survey_mail_and_so_for_both if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {"survey_email": {"raised": false, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 refusing survey mail stops marketing mail not
test_allowed_jasminai_3_7_refusing_survey_mail_stops_marketing_mail_not if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"survey_email": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 refused survey mail stops
test_denied_jasminai_3_7_refused_survey_mail_stops if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "survey_email", "subject": {"account_status": "ACTIVE", "consents": {"survey_email": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §3.7 the account messages go on after the marketing opt-out
test_allowed_jasminai_3_7_the_account_messages_go_on_after_the_marketing_opt_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
	not "INCLUDE_UNSUBSCRIBE" in _obligations(d)
}

# jasminai §5.1 the group gets no more of the affiliates' data than is listed
test_denied_jasminai_5_1_the_group_gets_no_more_of_the_affiliates_data_than_is_listed if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country", "user.contact.email"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "HU", "id": "group-hu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.location.country"]
}

# jasminai §5.1 the group's sharing is no sale in California
test_allowed_jasminai_5_1_the_group_s_sharing_is_no_sale_in_california if {
	d := controller.decision with input as {"context": {"gpc": true}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "HU", "id": "group-hu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {"SALE_OR_SHARING": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "RECORD_SIGNAL" in _obligations(d)
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §5.1 the group may have what the law asks, of a stranger too
test_allowed_jasminai_5_1_the_group_may_have_what_the_law_asks_of_a_stranger_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "LU", "id": "group-lu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jasminai §5.1 the group gets nothing that is prohibited
test_denied_jasminai_5_1_the_group_gets_nothing_that_is_prohibited if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "recipient": {"country": "LU", "id": "group-lu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
}

# jasminai §5.2 sharing needs a recipient
test_denied_jasminai_5_2_sharing_needs_a_recipient if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# jasminai §5.2 the longer key decides below the device too
test_denied_jasminai_5_2_the_longer_key_decides_below_the_device_too if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.device.ip_address.v4", "user.device.ip_address_family", "user.account.registration.date"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.ip_address_family", "user.account.registration.date"]
}

# jasminai §5.2 sensitive data are neither listed nor permitted
test_denied_jasminai_5_2_sensitive_data_are_neither_listed_nor_permitted if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive", "user.device.model"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.model"]
}

# jasminai §5.2 an explicit consent to the sharing lists no sensitive data
test_denied_jasminai_5_2_an_explicit_consent_to_the_sharing_lists_no_sensitive_data if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.sensitive"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# jasminai §5.2 a processor of the affiliate program gets nothing that is not named
test_denied_jasminai_5_2_a_processor_of_the_affiliate_program_gets_nothing_that_is_not_named if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "tracker-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_UNSPECIFIED" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jasminai §5.2 an objection to the sharing is named with what the request lacks
test_denied_jasminai_5_2_an_objection_to_the_sharing_is_named_with_what_the_request_lacks if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "DE", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"affiliate_sharing": {"raised": true, "time": 1780142400000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	"DATA_CATEGORY_UNSPECIFIED" in _reasons(d)
}

# jasminai §5.4 banks get payments only
test_denied_jasminai_5_4_banks_get_payments_only if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "bank-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# jasminai §5.5 an authority gets data against fraud
test_allowed_jasminai_5_5_an_authority_gets_data_against_fraud if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §6.1 a certified recipient in the US needs no safeguards, a bank in India does
test_allowed_jasminai_6_1_a_certified_recipient_in_the_us_needs_no_safeguards_a_bank_in_india_does if {
	d := controller.decision with input as {"context": {"recipient_certified": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "recipient": {"country": "IN", "id": "bank-in", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "BR", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §3.3 naming all device data names the IP address to the behaviour cookie
test_denied_jasminai_3_3_naming_all_device_data_names_the_ip_address_to_the_behaviour_cookie if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.device", "user.device.model"], "now": 1780315200000000000, "purpose": "behavior_analytics", "subject": {"account_status": "ACTIVE", "consents": {"behavior_analytics": {"countries": [], "evidence": false, "explicit": false, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.model"]
}

# jasminai §3.3 the behaviour cookie that names no data leaves the IP address out
test_allowed_jasminai_3_3_the_behaviour_cookie_that_names_no_data_leaves_the_ip_address_out if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "behavior_analytics", "subject": {"account_status": "ACTIVE", "consents": {"behavior_analytics": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# jasminai §3.3 on explicit consent and anonymized the behaviour cookie leaves nothing out
test_allowed_jasminai_3_3_on_explicit_consent_and_anonymized_the_behaviour_cookie_leaves_nothing_out if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "behavior_analytics", "subject": {"account_status": "ACTIVE", "consents": {"behavior_analytics": {"countries": [], "evidence": false, "explicit": true, "given_at": 1777723200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# jasminai §2.4 of public data nothing is permitted elsewhere
test_denied_jasminai_2_4_of_public_data_nothing_is_permitted_elsewhere if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": ["user.contact.email", "user.name"], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# jasminai §2.4 public data that are not named are denied elsewhere too
test_denied_jasminai_2_4_public_data_that_are_not_named_are_denied_elsewhere_too if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# jasminai §2.4 public data may serve legal claims and legal obligations
test_allowed_jasminai_2_4_public_data_may_serve_legal_claims_and_legal_obligations if {
	d := controller.decision with input as {"context": {"public_source": true}, "controller": "jasminai", "data_categories": ["user.name"], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
	d.permitted_data_categories == ["user.name"]
}

# jasminai §2.4 a source that is public as a number is not public
test_allowed_jasminai_2_4_a_source_that_is_public_as_a_number_is_not_public if {
	d := controller.decision with input as {"context": {"public_source": 1}, "controller": "jasminai", "data_categories": ["user.contact.email"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §1 a minor's age is verified, and fraud by a minor prevented
test_allowed_jasminai_1_a_minor_s_age_is_verified_and_fraud_by_a_minor_prevented if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "age_verification", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"BINARY_RESULT_ONLY" in _obligations(d)
	d.legal_basis == "LEGAL_OBLIGATION"
}

# jasminai §1 a minor's parent cannot consent to an adult site
test_denied_jasminai_1_a_minor_s_parent_cannot_consent_to_an_adult_site if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "optional_profile", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"optional_profile": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# jasminai §6.5 a dormant and closed account names both, and keeps fraud prevention
test_allowed_jasminai_6_5_a_dormant_and_closed_account_names_both_and_keeps_fraud_prevention if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1745755200000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §6.5 an account that is dormant and closed is both
test_denied_jasminai_6_5_an_account_that_is_dormant_and_closed_is_both if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1737115200000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_CLOSED" in _reasons(d)
	"ACCOUNT_DORMANT" in _reasons(d)
}

# jasminai §6.5 the newest profile that tells the last activity counts, though it tells an older one
test_denied_jasminai_6_5_the_newest_profile_that_tells_the_last_activity_counts_though_it_tells_an_older_one if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1737115200000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ACCOUNT_DORMANT" in _reasons(d)
}

# jasminai §6.5 an erasure stops optional consents and is named with them
test_denied_jasminai_6_5_an_erasure_stops_optional_consents_and_is_named_with_them if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "social_login", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "IN_PROGRESS", "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780056000000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	"CONSENT_MISSING" in _reasons(d)
}

# jasminai §6.5 a retention period means nothing here
test_allowed_jasminai_6_5_a_retention_period_means_nothing_here if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "retention_until": 1780228800000000000, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# jasminai §6.6 who objects to everything may lose the account, support or not
test_denied_jasminai_6_6_who_objects_to_everything_may_lose_the_account_support_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"all": {"raised": true, "time": 1780228800000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
	"ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
}

# jasminai §6.6 who objected and consented since keeps the account
test_allowed_jasminai_6_6_who_objected_and_consented_since_keeps_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "consents": {"customer_support": {"countries": [], "evidence": false, "explicit": false, "given_at": 1780228800000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"customer_support": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §6.6 an objection leaves the contract
test_allowed_jasminai_6_6_an_objection_leaves_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1780228800000000000, "objections": {"purposes": {"service_delivery": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "ACCOUNT_MAY_BE_LIMITED" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# jasminai §7.5 a consent with evidence after the signal undoes do not track
test_allowed_jasminai_7_5_a_consent_with_evidence_after_the_signal_undoes_do_not_track if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	not "REASK_NOT_BEFORE" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §7.5 two steps without evidence do not undo do not track
test_denied_jasminai_7_5_two_steps_without_evidence_do_not_undo_do_not_track if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779796800000000000, "requested_before_given_at": 1779796800000000000, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"REASK_NOT_BEFORE" in _obligations(d)
}

# jasminai §7.5 no consent undoes do not track on the request
test_denied_jasminai_7_5_no_consent_undoes_do_not_track_on_the_request if {
	d := controller.decision with input as {"context": {"dnt": true}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {"affiliate_sharing": {"countries": [], "evidence": true, "explicit": false, "given_at": 1779883200000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"RECORD_SIGNAL" in _obligations(d)
	"REASK_NOT_BEFORE" in _obligations(d)
}

# jasminai §7.5 do not track switched off is gone
test_allowed_jasminai_7_5_do_not_track_switched_off_is_gone if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779883200000000000, "value": false}}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §7.5 do not track is Californian, Colorado does not know it
test_allowed_jasminai_7_5_do_not_track_is_californian_colorado_does_not_know_it if {
	d := controller.decision with input as {"context": {"dnt": true}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CO", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai §7.5 do not track is about the sharing only
test_allowed_jasminai_7_5_do_not_track_is_about_the_sharing_only if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.behavior.site_usage"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779537600000000000, "value": true}, "gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "ALLOW"
	"AGGREGATE_ONLY" in _obligations(d)
}

# jasminai §7.5 both signals are both named
test_denied_jasminai_7_5_both_signals_are_both_named if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "webmaster-7", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {"dnt": {"time": 1779537600000000000, "value": true}, "gpc": {"time": 1779537600000000000, "value": true}}}}
	d.decision == "DENY"
	"OPTED_OUT" in _reasons(d)
	"GPC_OPT_OUT" in _reasons(d)
}

# jasminai CCPA-121 limited location is left out of improvement, and the GDPR still protects the rest
test_denied_jasminai_ccpa_121_limited_location_is_left_out_of_improvement_and_the_gdpr_still_protects_the_rest if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location", "user.location.country", "user.sensitive"], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-CA", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": 1779537600000000000}}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"SENSITIVE_DATA_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.location.country"]
}

# jasminai APPI-28 in Japan a helpdesk in India needs consent and safeguards
test_denied_jasminai_appi_28_in_japan_a_helpdesk_in_india_needs_consent_and_safeguards if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "recipient": {"country": "IN", "id": "helpdesk", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
	"TRANSFER_SAFEGUARDS" in _obligations(d)
}

# jasminai APPI-28 in Japan the group in Hungary needs none
test_allowed_jasminai_appi_28_in_japan_the_group_in_hungary_needs_none if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "recipient": {"country": "HU", "id": "group-hu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# jasminai APPI-27 in Japan the group needs to be named for the sharing
test_denied_jasminai_appi_27_in_japan_the_group_needs_to_be_named_for_the_sharing if {
	d := controller.decision with input as {"context": {}, "controller": "jasminai", "data_categories": ["user.location.country"], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "HU", "id": "group-hu", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "last_activity_at": 1780228800000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}
