package consentd.lib.place_test

import data.consentd.lib.place

_in(jurisdiction) := {"controller": "c", "subject": {"jurisdiction": jurisdiction}}

_packs_for_everyone := {"c": {"packs_for_everyone": ["gdpr", "appi", "ccpa"]}}

_home := {"c": {"home_pack": "gdpr"}}

test_europe_is_the_eea_and_great_britain if {
	every code in ["DE", "DE-BY", "NO", "IS", "LI", "GB", "GB-SCT", "AX", "GF", "GP", "MF", "MQ", "RE", "YT"] {
		place.europe with input as _in(code)
		place.gdpr with input as _in(code)
	}
}

test_not_europe_elsewhere if {
	every code in ["", "CH", "US", "US-CA", "JP", "UA", "BL", "NC", "PM", "GL", "FO", "GI", "US-DE"] {
		not place.europe with input as _in(code)
		not place.gdpr with input as _in(code)
	}
}

test_tokyo_is_in_japan if {
	place.appi with input as _in("JP-13")
	not place.appi with input as _in("DE")
}

test_california_alone_has_its_pack if {
	place.ccpa with input as _in("US-CA")
	not place.ccpa with input as _in("US-CO")
	not place.ccpa with input as _in("US")
}

test_state_of_the_table if {
	place.state.gpc with input as _in("US-CO")
	not place.state with input as _in("US-NY")
	not place.state with input as _in("US")
}

test_packs_for_everyone_apply_everywhere if {
	place.gdpr with input as _in("BR") with data.controllers as _packs_for_everyone
	place.appi with input as _in("BR") with data.controllers as _packs_for_everyone
	place.ccpa with input as _in("BR") with data.controllers as _packs_for_everyone
	not place.europe with input as _in("BR") with data.controllers as _packs_for_everyone
}

test_home_pack_applies_where_the_place_is_unknown if {
	place.gdpr with input as _in("") with data.controllers as _home
	not place.gdpr with input as _in("BR") with data.controllers as _home
	not place.appi with input as _in("") with data.controllers as _home
}

test_place_unknown_where_nothing_was_recorded if place.jurisdiction == "" with input as {"subject": {}}

test_home_packs_of_other_regimes_apply_too if {
	place.ccpa with input as _in("") with data.controllers as {"c": {"home_pack": "ccpa"}}
	not place.ccpa with input as _in("BR") with data.controllers as {"c": {"home_pack": "ccpa"}}
	place.appi with input as _in("") with data.controllers as {"c": {"home_pack": "appi"}}
	not place.appi with input as _in("BR") with data.controllers as {"c": {"home_pack": "appi"}}
}

test_territories_count_as_their_country if {
	place.country == "FI" with input as _in("AX")
	place.country == "FR" with input as _in("RE")
	place.country_of("FR-RE") == "FR"
	place.country_of("") == ""
	place.in_eea("MQ")
	not place.in_eea("GB")
}
