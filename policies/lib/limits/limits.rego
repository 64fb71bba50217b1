# METADATA
# title: Level 8
# description: |
#   Limits on recipients and data. A ban is [keys, code, clause]: the request may not use those categories. An allow-list permits
#   nothing but what is under its keys. Where an allow-list and a forbidden category of the controller meet, the longer key
#   decides; what a statute bans no list permits.
# schemas:
#   - input: schema.input
package consentd.lib.limits

import data.consentd.lib.appi
import data.consentd.lib.categories
import data.consentd.lib.ccpa
import data.consentd.lib.gdpr
import data.consentd.lib.request
import data.consentd.lib.us_states

# METADATA
# title: Level 8, recipients
# description: A kind of recipient that no row names, or a sharing purpose without a recipient.
recipient_permitted if {
	request.recipient_kind == ""
	not request.sharing
}

recipient_permitted if request.recipient_kind == "PROCESSOR"

recipient_permitted if {
	request.recipient_kind == "AUTHORITY"
	input.purpose in {"legal_compliance", "legal_claims", "fraud_prevention"}
}

recipient_permitted if request.recipient_kind in request.row.recipients

recipient_permitted if request.recipient_kind in request.controller.recipients

# METADATA
# title: Level 8, anonymized data
# description: The row asks for anonymized data.
denials contains [8, "NOT_ANONYMIZED", request.row.clause] if {
	request.row.anonymized_only == true
	not request.flag("anonymized")
}

# METADATA
# description: The bans of the packs and of the controller's table.
bans contains ban if {
	categories.bannable_asked
	some ban in ((gdpr.bans | ccpa.bans) | (us_states.bans | appi.bans))
}

bans contains [rule.categories, "DATA_CATEGORY_NOT_PERMITTED", rule.clause] if {
	some rule in request.row.forbidden
	not _waived(rule)
}

bans contains [categories.special, "SENSITIVE_DATA_NOT_PERMITTED", request.row.clause] if {
	request.row.special_categories == "forbidden"
}

# A flag of the context that lifts the rule.
_waived(rule) if request.flag(rule.unless)

# The allow-list of the purpose, or of the purpose and this kind of recipient; undefined where there is none.
_allowed_keys := request.row.allowed

_allowed_keys := request.row.allowed_for[request.recipient_kind] if not request.row.allowed

# The bans that deny a category.
_hits(category, banned) := {ban |
	some ban in banned
	categories.near(category, ban[0])
	some key in ban[0]
	categories.overlap(category, key)
	not _overruled(category, key, ban[1])
}

_overruled(category, key, "DATA_CATEGORY_NOT_PERMITTED") if {
	categories.covers(key, category)
	some allowed in _allowed_keys
	categories.covers(allowed, category)
	count(allowed) > count(key)
}

_unlisted(category) if {
	_allowed_keys
	not _listed(category)
}

_listed(category) if {
	some allowed in _allowed_keys
	categories.covers(allowed, category)
}

# METADATA
# description: The category, named in the request, is not permitted.
denied_category(category, _) if _unlisted(category)

denied_category(category, banned) if count(_hits(category, banned)) > 0

# METADATA
# description: The denials for the data that the request names, or does not name.
data_denials(banned) := ({[8, "DATA_CATEGORY_UNSPECIFIED", request.row.clause] |
	_allowed_keys
	names_no_data
} | {[8, "DATA_CATEGORY_NOT_PERMITTED", request.row.clause] |
	some category in input.data_categories
	_unlisted(category)
}) | {[8, ban[1], ban[2]] |
	some category in input.data_categories
	some ban in _hits(category, banned)
}

# METADATA
# description: The request names no data category.
names_no_data if not input.data_categories

names_no_data if count(input.data_categories) == 0
