package consentd.lib.consent

import data.consentd.lib.age

# METADATA
# description: Why the record does not count as a given consent to the purpose; empty where it does.
# schemas:
#   - input: schema.input
faults(r, purpose) := set() if {
	holds(r, purpose)
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
} else := {code | some code in _flaws; _fault(code, r, purpose)}

# What can be wrong with a grant. Each is there exactly where the condition of holds is not met.
_flaws := [
	"CONSENT_BY_MINOR", "CONSENT_EXPIRED", "CONSENT_MISSING", "CONSENT_OUTDATED", "CONSENT_PENDING",
	"NOTICE_UNKNOWN",
]

_fault("CONSENT_EXPIRED", r, _) if _expired(r)

_fault("CONSENT_OUTDATED", r, purpose) if not _to_material_notice(r, purpose)

_fault("NOTICE_UNKNOWN", r, purpose) if not _to_declared_notice(r, purpose)

_fault("CONSENT_BY_MINOR", r, purpose) if age.given_too_young(r, purpose)

_fault("CONSENT_BY_MINOR", r, purpose) if {
	age.given_below_13(r, purpose)
	input.subject.age_max < 16
}

# CCPA-120-MINOR: from 16 on it counts as none.
_fault("CONSENT_MISSING", r, purpose) if {
	age.given_below_13(r, purpose)
	not input.subject.age_max < 16
}

# A request that is newer than a grant which does not hold.
_fault("CONSENT_PENDING", r, _) if _requested_since(r, r.given_at)

_requested_since(r, t) if r.requested_at > t

# METADATA
# description: The code of the record's own denial.
denial_code(r) := denial_codes[r.status]

# METADATA
# description: The code of each status that denies.
denial_codes := {
	"REFUSED": "CONSENT_REFUSED",
	"WITHDRAWN": "CONSENT_WITHDRAWN",
	"INVALIDATED": "CONSENT_INVALIDATED",
}

# METADATA
# description: Why no consent that names the recipient of the request counts; empty where one does.
# schemas:
#   - input: schema.input
named_faults := faults(named, input.purpose)

named_faults := {"CONSENT_MISSING"} if not named
