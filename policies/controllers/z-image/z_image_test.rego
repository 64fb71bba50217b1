package consentd.controllers["z-image_test"]

import data.consentd.controllers["z-image"] as z_image
import data.consentd.lib.fixture

_to(kind, purpose, categories) := fixture.asked("z-image", purpose, {
	"data_categories": categories,
	"recipient": fixture.recipient(kind),
})

_banned contains key if {
	some [keys, _, _] in z_image.bans
	some key in keys
}

test_banned_prompts_to_everyone_but_processors if {
	every kind in ["AFFILIATE", "CORPORATE_AFFILIATE", "REFERRAL_PARTNER", "ADVERTISING_PARTNER", "THIRD_PARTY"] {
		_banned == {"user.content"} with input as _to(kind, "legal_compliance", [])
	}
	_banned == set() with input as _to("PROCESSOR", "legal_compliance", [])
}

test_banned_prompts_to_authorities_but_by_law if {
	_banned == {"user.content"} with input as _to("AUTHORITY", "fraud_prevention", [])
	_banned == set() with input as _to("AUTHORITY", "legal_compliance", [])
	_banned == set() with input as _to("AUTHORITY", "legal_claims", [])
}

_on_security_or_law := {"fraud_prevention", "legal_compliance", "legal_claims"}

test_banned_ip_address_but_for_security_and_law if {
	every purpose in object.keys(data.controllers["z-image"].purposes) - _on_security_or_law {
		_banned == {"user.device.ip_address"} with input as fixture.asked("z-image", purpose, {})
	}
	every purpose in _on_security_or_law {
		_banned == set() with input as fixture.asked("z-image", purpose, {})
	}
}

test_denied_prompts_to_a_third_party_against_fraud if {
	d := z_image.decision with input as _to("THIRD_PARTY", "fraud_prevention", ["user.content", "user.device.ip_address"])
	fixture.codes(d) == {"DATA_CATEGORY_NOT_PERMITTED"}
	d.permitted_data_categories == ["user.device.ip_address"]
}

test_allowed_service_without_the_ip_address if {
	d := z_image.decision with input as fixture.asked("z-image", "service_delivery", {
		"data_categories": ["user.content.prompt"],
		"recipient": fixture.recipient("PROCESSOR"),
	})
	d.decision == "ALLOW"
	d.legal_basis == "CONTRACT"
}
