# Generated from the corpus by server/policy; do not edit.
package consentd.controllers["z-image_cases_test"]

import data.consentd.controllers["z-image"] as controller

_reasons(d) := {r.code | some r in d.reasons}

_obligations(d) := {o.code | some o in d.obligations}

# z-image §2 a processor may have the prompts
test_allowed_z_image_2_a_processor_may_have_the_prompts if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "DE", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §2 an authority may have the prompts where the law asks
test_allowed_z_image_2_an_authority_may_have_the_prompts_where_the_law_asks if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "legal_claims", "recipient": {"country": "DE", "id": "court-1", "kind": "AUTHORITY"}, "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# z-image §2 no group company gets prompts, nor anything else
test_denied_z_image_2_no_group_company_gets_prompts_nor_anything_else if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "US", "id": "group-1", "kind": "CORPORATE_AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# z-image §2 a processor of analytics gets no prompts either
test_denied_z_image_2_a_processor_of_analytics_gets_no_prompts_either if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt", "user.behavior"], "now": 1780315200000000000, "purpose": "product_analytics", "recipient": {"country": "US", "id": "bi-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.permitted_data_categories == ["user.behavior"]
}

# z-image §2 an authority that names no data against fraud is told to leave the prompts
test_allowed_z_image_2_an_authority_that_names_no_data_against_fraud_is_told_to_leave_the_prompts if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "US", "id": "police-1", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §1.3 fraud prevention at home leaves nothing out in New York
test_allowed_z_image_1_3_fraud_prevention_at_home_leaves_nothing_out_in_new_york if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §4.3 the IP address is device data, third parties against fraud may have it
test_allowed_z_image_4_3_the_ip_address_is_device_data_third_parties_against_fraud_may_have_it if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.ip_address"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "abuse-list", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §4.3 third parties against fraud get no mail address, and nothing above the device
test_denied_z_image_4_3_third_parties_against_fraud_get_no_mail_address_and_nothing_above_the_device if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.contact.email", "user", "user.device"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "US", "id": "abuse-list", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device"]
}

# z-image §4.3 third parties get nothing for legal claims
test_denied_z_image_4_3_third_parties_get_nothing_for_legal_claims if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device"], "now": 1780315200000000000, "purpose": "legal_claims", "recipient": {"country": "DE", "id": "lawyer-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# z-image §4.3 an affiliate is no third party
test_denied_z_image_4_3_an_affiliate_is_no_third_party if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# z-image §1.3 the IP address serves no newsletter, explicit consent or not
test_denied_z_image_1_3_the_ip_address_serves_no_newsletter_explicit_consent_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device", "user.contact.email"], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	not "INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.permitted_data_categories == ["user.contact.email"]
}

# z-image §1.3 the IP address serves legal compliance
test_allowed_z_image_1_3_the_ip_address_serves_legal_compliance if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.ip_address"], "now": 1780315200000000000, "purpose": "legal_compliance", "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# z-image §1.2 feedback sent as text is no feedback
test_denied_z_image_1_2_feedback_sent_as_text_is_no_feedback if {
	d := controller.decision with input as {"context": {"feedback": "true"}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# z-image §1.2 feedback opens the prompts, not the IP address
test_denied_z_image_1_2_feedback_opens_the_prompts_not_the_ip_address if {
	d := controller.decision with input as {"context": {"feedback": true}, "controller": "z-image", "data_categories": ["user.content", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.content"]
}

# z-image §2 what is prohibited is prohibited to strangers too
test_denied_z_image_2_what_is_prohibited_is_prohibited_to_strangers_too if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "affiliate_sharing", "recipient": {"country": "US", "id": "partner-1", "kind": "AFFILIATE"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
	not "SUBJECT_UNKNOWN" in _reasons(d)
}

# z-image §1.4 refused functional cookies are off where no pack says so
test_denied_z_image_1_4_refused_functional_cookies_are_off_where_no_pack_says_so if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "denied": "REFUSED", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "REFUSED"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_REFUSED" in _reasons(d)
	d.legal_basis == "DEEMED_CONSENT"
}

# z-image §1.4 functional cookies are on in Japan until refused
test_allowed_z_image_1_4_functional_cookies_are_on_in_japan_until_refused if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# z-image GDPR-6-DEEMED functional cookies that were asked for are pending in Germany
test_denied_z_image_gdpr_6_deemed_functional_cookies_that_were_asked_for_are_pending_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
	not "CONSENT_MISSING" in _reasons(d)
}

# z-image GDPR-6-DEEMED an accepted cookie that expired is off in Great Britain
test_denied_z_image_gdpr_6_deemed_an_accepted_cookie_that_expired_is_off_in_great_britain if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "evidence": false, "expires_at": 1780228800000000000, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "GB", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_EXPIRED" in _reasons(d)
}

# z-image GDPR-6-DEEMED anonymized data need no given consent
test_allowed_z_image_gdpr_6_deemed_anonymized_data_need_no_given_consent if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# z-image §1.4 an objection ends functional cookies
test_denied_z_image_1_4_an_objection_ends_functional_cookies if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "objections": {"purposes": {"functional_cookies": {"raised": true, "time": 1779537600000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"OBJECTED" in _reasons(d)
}

# z-image §1.5 training needs explicit consent in New York too
test_denied_z_image_1_5_training_needs_explicit_consent_in_new_york_too if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
	d.legal_basis == "EXPLICIT_CONSENT"
}

# z-image §3 the newsletter waits for its confirmation
test_denied_z_image_3_the_newsletter_waits_for_its_confirmation if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 1, "requested_at": 1779537600000000000, "status": "REQUESTED"}}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_PENDING" in _reasons(d)
}

# z-image §3 a sale makes no newsletter, no soft opt-in here
test_denied_z_image_3_a_sale_makes_no_newsletter_no_soft_opt_in_here if {
	d := controller.decision with input as {"context": {"own_similar_product": true}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "relationship": {"last_sale_at": 1776859200000000000, "opt_out_offered": true, "selling_entity": "z-image"}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# z-image §1.1 messages rest on the contract, a withdrawal leaves them
test_allowed_z_image_1_1_messages_rest_on_the_contract_a_withdrawal_leaves_them if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {"service_messages": {"countries": [], "denied": "WITHDRAWN", "denied_at": 1779537600000000000, "evidence": false, "explicit": false, "given_by": "SUBJECT", "notice_version": 0, "status": "WITHDRAWN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"all": {"raised": true, "time": 1779537600000000000}, "purposes": {}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §5 a certified processor in the US needs no safeguards
test_allowed_z_image_5_a_certified_processor_in_the_us_needs_no_safeguards if {
	d := controller.decision with input as {"context": {"recipient_certified": true}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# z-image APPI-28 in Japan a processor in the US needs a consent that shows the country
test_denied_z_image_appi_28_in_japan_a_processor_in_the_us_needs_a_consent_that_shows_the_country if {
	d := controller.decision with input as {"context": {"recipient_certified": true}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "US", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"TRANSFER_NOT_CONSENTED" in _reasons(d)
	not "TRANSFER_SAFEGUARDS" in _obligations(d)
}

# z-image §9 fourteen is too young in Czechia and old enough in Austria
test_denied_z_image_9_fourteen_is_too_young_in_czechia_and_old_enough_in_austria if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {}, "id": "subject", "jurisdiction": "CZ", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image §9 fourteen is old enough in Austria
test_allowed_z_image_9_fourteen_is_old_enough_in_austria if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "AT-9", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# z-image §9 where the place is unknown fourteen may use the service
test_allowed_z_image_9_where_the_place_is_unknown_fourteen_may_use_the_service if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image GDPR-8 where the place is unknown fourteen cannot ask for the newsletter
test_denied_z_image_gdpr_8_where_the_place_is_unknown_fourteen_cannot_ask_for_the_newsletter if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image GDPR-8 where the place is unknown the parent may ask for the newsletter
test_allowed_z_image_gdpr_8_where_the_place_is_unknown_the_parent_may_ask_for_the_newsletter if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "age_max": 14, "age_min": 14, "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# z-image §9 the parent of a child of fifteen in Germany cannot open the service
test_denied_z_image_9_the_parent_of_a_child_of_fifteen_in_germany_cannot_open_the_service if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "saved_gallery", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {"saved_gallery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "PARENT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image §9 twelve is too young in Japan, legal claims excepted
test_denied_z_image_9_twelve_is_too_young_in_japan_legal_claims_excepted if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "JP", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image US-STATES special categories need a consent in Colorado, explicit or not
test_allowed_z_image_us_states_special_categories_need_a_consent_in_colorado_explicit_or_not if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content", "user.health_and_medical"], "now": 1780315200000000000, "purpose": "saved_gallery", "subject": {"account_status": "ACTIVE", "consents": {"saved_gallery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "US-CO", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# z-image §6 an erasure stops fraud prevention here
test_denied_z_image_6_an_erasure_stops_fraud_prevention_here if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "erasure": "REQUESTED", "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"ERASURE_REQUESTED" in _reasons(d)
	d.permitted_data_categories == []
}

# z-image §3 service delivery rests on the contract
test_allowed_z_image_3_service_delivery_rests_on_the_contract if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.contact.email", "user.content.prompt"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §1.1 important service updates go on after the newsletter is stopped
test_allowed_z_image_1_1_important_service_updates_go_on_after_the_newsletter_is_stopped if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_messages", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "objections": {"purposes": {"marketing_email": {"raised": true, "time": 1780228800000000000}}}, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §6 an idle account is not dormant, the policy deletes none
test_allowed_z_image_6_an_idle_account_is_not_dormant_the_policy_deletes_none if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "payment_processing", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "last_activity_at": 1711195200000000000, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §3 the newsletter goes to who asked for it, with an unsubscribe link
test_allowed_z_image_3_the_newsletter_goes_to_who_asked_for_it_with_an_unsubscribe_link if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "marketing_email", "subject": {"account_status": "ACTIVE", "consents": {"marketing_email": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"INCLUDE_UNSUBSCRIBE" in _obligations(d)
	d.legal_basis == "CONSENT"
}

# z-image §1.5 works that the user saved are kept in the gallery
test_allowed_z_image_1_5_works_that_the_user_saved_are_kept_in_the_gallery if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt", "user.content.generated"], "now": 1780315200000000000, "purpose": "saved_gallery", "subject": {"account_status": "ACTIVE", "consents": {"saved_gallery": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONSENT"
}

# z-image §1.4 functional cookies are on until refused where no pack says otherwise
test_allowed_z_image_1_4_functional_cookies_are_on_until_refused_where_no_pack_says_otherwise if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "DEEMED_CONSENT"
}

# z-image GDPR-6-DEEMED functional cookies need a given consent in Germany
test_denied_z_image_gdpr_6_deemed_functional_cookies_need_a_given_consent_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# z-image GDPR-6-DEEMED functional cookies need it where the place is unknown, by the home pack
test_denied_z_image_gdpr_6_deemed_functional_cookies_need_it_where_the_place_is_unknown_by_the_home_pack if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# z-image GDPR-6-DEEMED functional cookies are on in Germany for who accepted them
test_allowed_z_image_gdpr_6_deemed_functional_cookies_are_on_in_germany_for_who_accepted_them if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "functional_cookies", "subject": {"account_status": "ACTIVE", "consents": {"functional_cookies": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
}

# z-image §1.5 explicit consent lets prompts and images train models
test_allowed_z_image_1_5_explicit_consent_lets_prompts_and_images_train_models if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt", "user.content.generated"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": true, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "EXPLICIT_CONSENT"
}

# z-image §1.5 ordinary consent trains no model
test_denied_z_image_1_5_ordinary_consent_trains_no_model if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {"ai_training": {"countries": [], "evidence": false, "explicit": false, "given_at": 1779537600000000000, "given_by": "SUBJECT", "notice_version": 1, "status": "GIVEN"}}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_NOT_EXPLICIT" in _reasons(d)
}

# z-image §1.5 anonymizing does not replace explicit consent
test_denied_z_image_1_5_anonymizing_does_not_replace_explicit_consent if {
	d := controller.decision with input as {"context": {"anonymized": true}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "ai_training", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"CONSENT_MISSING" in _reasons(d)
}

# z-image §1.2 prompts are not analysed, usage data still may be
test_denied_z_image_1_2_prompts_are_not_analysed_usage_data_still_may_be if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.behavior.feature_usage", "user.content.prompt.text", "user.content.generated"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.behavior.feature_usage"]
}

# z-image §1.2 naming all content names the prompts
test_denied_z_image_1_2_naming_all_content_names_the_prompts if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content"], "now": 1780315200000000000, "purpose": "product_improvement", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == []
}

# z-image §1.2 a key that only begins like content is none
test_allowed_z_image_1_2_a_key_that_only_begins_like_content_is_none if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.content_rating", "user.device.ip_address_hash"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §1.2 analytics that name no data are told what to leave out
test_allowed_z_image_1_2_analytics_that_name_no_data_are_told_what_to_leave_out if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §1.2 a prompt sent as feedback may be analysed
test_allowed_z_image_1_2_a_prompt_sent_as_feedback_may_be_analysed if {
	d := controller.decision with input as {"context": {"feedback": true}, "controller": "z-image", "data_categories": ["user.content.prompt"], "now": 1780315200000000000, "purpose": "product_analytics", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §1.3 fraud prevention may use the IP address
test_allowed_z_image_1_3_fraud_prevention_may_use_the_ip_address if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.ip_address", "user.content.prompt"], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §1.3 nothing else may use the IP address
test_denied_z_image_1_3_nothing_else_may_use_the_ip_address if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.browser", "user.device.ip_address"], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.browser"]
}

# z-image §1.3 a request that names no data is told to leave the IP address out
test_allowed_z_image_1_3_a_request_that_names_no_data_is_told_to_leave_the_ip_address_out if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"EXCLUDE_DATA_CATEGORIES" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# z-image §2 prompts go to no authority, not even against fraud
test_denied_z_image_2_prompts_go_to_no_authority_not_even_against_fraud if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.model", "user.content.prompt"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "bka", "kind": "AUTHORITY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.model"]
}

# z-image §4.3 device data go to third parties against fraud
test_allowed_z_image_4_3_device_data_go_to_third_parties_against_fraud if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "abuse-list", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §4.3 third parties against fraud get nothing that is not named
test_denied_z_image_4_3_third_parties_against_fraud_get_nothing_that_is_not_named if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "abuse-list", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_UNSPECIFIED" in _reasons(d)
}

# z-image §4.3 generated images are shared with no third party, not even against fraud
test_denied_z_image_4_3_generated_images_are_shared_with_no_third_party_not_even_against_fraud if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.model", "user.content.generated"], "now": 1780315200000000000, "purpose": "fraud_prevention", "recipient": {"country": "DE", "id": "abuse-list", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
	d.permitted_data_categories == ["user.device.model"]
}

# z-image §2 data are not sold
test_denied_z_image_2_data_are_not_sold if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "sale_of_data", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
	not "RECIPIENT_NOT_PERMITTED" in _reasons(d)
}

# z-image §2 data are not used for advertising
test_denied_z_image_2_data_are_not_used_for_advertising if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "interest_based_advertising", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_PROHIBITED" in _reasons(d)
}

# z-image §1 personalization on special categories is not declared
test_denied_z_image_1_personalization_on_special_categories_is_not_declared if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "special_category_personalization", "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"PURPOSE_NOT_DECLARED" in _reasons(d)
}

# z-image §5 a processor outside the EEA needs transfer safeguards, for New Yorkers too
test_allowed_z_image_5_a_processor_outside_the_eea_needs_transfer_safeguards_for_new_yorkers_too if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "IN", "id": "hosting-1", "kind": "PROCESSOR"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	"TRANSFER_SAFEGUARDS" in _obligations(d)
	d.legal_basis == "CONTRACT"
}

# z-image §4 a third party with the IP address is two reasons
test_denied_z_image_4_a_third_party_with_the_ip_address_is_two_reasons if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": ["user.device.ip_address"], "now": 1780315200000000000, "purpose": "service_delivery", "recipient": {"country": "DE", "id": "partner-1", "kind": "THIRD_PARTY"}, "subject": {"account_status": "ACTIVE", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"RECIPIENT_NOT_PERMITTED" in _reasons(d)
	"DATA_CATEGORY_NOT_PERMITTED" in _reasons(d)
}

# z-image §4.2 an authority gets what the law demands, of a stranger too
test_allowed_z_image_4_2_an_authority_gets_what_the_law_demands_of_a_stranger_too if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_compliance", "recipient": {"country": "DE", "id": "bka", "kind": "AUTHORITY"}, "subject": {"consents": {}, "id": "subject", "jurisdiction": "", "known": false, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}

# z-image §9 fifteen is too young in Germany
test_denied_z_image_9_fifteen_is_too_young_in_germany if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 15, "age_min": 15, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image §9 thirteen is old enough in Belgium
test_allowed_z_image_9_thirteen_is_old_enough_in_belgium if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "BE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §9 thirteen is old enough in New York
test_allowed_z_image_9_thirteen_is_old_enough_in_new_york if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "customer_support", "subject": {"account_status": "ACTIVE", "age_max": 13, "age_min": 13, "consents": {}, "id": "subject", "jurisdiction": "US-NY", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}

# z-image §9 twelve is too young where nothing is known of the place
test_denied_z_image_9_twelve_is_too_young_where_nothing_is_known_of_the_place if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "service_delivery", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "DENY"
	"UNDER_AGE" in _reasons(d)
}

# z-image §9 fraud by a child is still prevented
test_allowed_z_image_9_fraud_by_a_child_is_still_prevented if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "fraud_prevention", "subject": {"account_status": "ACTIVE", "age_max": 12, "age_min": 12, "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGITIMATE_INTERESTS"
}

# z-image §6 legal claims outlive the account
test_allowed_z_image_6_legal_claims_outlive_the_account if {
	d := controller.decision with input as {"context": {}, "controller": "z-image", "data_categories": [], "now": 1780315200000000000, "purpose": "legal_claims", "subject": {"account_status": "CLOSED", "consents": {}, "id": "subject", "jurisdiction": "DE", "known": true, "opt_outs": {}, "restrictions": {}, "signals": {}}}
	d.decision == "ALLOW"
	d.legal_basis == "LEGAL_OBLIGATION"
}
