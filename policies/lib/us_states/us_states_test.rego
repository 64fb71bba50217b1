package consentd.lib.us_states_test

import data.consentd.lib.fixture
import data.consentd.lib.us_states

_in(state, purpose, fields) := fixture.example(purpose, object.union({"jurisdiction": state}, fields))

test_us_states_denied_without_consent if {
	every state in ["US-CO", "US-CT", "US-TX", "US-VA"] {
		count(us_states.bans) == 1 with input as _in(state, "service_delivery", {})
	}
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
