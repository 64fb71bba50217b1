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

test_current_is_the_purposes_record_where_both_were_given_or_ended_at_one_instant if {
	both := _to(fixture.given_with(1, {"explicit": true}), {"r-1": fixture.given(1)})
	consent.current.explicit == true with input as both
	ended := _to(fixture.denied("WITHDRAWN", 9), {"r-1": object.union(fixture.denied("WITHDRAWN", 9), {"requested_at": fixture.ago(1)})})
	not consent.current.requested_at with input as ended
}

test_current_is_the_recipients_request_where_nothing_else_is if {
	consent.current.status == "REQUESTED" with input as _to({}, {"r-1": fixture.requested(1)})
}

test_current_is_the_purposes_record_whatever_the_recipient_was_asked_since if {
	given := _to(fixture.denied("REFUSED", 9), {"r-1": fixture.requested(1)})
	consent.current == object.union(fixture.denied("REFUSED", 9), {"recipients": {"r-1": fixture.requested(1)}}) with input as given
	asked := _to(fixture.requested(5), {"r-1": fixture.requested(1)})
	consent.current.requested_at == fixture.ago(5) with input as asked
}

test_record_of_another_purpose_is_that_purposes_whatever_the_recipient if {
	given := fixture.asked("example", "affiliate_sharing", {
		"recipient": fixture.recipient("AFFILIATE"),
		"subject": fixture.subject({"consents": {
			"affiliate_sharing": {"recipients": {"r-1": fixture.given(1)}},
			"storage": object.union(fixture.given(9), {"recipients": {"r-1": fixture.denied("REFUSED", 5)}}),
		}}),
	})
	consent.record("affiliate_sharing").given_at == fixture.ago(1) with input as given
	consent.record("storage").status == "GIVEN" with input as given
	consent.record("marketing_email") == {} with input as given
}

test_current_is_empty_where_nothing_was_recorded if {
	consent.current == {} with input as fixture.asked("example", "ai_training", {})
	not consent.recorded with input as fixture.asked("example", "ai_training", {})
}

test_recorded_though_nothing_counts if {
	consent.recorded with input as fixture.example("ai_training", {"consents": {"ai_training": {}}})
}

_holds(record) if consent.holds(record, "ai_training") with input as fixture.asked("example", "ai_training", {})

test_holds_until_its_expiry if {
	_holds(fixture.given(1))
	_holds(fixture.given_with(9, {"expires_at": fixture.now + 1}))
	not _holds(fixture.given_with(9, {"expires_at": fixture.now}))
	not _holds(fixture.requested(1))
}

test_gdpr_7_notice_holds_for_a_material_and_declared_notice if {
	_holds(fixture.given_with(1, {"notice_version": 2}))
	not _holds(fixture.given_with(1, {"notice_version": 1}))
	not _holds(fixture.given_with(1, {"notice_version": 4}))
}

test_gdpr_7_notice_is_that_of_the_purpose if {
	controllers := {"c": {
		"notice": {"version": 9, "material": 9},
		"purposes": {"p": {"basis": "CONSENT", "notice": {"version": 4, "material": 3}}},
	}}
	consent.holds(fixture.given(1), "p") with input as fixture.asked("c", "p", {}) with data.controllers as controllers
}

test_denied_where_no_notice_is_declared if {
	controllers := {"c": {"purposes": {"p": {"basis": "CONSENT"}}}}
	faults := consent.faults(fixture.given(1), "p") with input as fixture.asked("c", "p", {}) with data.controllers as controllers
	faults == {"CONSENT_OUTDATED", "NOTICE_UNKNOWN"}
}

test_gdpr_8_holds_where_the_subject_was_old_enough if {
	_holds(fixture.given_with(1, {"age_max": 16}))
	_holds(fixture.given_with(1, {"age_max": 15, "given_by": "PARENT"}))
	not _holds(fixture.given_with(1, {"age_max": 15}))
	not _holds(fixture.given_with(1, {"age_max": 15, "given_by": "AGENT"}))
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
	_faults(fixture.given_with(9, {"notice_version": 4})) == {"NOTICE_UNKNOWN"}
	_faults(fixture.given_with(9, {"age_max": 15})) == {"CONSENT_BY_MINOR"}
}

test_denied_faults_no_more_than_there_are if {
	_faults(fixture.given_with(9, {"notice_version": 2, "expires_at": fixture.ago(1)})) == {"CONSENT_EXPIRED"}
	_faults(fixture.given_with(9, {"requested_at": fixture.ago(9), "expires_at": fixture.ago(1)})) == {"CONSENT_EXPIRED"}
	_faults(object.union(fixture.denied("REFUSED", 1), {"requested_at": fixture.ago(1)})) == {"CONSENT_REFUSED"}
}

test_denied_faults_all_at_once if {
	_faults(fixture.given_with(9, {
		"age_max": 15,
		"notice_version": 1,
		"expires_at": fixture.ago(1),
		"requested_at": fixture.ago(1),
	})) == {"CONSENT_BY_MINOR", "CONSENT_EXPIRED", "CONSENT_OUTDATED", "CONSENT_PENDING"}
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
