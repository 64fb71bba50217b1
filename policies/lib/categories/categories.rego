# METADATA
# title: Data categories
# description: |
#   Dotted keys of a hierarchy. Naming a category names everything under it, so a parent of a forbidden category is denied
#   with it. user.contact is no parent of user.contacts.
# schemas:
#   - input: schema.input
package consentd.lib.categories

# METADATA
# description: The special categories (GDPR Art. 9, APPI Art. 2(3)).
special := data.lib.categories.special

# METADATA
# description: a names b, or everything that b is under.
covers(a, b) if a == b

covers(a, b) if {
	startswith(b, a)
	startswith(b, concat("", [a, "."]))
}

# METADATA
# description: What a names and what b names have something in common.
overlap(a, b) if covers(a, b)

overlap(a, b) if covers(b, a)

# METADATA
# description: |
#   A category that a pack bans is in question, because the request names one or names no data at all. The limitable ones
#   are all that a pack bans.
bannable_asked if not input.data_categories

bannable_asked if count(input.data_categories) == 0

bannable_asked if near(input.data_categories, data.lib.categories.limitable)

# METADATA
# description: |
#   The category, or one of several, may overlap one of the keys: a quick look for the many that do not, by text alone.
near(category, keys) if strings.any_prefix_match(category, keys)

near(category, keys) if strings.any_prefix_match(keys, category)
