# METADATA
# title: Consent
# description: |
#   Which consent record a request reads, and whether it counts. A record without proof never gets here: an import without
#   evidence is not folded (GDPR-7-1).
# schemas:
#   - input: schema.input
package consentd.lib.consent

import data.consentd.lib.clock
import data.consentd.lib.request

# METADATA
# description: The record that the request reads for its own purpose.
current := record(input.purpose)

# METADATA
# description: |
#   The record that the request reads for a purpose: that of its recipient where there is one and it is newer than the
#   purpose's, else the purpose's. A request never displaces a grant and never lifts a denial, so it only adds its time.
record(purpose) := named if {
	named := input.subject.consents[purpose].recipients[input.recipient.id]
	_decides(named, input.subject.consents[purpose])
} else := object.union(own, {"requested_at": named.requested_at}) if {
	own := input.subject.consents[purpose]
	named := own.recipients[input.recipient.id]
	named.requested_at > object.get(own, "requested_at", 0)
} else := own if {
	own := input.subject.consents[purpose]
} else := {}

_decides(named, own) if _decided_at(named) > _decided_at(own)

# On a tie the more restrictive wins.
_decides(named, own) if {
	denied(named)
	_decided_at(named) == _decided_at(own)
}

_decides(named, own) if {
	named.status == "REQUESTED"
	not own.status
}

_decided_at(r) := r.given_at if {
	r.status == "GIVEN"
} else := r.denied_at if {
	denied(r)
} else := 0

# METADATA
# description: The record names the recipient of the request; undefined where none does.
named := input.subject.consents[input.purpose].recipients[input.recipient.id]

# METADATA
# description: Anything was ever recorded for the purpose, of whatever status and proof.
recorded if input.subject.consents[input.purpose]

# METADATA
# description: The record's last word is a refusal, a withdrawal or an invalidation.
denied(r) if r.status in {"REFUSED", "WITHDRAWN", "INVALIDATED"}

# METADATA
# description: The consent is given, not denied since, proven and unexpired.
holds(r) if {
	r.status == "GIVEN"
	not _expired(r)
}

# A consent that expires exactly now is expired.
_expired(r) if clock.reached(r.expires_at)

# METADATA
# description: The consent holds and was given to a notice that has not materially changed since (GDPR-7-NOTICE).
valid(r, purpose) if {
	holds(r)
	r.notice_version >= _material(purpose)
}

_material(purpose) := request.controller.purposes[purpose].notice.material

_material(purpose) := request.controller.notice.material if not request.controller.purposes[purpose].notice

# METADATA
# description: The consent that the request reads holds and was given after t.
given_after(t) if {
	holds(current)
	current.given_at > t
}

# METADATA
# description: Why the record does not count as a given consent to the purpose; empty where it does.
faults(r, purpose) := set() if {
	valid(r, purpose)
} else := {"CONSENT_PENDING"} if {
	r.status == "REQUESTED"
} else := {"CONSENT_PENDING"} if {
	# GDPR-7-PENDING: a request not yet confirmed is pending, also after an earlier denial.
	denied(r)
	_requested_since(r, r.denied_at)
} else := {denial_code(r)} if {
	denied(r)
} else := {"CONSENT_MISSING"} if {
	not r.status == "GIVEN"
} else := {code | some code in ["CONSENT_EXPIRED", "CONSENT_OUTDATED", "CONSENT_PENDING"]; _fault(code, r, purpose)}

_fault("CONSENT_EXPIRED", r, _) if _expired(r)

_fault("CONSENT_OUTDATED", r, purpose) if not r.notice_version >= _material(purpose)

_fault("CONSENT_PENDING", r, _) if _requested_since(r, r.given_at)

_requested_since(r, t) if r.requested_at > t

# METADATA
# description: The code of the record's own denial.
denial_code(r) := {
	"REFUSED": "CONSENT_REFUSED",
	"WITHDRAWN": "CONSENT_WITHDRAWN",
	"INVALIDATED": "CONSENT_INVALIDATED",
}[r.status]
