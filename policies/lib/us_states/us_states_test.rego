package consentd.lib.us_states_test

import data.consentd.lib.ccpa
import data.consentd.lib.fixture
import data.consentd.lib.us_states

_in(state, purpose, fields) := fixture.example(purpose, object.union({"jurisdiction": state}, fields))

# Each act from its date on, as the law gives it.
_since := {
	"US-CO": "2023-07-01", "US-CT": "2023-07-01", "US-DE": "2025-01-01", "US-IN": "2026-01-01", "US-KY": "2026-01-01",
	"US-MD": "2025-10-01", "US-MN": "2025-07-31", "US-MT": "2024-10-01", "US-NE": "2025-01-01", "US-NH": "2025-01-01",
	"US-NJ": "2025-01-15", "US-OR": "2024-07-01", "US-RI": "2026-01-01", "US-TN": "2025-07-01", "US-TX": "2024-07-01",
	"US-VA": "2023-01-01",
}

_gpc_since := {
	"US-CO": "2024-07-01", "US-CT": "2025-01-01", "US-DE": "2026-01-01", "US-MD": "2025-10-01", "US-MN": "2025-07-31",
	"US-MT": "2025-01-01", "US-NE": "2025-01-01", "US-NH": "2025-01-01", "US-NJ": "2025-07-15", "US-OR": "2026-01-01",
	"US-TX": "2025-01-01",
}

_begins(date) := time.parse_rfc3339_ns(concat("", [date, "T00:00:00Z"]))

test_us_states_denied_without_consent_from_the_date_of_the_act if {
	every state, date in _since {
		on_the_day := object.union(_in(state, "service_delivery", {}), {"now": _begins(date)})
		the_eve := object.union(_in(state, "service_delivery", {}), {"now": _begins(date) - 1})
		count(us_states.bans) == 1 with input as on_the_day
		us_states.bans == set() with input as the_eve
	}
}

test_us_states_honour_the_signal_from_their_dates_on if {
	every state, date in _gpc_since {
		fields := {"jurisdiction": state, "signals": {"gpc": {"value": true, "time": 1}}}
		asked := fixture.asked("example", "affiliate_sharing", {
			"recipient": fixture.recipient("AFFILIATE"),
			"subject": fixture.subject(fields),
		})
		ccpa.denials == {[5, "GPC_OPT_OUT", "US-STATES"]} with input as object.union(asked, {"now": _begins(date)})
		ccpa.denials == set() with input as object.union(asked, {"now": _begins(date) - 1})
	}
}

test_us_states_table_has_no_other if {
	object.keys(data.lib.us_states.states) == object.keys(_since)
	{state | some state, rules in data.lib.us_states.states; rules.gpc} == object.keys(_gpc_since)
}

test_us_states_allowed_on_an_ordinary_consent if {
	us_states.bans == set() with input as _in("US-VA", "storage", {"consents": {"storage": fixture.given(1)}})
}

test_us_states_denied_on_an_expired_consent if {
	record := fixture.given_with(9, {"expires_at": fixture.ago(1)})
	count(us_states.bans) == 1 with input as _in("US-VA", "storage", {"consents": {"storage": record}})
}

test_us_states_allowed_for_excepted_purposes if {
	us_states.bans == set() with input as _in("US-CO", "legal_claims", {})
	us_states.bans == set() with input as _in("US-CO", "legal_compliance", {})
	count(us_states.bans) == 1 with input as _in("US-CO", "fraud_prevention", {})
}

test_us_states_allowed_elsewhere if {
	every place in ["US", "US-CA", "US-NY", "DE", ""] {
		us_states.bans == set() with input as _in(place, "storage", {})
	}
}

test_us_states_allowed_before_the_act if {
	before := object.union(_in("US-TX", "storage", {}), {"now": time.parse_rfc3339_ns("2024-06-30T00:00:00Z")})
	us_states.bans == set() with input as before
}
