package consentd.lib.request_test

import data.consentd.lib.fixture
import data.consentd.lib.request

test_row_of_a_declared_purpose if {
	request.row.basis == "CONTRACT" with input as fixture.asked("example", "storage", {})
}

test_no_row_of_an_undeclared_purpose if not request.row with input as fixture.asked("example", "saved_gallery", {})

test_prohibited_by_the_row_or_for_want_of_a_basis if {
	request.prohibited with input as fixture.asked("jasminai", "sale_of_data", {})
	request.prohibited with input as fixture.asked("c", "p", {}) with data.controllers as {"c": {"purposes": {"p": {}}}}
	both := {"c": {"purposes": {"p": {"basis": "CONTRACT", "prohibited": true}}}}
	request.prohibited with input as fixture.asked("c", "p", {}) with data.controllers as both
	not request.prohibited with input as fixture.asked("example", "storage", {})
}

test_flag_counts_as_json_true_only if {
	request.flag("gpc") with input.context as {"gpc": true}
	every value in ["true", 1, {"a": 1}, false, null] {
		not request.flag("gpc") with input.context as {"gpc": value}
	}
	not request.flag("gpc") with input.context as {}
}

test_recipient_defaults if {
	request.recipient_kind == "" with input as {}
	request.recipient_country == "" with input as {"recipient": {"kind": "PROCESSOR"}}
	request.recipient_kind == "PROCESSOR" with input as {"recipient": {"kind": "PROCESSOR"}}
	request.recipient_country == "IN" with input as {"recipient": {"kind": "PROCESSOR", "country": "IN"}}
}

test_purposes_that_share_and_that_advertise if {
	request.sharing with input.purpose as "sale_of_data"
	not request.sharing with input.purpose as "interest_based_advertising"
	request.marketing with input.purpose as "event_information"
	not request.marketing with input.purpose as "service_messages"
}

test_settings_of_the_controller_and_of_the_row if {
	request.accepts_controller_policy("jpmail") with input as fixture.asked("jsers", "marketing_email", {})
	request.accepts_controller_policy("jpmail") with input as fixture.asked("somesing", "event_information", {})
	not request.accepts_controller_policy("jpmail") with input as fixture.asked("somesing", "marketing_email", {})
}

test_compelling_grounds if {
	request.compelling with input.purpose as "fraud_prevention"
	request.compelling with input.purpose as "legal_claims"
	not request.compelling with input.purpose as "legal_compliance"
}
