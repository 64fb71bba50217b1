# METADATA
# title: The composition
# description: |
#   How levels, packs and a controller's own rules become one decision. A controller's policy is its table plus what no table
#   can say, and ends in
#
#       decision := compose.decision({"denials": denials, "bans": bans, "obligations": obligations, "recipients": recipients})
#
#   with sets of its own: denials [level, code, clause], bans [keys, code, clause], obligations {code, parameters}, and the
#   kinds of recipient that it permits beyond its table. It may add `excluded`: bans of another purpose that must be allowed
#   too, which deny by way of a rule of its own, and which a request that names no data must leave out as well.
# schemas:
#   - input: schema.input
package consentd.lib.compose

import data.consentd.lib.basis
import data.consentd.lib.levels
import data.consentd.lib.limits
import data.consentd.lib.request

# METADATA
# title: The decision
# description: Levels 0 and 1 end it; else every reason that applies is reported, in order of precedence.
decision(own) := _answer([[0, "PURPOSE_NOT_DECLARED", "LEVEL-0"]], "", []) if {
	not request.row
} else := _answer([[0, "PURPOSE_PROHIBITED", request.row.clause]], "", []) if {
	request.prohibited
} else := _answer([[1, "SUBJECT_UNKNOWN", "LEVEL-1"]], basis.in_effect, []) if {
	not input.subject.known == true
	basis.declared != "LEGAL_OBLIGATION"
} else := _denied(own, all_denials(own)) if {
	count(all_denials(own)) > 0
} else := _allowed(own)

# METADATA
# description: All denials of levels 2 to 8, the controller's own among them.
all_denials(own) := ((levels.denials | limits.denials) | (own.denials | _recipient_denials(own))) | limits.data_denials(limits.bans | own.bans)

_recipient_denials(own) := set() if {
	limits.recipient_permitted
} else := set() if {
	request.recipient_kind in own.recipients
} else := {[8, "RECIPIENT_NOT_PERMITTED", request.row.clause]}

_answer(reasons, legal_basis, permitted) := {
	"decision": "DENY",
	"reasons": [{"code": code, "clause": clause} | some [_, code, clause] in reasons],
	"legal_basis": legal_basis,
	"obligations": [],
	"permitted_data_categories": permitted,
}

_denied(own, found) := {
	"decision": "DENY",
	"reasons": [{"code": code, "clause": clause} | some [_, code, clause] in found],
	"legal_basis": basis.in_effect,
	"obligations": [o | some o in _obligations(own)],
	"permitted_data_categories": _remaining(own, found),
}

# What remains of the data asked for, where nothing but data was denied.
_remaining(own, found) := [category |
	some category in input.data_categories
	_about_data_only(found)
	not limits.denied_category(category, limits.bans | own.bans)
]

_about_data_only(found) if {
	every denial in found {
		denial[0] == 8
		denial[1] in {
			"DATA_CATEGORY_NOT_PERMITTED",
			"DATA_CATEGORY_UNSPECIFIED",
			"SENSITIVE_DATA_NOT_PERMITTED",
			"CONSENT_NOT_EXPLICIT",
		}
	}
}

_allowed(own) := {
	"decision": "ALLOW",
	"reasons": [{"code": "BASIS_HOLDS", "clause": request.row.clause}],
	"legal_basis": basis.in_effect,
	"obligations": [o | some o in (_obligations(own) | _on_allow(own))],
	"permitted_data_categories": [category | some category in input.data_categories],
}
