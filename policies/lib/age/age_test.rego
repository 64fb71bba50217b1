package consentd.lib.age_test

import data.consentd.lib.age
import data.consentd.lib.fixture

_in(place, controller, purpose) := fixture.asked(controller, purpose, {"subject": fixture.subject({"jurisdiction": place})})

_too_young(place, controller, purpose, fields) if {
	age.given_too_young(fixture.given_with(9, fields), purpose) with input as _in(place, controller, purpose)
}

test_gdpr_8_too_young_by_the_law_of_the_place if {
	every place, asked in {"DE": 16, "": 16, "FR": 15, "RE": 15, "DK": 15, "AT": 14, "GB": 13, "AX": 13} {
		_too_young(place, "example", "ai_training", {"age_max": asked - 1})
		not _too_young(place, "example", "ai_training", {"age_max": asked})
	}
	every place in ["US-CA", "JP", "BR"] {
		not _too_young(place, "example", "ai_training", {"age_max": 3})
	}
}

test_gdpr_8_never_by_the_parent_nor_where_the_age_is_unknown if {
	not _too_young("DE", "example", "ai_training", {"age_max": 12, "given_by": "PARENT"})
	not _too_young("DE", "example", "ai_training", {"age_min": 3})
	_too_young("DE", "example", "ai_training", {"age_max": 12, "given_by": "AGENT"})
}

test_level_7_too_young_by_the_controllers_own_age if {
	every controller, asked in {"jasminai": 18, "livex": 18, "somesing": 14, "z-image": 13} {
		_too_young("US-NY", controller, "marketing_email", {"age_max": min([asked, 16]) - 1})
	}
	_too_young("US-NY", "livex", "further_use", {"age_max": 17})
	not _too_young("US-NY", "livex", "further_use", {"age_max": 18})
	_too_young("AT", "z-image", "saved_gallery", {"age_max": 13})
	not _too_young("US-NY", "z-image", "saved_gallery", {"age_max": 13})
	not _too_young("JP", "jsers", "third_party_disclosure", {"age_max": 3})
}

test_level_4_excepted_purposes if {
	every purpose in ["legal_compliance", "legal_claims", "fraud_prevention"] {
		age.excepted(purpose) with input as _in("DE", "example", purpose)
		not _too_young("DE", "example", purpose, {"age_max": 3})
	}
	age.excepted("age_verification") with input as _in("JP", "somesing", "age_verification")
	not _too_young("DE", "somesing", "age_verification", {"age_max": 3})
	not age.excepted("storage") with input as _in("DE", "example", "storage")
}

_below_13(place, purpose, fields) if {
	asked := fixture.asked("example", purpose, {
		"recipient": fixture.recipient("AFFILIATE"),
		"subject": fixture.subject({"jurisdiction": place}),
	})
	age.given_below_13(fixture.given_with(9, fields), "affiliate_sharing") with input as asked
}

test_ccpa_120_minor_below_13_for_sale_in_california if {
	_below_13("US-CA", "affiliate_sharing", {"age_max": 12})
	not _below_13("US-CA", "affiliate_sharing", {"age_max": 13})
	not _below_13("US-CA", "affiliate_sharing", {"age_max": 12, "given_by": "PARENT"})
	not _below_13("US-CO", "affiliate_sharing", {"age_max": 12})
	not _below_13("US-CA", "sale_of_data", {"age_max": 12})
}
