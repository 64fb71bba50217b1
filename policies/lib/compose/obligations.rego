package consentd.lib.compose

import data.consentd.lib.appi
import data.consentd.lib.ccpa
import data.consentd.lib.consent
import data.consentd.lib.gdpr
import data.consentd.lib.levels
import data.consentd.lib.limits
import data.consentd.lib.request

_obligations(own) := _latest_reask(found) if {
	packs := (gdpr.obligations | ccpa.obligations) | appi.obligations
	found := (packs | _table_obligations) | own.obligations
}

# Of several instants before which nobody asks again the latest counts.
_latest_reask(obligations) := obligations if {
	count(_reask_times(obligations)) < 2
} else := {o |
	some o in obligations
	not _asks_earlier(o, max(_reask_times(obligations)))
}

# No other obligation has a time.
_reask_times(obligations) := {o.parameters.time | some o in obligations}

_asks_earlier(o, latest) if o.parameters.time < latest

_table_obligations contains {"code": code, "parameters": {}} if some code in request.row.obligations

_table_obligations contains {"code": code, "parameters": {}} if {
	levels.objected
	some code in request.row.obligations_when_objected
}

_table_obligations contains {"code": code, "parameters": {}} if {
	some rule in request.row.obligations_when_refused
	consent.record(rule.consent).status in {"REFUSED", "WITHDRAWN"}
	some code in rule.obligations
}

_on_allow(own) := _unsubscribe | _exclusions(banned) if {
	banned := (limits.bans | own.bans) | object.get(own, "excluded", set())
}

_unsubscribe contains {"code": "INCLUDE_UNSUBSCRIBE", "parameters": {}} if request.marketing

# Where the request names no data: what a rule would deny, also by way of another purpose.
_exclusions(banned) := {{"code": "EXCLUDE_DATA_CATEGORIES", "parameters": {"categories": excluded}} |
	limits.names_no_data
	excluded := sort({key | some ban in banned; some key in ban[0]})
	count(excluded) > 0
}
