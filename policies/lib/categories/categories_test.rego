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
