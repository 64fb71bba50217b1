package consentd.lib.categories_test

import data.consentd.lib.categories

test_covered_category_itself if categories.covers("user.contact", "user.contact")

test_covered_category_below if categories.covers("user", "user.contact.email")

test_not_covered_key_that_only_begins_alike if not categories.covers("user.contact", "user.contacts")

test_not_covered_parent if not categories.covers("user.contact.email", "user.contact")

test_overlapping_parent_and_child if {
	categories.overlap("user.contact.email", "user.contact")
	categories.overlap("user.contact", "user.contact.email")
}

test_not_overlapping_siblings if not categories.overlap("user.contact.email", "user.contact.phone")

test_special_categories_are_limitable if {
	every key in categories.special {
		key in data.lib.categories.limitable
	}
}

test_limitable_is_the_precise_location_besides if {
	limitable := {key | some key in data.lib.categories.limitable}
	special := {key | some key in categories.special}
	limitable - special == {"user.location.precise"}
}

test_near_whatever_overlaps if {
	every key in categories.special {
		every category in [key, concat(".", [key, "x"]), "user"] {
			categories.near(category, categories.special)
		}
	}
}

test_not_near_what_differs_by_text if {
	not categories.near("user.contact", categories.special)
	not categories.near("user.contact", [])
}

test_bannable_where_the_request_names_no_data if {
	categories.bannable_asked with input as {}
	categories.bannable_asked with input as {"data_categories": []}
}

test_bannable_where_a_pack_bans_it_its_part_or_its_parent if {
	every category in ["user.genetic", "user.location", "user.health_and_medical.record", "user"] {
		categories.bannable_asked with input as {"data_categories": [category]}
	}
	not categories.bannable_asked with input as {"data_categories": ["user.behavior", "user.contact.email"]}
}
