package consentd.lib.ccpa

import data.consentd.lib.clock
import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: CCPA-GPC
# description: Global Privacy Control is an opt-out (11 CCR 7025), stored or on the request, here and in the states that honour it.
# custom:
#   article: 11 CCR 7025
# schemas:
#   - input: schema.input
denials contains [5, "GPC_OPT_OUT", _gpc_rule] if {
	request.sale_or_sharing
	signalled("gpc")
	_gpc_rule
}

_gpc_rule := "CCPA-GPC" if place.ccpa

_gpc_rule := "US-STATES" if {
	not place.ccpa
	clock.in_force(place.state.gpc)
}

# METADATA
# title: CCPA-GPC
# description: A signal opts the subject out; it came with the request, or is stored and still counts.
# custom:
#   article: 11 CCR 7025
signalled(signal) if request.flag(signal)

signalled(signal) if signalled_at(signal)

# METADATA
# title: CCPA-GPC
# description: |
#   Since when the stored signal opts the subject out; undefined where there is none, or where a consent with evidence (of the
#   conflict notice) that holds was given after it (11 CCR 7025(c)(4)).
# custom:
#   article: 11 CCR 7025(c)(4)
# schemas:
#   - input: schema.input
signalled_at(signal) := stored.time if {
	stored := input.subject.signals[signal]
	stored.value == true
	not _consented_with_notice(stored.time)
}

_consented_with_notice(t) if {
	consent.current.evidence == true
	consent.given_after(t)
}

# METADATA
# title: CCPA-GPC
# description: A signal that came with a request for sale or sharing is to be recorded; a check itself never writes.
# custom:
#   article: 11 CCR 7025
obligations contains {"code": "RECORD_SIGNAL", "parameters": {"signal": "gpc"}} if {
	request.flag("gpc")
	request.sale_or_sharing
	_gpc_rule
}
