# METADATA
# title: Objections and restrictions
# description: |
#   Both are raised and lifted, for single purposes or for all; events that name a purpose and events for all are two records.
#   A purpose is covered if the newest event that names it was raised, or if the newest for all was raised and no newer event
#   lifted it for this purpose.
# schemas:
#   - input: schema.input
package consentd.lib.marks

import data.consentd.lib.request

# METADATA
# description: |
#   When the newest mark that covers the purpose was raised; undefined where none does. The purposes are that of the request
#   and those whose events count as events on it.
raised_at(marks, purposes) := max(_raised(marks, [m | some purpose in purposes; m := marks.purposes[purpose]]))

_raised(marks, named) := {t | t := _raised_for_one(named)} | {t | t := _raised_for_all(marks, named)}

# The newest event that names the purpose; on a tie the raising one.
_raised_for_one(named) := t if {
	t := max([m.time | some m in named])
	count([m | some m in named; m.time == t; m.raised == true]) > 0
}

_raised_for_all(marks, named) := t if {
	marks.all.raised == true
	t := marks.all.time
	count([m | some m in named; m.raised == false; m.time > t]) == 0
}

# METADATA
# description: When the objection that stands against the purpose was raised (GDPR Art. 21, APPI Art. 35).
objected_at := raised_at(input.subject.objections, _purposes) if input.subject.objections

# METADATA
# description: When the request to stop all use was raised, whatever was lifted for single purposes since.
objected_to_all_at := input.subject.objections.all.time if input.subject.objections.all.raised == true

# METADATA
# description: An objection event that covers the purpose was ever recorded, lifted or not.
objection_recorded if input.subject.objections.all

objection_recorded if {
	some purpose in _purposes
	input.subject.objections.purposes[purpose]
}

# The purpose and those whose objections the controller takes for one with its own.
_purposes := array.concat([input.purpose], _shared)

default _shared := []

_shared := request.row.objections_shared_with

# METADATA
# description: When each restriction that stands against the purpose was raised (GDPR Art. 18).
restricted_at contains t if {
	some marks in input.subject.restrictions
	t := raised_at(marks, [input.purpose])
}
