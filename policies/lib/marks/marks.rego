# METADATA
# title: Objections and restrictions
# description: |
#   Both are raised and lifted, for single purposes or for all. Per purpose the newest event that covers it decides, on a
#   tie the raising one.
# schemas:
#   - input: schema.input
package consentd.lib.marks

import data.consentd.lib.request

# METADATA
# description: When the mark that decides for the purposes was raised; undefined where it is lifted or there is none.
raised_at(marks, purposes) := t if {
	covering := [m | some m in _covering(marks, purposes)]
	t := max([m.time | some m in covering; m.raised == true])
	newer := [m | some m in covering; m.raised == false; m.time > t]
	count(newer) == 0
}

_covering(marks, purposes) := array.concat(
	[m | m := marks.all],
	[m | some purpose in purposes; m := marks.purposes[purpose]],
)

# METADATA
# description: When the objection that stands against the purpose was raised (GDPR Art. 21, APPI Art. 35).
objected_at := raised_at(input.subject.objections, array.concat([input.purpose], _shared)) if input.subject.objections

# METADATA
# description: When the request to stop all use was raised, whatever was lifted for single purposes since.
objected_to_all_at := input.subject.objections.all.time if input.subject.objections.all.raised == true

# METADATA
# description: An objection event that covers the purpose was ever recorded, lifted or not.
objection_recorded if input.subject.objections.all

objection_recorded if input.subject.objections.purposes[input.purpose]

default _shared := []

# Purposes whose objections the controller takes for one.
_shared := request.row.objections_shared_with

# METADATA
# description: When each restriction that stands against the purpose was raised (GDPR Art. 18).
restricted_at contains t if {
	some marks in input.subject.restrictions
	t := raised_at(marks, [input.purpose])
}
