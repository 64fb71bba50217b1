# METADATA
# title: The levels of precedence
# description: |
#   What denies a purpose on levels 2 to 8, whoever the controller is. Every level is evaluated and every reason reported.
#   A denial is [level, code, clause], so that a set of them is in order of precedence.
# schemas:
#   - input: schema.input
package consentd.lib.levels

import data.consentd.lib.age
import data.consentd.lib.appi
import data.consentd.lib.basis
import data.consentd.lib.ccpa
import data.consentd.lib.clock
import data.consentd.lib.consent
import data.consentd.lib.gdpr
import data.consentd.lib.marks
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# description: The denials of the packs. Each pack that applies must agree.
denials contains denial if some denial in gdpr.denials

denials contains denial if some denial in ccpa.denials

denials contains denial if {
	place.appi
	some denial in appi.denials
}

# METADATA
# title: Level 2
# description: The data are to be gone (GDPR-17), or the account is.
# custom:
#   article: GDPR Art. 17 where an erasure stands
denials contains [2, code, clause] if {
	some [code, clause] in _gone
	not _kept
}

_kept if basis.declared == "LEGAL_OBLIGATION"

_kept if input.purpose == "legal_claims"

_kept if input.purpose in request.controller.kept_after_erasure

# An erasure stands in every stage but two.
_gone contains ["ERASURE_REQUESTED", "GDPR-17"] if {
	input.subject.erasure
	not input.subject.erasure in {"CANCELLED", "RESTARTED"}
}

_gone contains ["ACCOUNT_CLOSED", request.row.clause] if input.subject.account_status == "CLOSED"

_gone contains ["ACCOUNT_DORMANT", request.controller.durations.dormancy.clause] if {
	clock.elapsed(input.subject.last_activity_at, "dormancy")
}

_gone contains ["RETENTION_EXPIRED", request.controller.retention.clause] if {
	request.controller.retention.counts == true
	clock.reached(input.subject.retention_until)
}

# METADATA
# title: Level 3, GDPR-18
# description: A restriction that stands, unless a consent given after it still holds. It counts in every place.
# custom:
#   article: GDPR Art. 18
denials contains [3, "RESTRICTED", "GDPR-18"] if {
	some t in marks.restricted_at
	not _unrestricted
	not consent.given_after(t)
}

_unrestricted if basis.declared in {"LEGAL_OBLIGATION", "VITAL_INTERESTS"}

_unrestricted if input.purpose in {"legal_claims", "storage"}

# METADATA
# title: Level 4
# description: Known to be under the controller's age.
denials contains [4, "UNDER_AGE", request.controller.age.clause] if {
	input.subject.age_max < age.minimum
	not age.excepted(input.purpose)
}

# METADATA
# title: Level 6, GDPR-21, APPI-35
# description: An objection that stands, unless a consent given after it still holds.
# custom:
#   article: GDPR Art. 21; APPI Art. 35
denials contains [6, "OBJECTED", _objection_rule] if {
	objected
	not basis.unconditional
}

# METADATA
# description: An objection against the purpose stands; an objection to a purpose with compelling grounds does not.
objected if {
	t := marks.objected_at
	not request.compelling
	not consent.given_after(t)
}

_objection_rule := "APPI-35" if place.appi

_objection_rule := "GDPR-21" if not place.appi
