package consentd.lib.consent_test

import data.consentd.lib.consent
import data.consentd.lib.fixture

_to(record, recipients) := fixture.asked("example", "affiliate_sharing", {
	"recipient": fixture.recipient("AFFILIATE"),
	"subject": fixture.subject({"consents": {"affiliate_sharing": object.union(record, {"recipients": recipients})}}),
})

_faults(record) := found if {
	found := consent.faults(record, "ai_training") with input as fixture.asked("example", "ai_training", {})
}

test_current_is_the_purposes_record_without_a_recipients if {
	consent.current.given_at == fixture.ago(9) with input as _to(fixture.given(9), {"r-2": fixture.given(1)})
}

test_current_is_the_recipients_record_where_it_is_newer if {
	consent.current.status == "WITHDRAWN" with input as _to(fixture.given(9), {"r-1": fixture.denied("WITHDRAWN", 1)})
}

test_current_is_the_purposes_record_where_it_is_newer if {
	consent.current.given_at == fixture.ago(1) with input as _to(fixture.given(1), {"r-1": fixture.denied("REFUSED", 9)})
}

test_current_is_the_more_restrictive_on_a_tie if {
	consent.current.status == "REFUSED" with input as _to(fixture.given(1), {"r-1": fixture.denied("REFUSED", 1)})
	consent.current.status == "REFUSED" with input as _to(fixture.denied("REFUSED", 1), {"r-1": fixture.given(1)})
}

test_current_is_the_recipients_request_where_nothing_else_is if {
	consent.current.status == "REQUESTED" with input as _to({}, {"r-1": fixture.requested(1)})
}

test_current_keeps_the_denial_that_a_recipients_request_cannot_lift if {
	given := _to(fixture.denied("REFUSED", 9), {"r-1": fixture.requested(1)})
	consent.current.status == "REFUSED" with input as given
	consent.current.requested_at == fixture.ago(1) with input as given
}

test_current_ignores_an_older_request_of_the_recipient if {
	own := object.union(fixture.denied("REFUSED", 9), {"requested_at": fixture.ago(2)})
	consent.current.requested_at == fixture.ago(2) with input as _to(own, {"r-1": fixture.requested(5)})
}

test_record_of_another_purpose_is_that_purposes if {
	given := fixture.asked("example", "affiliate_sharing", {
		"recipient": fixture.recipient("AFFILIATE"),
		"subject": fixture.subject({"consents": {
			"affiliate_sharing": {"recipients": {"r-1": fixture.given(1)}},
			"storage": object.union(fixture.given(9), {"recipients": {"r-1": fixture.denied("REFUSED", 5)}}),
			"ai_training": object.union(fixture.denied("REFUSED", 9), {"recipients": {"r-1": fixture.requested(5)}}),
		}}),
	})
	consent.record("storage").status == "REFUSED" with input as given
	consent.record("ai_training").requested_at == fixture.ago(5) with input as given
	consent.record("marketing_email") == {} with input as given
}

test_current_is_empty_where_nothing_was_recorded if {
	consent.current == {} with input as fixture.asked("example", "ai_training", {})
	not consent.recorded with input as fixture.asked("example", "ai_training", {})
}

test_recorded_though_nothing_counts if {
	consent.recorded with input as fixture.example("ai_training", {"consents": {"ai_training": {}}})
}

test_holds_until_its_expiry if {
	consent.holds(fixture.given(1)) with input.now as fixture.now
	consent.holds(fixture.given_with(9, {"expires_at": fixture.now + 1})) with input.now as fixture.now
	not consent.holds(fixture.given_with(9, {"expires_at": fixture.now})) with input.now as fixture.now
	not consent.holds(fixture.requested(1)) with input.now as fixture.now
}

test_valid_for_a_material_notice if {
	input_ := fixture.asked("example", "ai_training", {})
	consent.valid(fixture.given_with(1, {"notice_version": 2}), "ai_training") with input as input_
	not consent.valid(fixture.given_with(1, {"notice_version": 1}), "ai_training") with input as input_
}

test_valid_for_the_notice_of_the_purpose if {
	controllers := {"c": {
		"notice": {"version": 9, "material": 9},
		"purposes": {"p": {"basis": "CONSENT", "notice": {"version": 4, "material": 3}}},
	}}
	consent.valid(fixture.given(1), "p") with input as fixture.asked("c", "p", {}) with data.controllers as controllers
}

test_given_after_that_instant_only if {
	given := fixture.example("ai_training", {"consents": {"ai_training": fixture.given(5)}})
	consent.given_after(fixture.ago(6)) with input as given
	not consent.given_after(fixture.ago(5)) with input as given
	not consent.given_after(fixture.ago(4)) with input as given
}

test_denied_faults if {
	_faults({}) == {"CONSENT_MISSING"}
	_faults(fixture.requested(1)) == {"CONSENT_PENDING"}
	_faults(fixture.denied("REFUSED", 1)) == {"CONSENT_REFUSED"}
	_faults(fixture.denied("WITHDRAWN", 1)) == {"CONSENT_WITHDRAWN"}
	_faults(fixture.denied("INVALIDATED", 1)) == {"CONSENT_INVALIDATED"}
	_faults(fixture.given_with(9, {"expires_at": fixture.ago(1)})) == {"CONSENT_EXPIRED"}
	_faults(fixture.given_with(9, {"notice_version": 1})) == {"CONSENT_OUTDATED"}
}

test_denied_faults_no_more_than_there_are if {
	_faults(fixture.given_with(9, {"notice_version": 2, "expires_at": fixture.ago(1)})) == {"CONSENT_EXPIRED"}
	_faults(fixture.given_with(9, {"requested_at": fixture.ago(9), "expires_at": fixture.ago(1)})) == {"CONSENT_EXPIRED"}
	_faults(object.union(fixture.denied("REFUSED", 1), {"requested_at": fixture.ago(1)})) == {"CONSENT_REFUSED"}
}

test_denied_faults_all_at_once if {
	_faults(fixture.given_with(9, {
		"notice_version": 1,
		"expires_at": fixture.ago(1),
		"requested_at": fixture.ago(1),
	})) == {"CONSENT_EXPIRED", "CONSENT_OUTDATED", "CONSENT_PENDING"}
}

test_allowed_no_fault_in_a_valid_consent if _faults(fixture.given(1)) == set()

test_gdpr_7_pending_denied_as_pending_after_a_denial if {
	_faults(object.union(fixture.denied("REFUSED", 9), {"requested_at": fixture.ago(1)})) == {"CONSENT_PENDING"}
	_faults(object.union(fixture.denied("REFUSED", 1), {"requested_at": fixture.ago(9)})) == {"CONSENT_REFUSED"}
}

test_current_is_the_recipients_withdrawal_though_it_was_given_before_the_purposes if {
	withdrawn := object.union(fixture.denied("WITHDRAWN", 1), {"given_at": fixture.ago(9)})
	consent.current.status == "WITHDRAWN" with input as _to(fixture.given(5), {"r-1": withdrawn})
}

test_current_is_the_purposes_record_though_the_recipients_was_given_later_and_withdrawn if {
	withdrawn := object.union(fixture.denied("WITHDRAWN", 1), {"given_at": fixture.ago(2)})
	consent.current.given_at == fixture.ago(0) with input as _to(fixture.given(0), {"r-1": withdrawn})
}

test_faults_of_an_expired_consent_that_was_asked_for_again_after_an_earlier_refusal if {
	record := fixture.given_with(5, {
		"expires_at": fixture.ago(2),
		"denied": "REFUSED",
		"denied_at": fixture.ago(9),
		"requested_at": fixture.ago(1),
	})
	_faults(record) == {"CONSENT_EXPIRED", "CONSENT_PENDING"}
}
