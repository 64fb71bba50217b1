# METADATA
# title: Consent
# description: |
#   Which consent record a request reads, and whether it counts. A record without proof never gets here: an import without
#   evidence is not folded (GDPR-7-1).
# schemas:
#   - input: schema.input
package consentd.lib.consent

import data.consentd.lib.age
import data.consentd.lib.clock
import data.consentd.lib.request

# METADATA
# description: |
#   The record that the request reads for its own purpose: that of its recipient where its last grant or denial is newer than
#   the purpose's, or where the purpose has no record; else the purpose's. A request for consent never decides which is read.
current := named if {
	_decides(named, _own(input.purpose))
} else := _own(input.purpose)

# METADATA
# description: The record of the purpose and the recipient of the request; undefined where there is none.
named := input.subject.consents[input.purpose].recipients[input.recipient.id]

# METADATA
# description: The records that a denial for the request may stand in, whichever of them is read.
of_request contains _own(input.purpose)

of_request contains named

# METADATA
# description: |
#   The record that the request reads for a purpose. Where a rule asks for the consent to another purpose than the request's,
#   that is the purpose's, whatever recipient the request names.
record(purpose) := current if purpose == input.purpose

record(purpose) := _own(purpose) if purpose != input.purpose

_own(purpose) := input.subject.consents[purpose]

_own(purpose) := {} if not input.subject.consents[purpose]

_decides(theirs, own) if _decided_at(theirs) > _decided_at(own)

# On a tie the more restrictive wins.
_decides(theirs, own) if {
	denied(theirs)
	own.status == "GIVEN"
	_decided_at(theirs) == _decided_at(own)
}

_decides(_, own) if not own.status

_decided_at(r) := r.given_at if {
	r.status == "GIVEN"
} else := r.denied_at if {
	denied(r)
} else := 0

# METADATA
# description: Anything was ever recorded for the purpose, of whatever status and proof.
recorded if input.subject.consents[input.purpose]

# METADATA
# description: The record's last word is a refusal, a withdrawal or an invalidation.
denied(r) if r.status in {"REFUSED", "WITHDRAWN", "INVALIDATED"}

# METADATA
# description: |
#   The consent to the purpose is given, not denied since, proven, unexpired, to a declared and material notice
#   (GDPR-7-NOTICE), by somebody old enough: all that level 7 asks but explicitness.
holds(r, purpose) if {
	r.status == "GIVEN"
	not _expired(r)
	_to_material_notice(r, purpose)
	_to_declared_notice(r, purpose)
	not age.given_too_young(r, purpose)
	not age.given_below_13(r, purpose)
}

# A consent that expires exactly now is expired.
_expired(r) if clock.reached(r.expires_at)

_to_material_notice(r, purpose) if r.notice_version >= _notice(purpose).material

_to_declared_notice(r, purpose) if r.notice_version <= _notice(purpose).version

_notice(purpose) := request.controller.purposes[purpose].notice

_notice(purpose) := request.controller.notice if not request.controller.purposes[purpose].notice

# METADATA
# description: The consent that the request reads holds and was given after t.
given_after(t) if {
	current.given_at > t
	holds(current, input.purpose)
}
