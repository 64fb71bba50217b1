package consentd.lib.limits_test

import data.consentd.lib.fixture
import data.consentd.lib.limits

_to(controller, purpose, kind) := fixture.asked(controller, purpose, {"recipient": fixture.recipient(kind)})

_data(controller, purpose, categories) := fixture.asked(controller, purpose, {
	"data_categories": categories,
	"subject": fixture.subject({"jurisdiction": "BR"}),
})

_denied(banned) := {code | some [_, code, _] in limits.data_denials(banned)}

# A row that forbids user.device and permits a part of it: the longer key decides.
_controllers := {"c": {"purposes": {"p": {
	"basis": "CONTRACT",
	"clause": "1",
	"allowed": ["user.device.model", "user.contact"],
	"forbidden": [{"categories": ["user.device"], "clause": "2"}],
}}}}

test_permitted_recipients if {
	limits.recipient_permitted with input as fixture.asked("example", "storage", {})
	limits.recipient_permitted with input as _to("example", "storage", "PROCESSOR")
	limits.recipient_permitted with input as _to("example", "affiliate_sharing", "REFERRAL_PARTNER")
	limits.recipient_permitted with input as _to("jasminai", "product_analytics", "CORPORATE_AFFILIATE")
	limits.recipient_permitted with input as _to("jasminai", "payment_processing", "THIRD_PARTY")
}

test_permitted_authorities if {
	every purpose in ["legal_compliance", "legal_claims", "fraud_prevention"] {
		limits.recipient_permitted with input as _to("example", purpose, "AUTHORITY")
	}
	not limits.recipient_permitted with input as _to("example", "storage", "AUTHORITY")
}

test_denied_recipients if {
	not limits.recipient_permitted with input as fixture.asked("example", "affiliate_sharing", {})
	not limits.recipient_permitted with input as _to("example", "storage", "AFFILIATE")
	not limits.recipient_permitted with input as _to("example", "sale_of_data", "AFFILIATE")
	not limits.recipient_permitted with input as _to("jasminai", "fraud_prevention", "THIRD_PARTY")
}

test_denied_data_that_are_not_anonymized if {
	fixture.denied_codes(limits.denials) == {"NOT_ANONYMIZED"} with input as fixture.asked("jasminai", "ai_training", {})
	limits.denials == set() with input as fixture.asked("jasminai", "ai_training", {"context": {"anonymized": true}})
	limits.denials == set() with input as fixture.asked("example", "ai_training", {})
}

test_denied_categories_beyond_an_allow_list if {
	listed := ["user.location.country", "user.device.model", "user.account.username.history"]
	_denied(set()) == set() with input as _data("jasminai", "affiliate_sharing", listed)
	every category in ["user.location", "user", "user.devices", "user.content"] {
		_denied(set()) == {"DATA_CATEGORY_NOT_PERMITTED"} with input as _data("jasminai", "affiliate_sharing", [category])
	}
}

test_denied_unspecified_where_there_is_an_allow_list if {
	_denied(set()) == {"DATA_CATEGORY_UNSPECIFIED"} with input as _data("jasminai", "affiliate_sharing", [])
	_denied(set()) == {"DATA_CATEGORY_UNSPECIFIED"} with input as object.remove(
		_data("jasminai", "affiliate_sharing", []),
		["data_categories"],
	)
	_denied(limits.bans) == set() with input as _data("jasminai", "behavior_analytics", [])
}

_contact_to(kind) := object.union(
	_data("z-image", "fraud_prevention", ["user.contact"]),
	{"recipient": fixture.recipient(kind)},
)

test_denied_by_an_allow_list_for_one_kind_of_recipient if {
	_denied(set()) == {"DATA_CATEGORY_NOT_PERMITTED"} with input as _contact_to("THIRD_PARTY")
	_denied(set()) == set() with input as _contact_to("PROCESSOR")
}

test_denied_forbidden_categories_and_their_parents if {
	every category in ["user.content", "user.content.prompt", "user"] {
		_denied(limits.bans) == {"DATA_CATEGORY_NOT_PERMITTED"} with input as _data("z-image", "product_analytics", [category])
	}
	_denied(limits.bans) == set() with input as _data("z-image", "product_analytics", ["user.contents"])
}

test_allowed_forbidden_category_where_a_flag_lifts_it if {
	input_ := _data("z-image", "product_analytics", ["user.content"])
	_denied(limits.bans) == set() with input as object.union(input_, {"context": {"feedback": true}})
	count(_denied(limits.bans)) == 1 with input as object.union(input_, {"context": {"feedback": 1}})
}

test_denied_special_categories_that_the_row_forbids if {
	given := _data("livex", "content_personalization", ["user.demographic"])
	_denied(limits.bans) == {"SENSITIVE_DATA_NOT_PERMITTED"} with input as given
}

test_longer_key_decides_where_lists_meet if {
	every category in ["user.device.model", "user.device.model.year", "user.contact"] {
		given := _data("c", "p", [category])
		not limits.denied_category(category, limits.bans) with input as given with data.controllers as _controllers
	}
	every category in ["user.device", "user.device.id", "user"] {
		given := _data("c", "p", [category])
		limits.denied_category(category, limits.bans) with input as given with data.controllers as _controllers
	}
}

test_denied_forbidden_part_of_what_is_listed if {
	every category in ["user.device", "user.device.ip_address", "user.device.ip_address.v4"] {
		given := _data("jasminai", "affiliate_sharing", [category])
		limits.denied_category(category, limits.bans) with input as given
		not limits.denied_category(category, set()) with input as given
	}
	limits.denied_category("user.content", set()) with input as _data("jasminai", "affiliate_sharing", ["user.content"])
}

test_denied_by_a_statute_whatever_is_listed if {
	banned := {[["user.contact"], "SENSITIVE_DATA_NOT_PERMITTED", "X"], [["user.contact.email"], "SENSITIVE_DATA_NOT_PERMITTED", "Y"]}
	given := _data("c", "p", ["user.contact.email"])
	_denied(banned) == {"SENSITIVE_DATA_NOT_PERMITTED"} with input as given with data.controllers as _controllers
}

_banning contains clause if some [_, _, clause] in limits.bans

test_packs_of_the_states_and_of_japan_ban_too if {
	_banning == {"US-STATES"} with input as fixture.example("storage", {"jurisdiction": "US-CO"})
	_banning == {"APPI-20-2"} with input as fixture.example("storage", {"jurisdiction": "JP"})
}

test_packs_ban_together if {
	subject := fixture.subject({
		"jurisdiction": "US-CA",
		"opt_outs": {"SENSITIVE_DATA_USE": {"lifted": false, "time": fixture.ago(1)}},
	})
	_banning == {"GDPR-9", "CCPA-121"} with input as fixture.asked("jasminai", "product_improvement", {"subject": subject})
}

_listed_twice := {"c": {"purposes": {"p": {
	"clause": "1",
	"allowed": ["user.device", "user.contact"],
	"allowed_for": {"PROCESSOR": ["user.name"]},
	"forbidden": [{"categories": ["user.contact"], "clause": "2"}],
}}}}

test_denied_where_a_category_is_listed_and_forbidden_alike if {
	given := _data("c", "p", ["user.contact.email"])
	_denied(limits.bans) == {"DATA_CATEGORY_NOT_PERMITTED"} with input as given with data.controllers as _listed_twice
}

test_list_of_the_purpose_comes_before_that_for_a_recipient if {
	given := object.union(_data("c", "p", ["user.device"]), {"recipient": fixture.recipient("PROCESSOR")})
	_denied(limits.bans) == set() with input as given with data.controllers as _listed_twice
}

test_packs_are_asked_only_for_what_they_can_ban if {
	at_home := {"subject": {"jurisdiction": "DE"}}
	limits.bans == set() with input as object.union(_data("example", "storage", ["user.behavior"]), at_home)
	count(limits.bans) == 1 with input as object.union(_data("example", "storage", ["user.genetic"]), at_home)
}
