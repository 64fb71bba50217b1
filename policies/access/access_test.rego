package consentd.access_test

import data.consentd.access

_mailer := {"kind": "key", "id": "mailer", "issuer": ""}

_token := {"kind": "token", "id": "mail-service", "issuer": "https://idp.example", "claims": {"scope": "mail"}}

_act := {"caller": _mailer, "action": "check", "controller": "example", "purpose": "marketing_email"}

_grant := {"callers": ["key:mailer"], "actions": ["check"], "controllers": ["example"], "purposes": ["marketing_email"]}

_all := {"callers": ["key:mailer"], "actions": ["*"], "controllers": ["*"], "purposes": ["*"]}

_allowed(act, grants) if access.allow with input as object.union(_act, act) with data.access.grants as grants

# The caller's id is matched as a part of its name, so the same patterns are tried there.
_like(pattern, text) if {
	_allowed({"purpose": text}, [object.union(_grant, {"purposes": [pattern]})])
	_allowed({"controller": text}, [object.union(_grant, {"controllers": [pattern]})])
	_allowed({"action": text}, [object.union(_grant, {"actions": [pattern]})])
	_allowed(
		{"caller": object.union(_mailer, {"id": text})},
		[object.union(_grant, {"callers": [concat("", ["key:", pattern])]})],
	)
}

_unlike(pattern, text) if {
	not _allowed({"purpose": text}, [object.union(_grant, {"purposes": [pattern]})])
	not _allowed({"controller": text}, [object.union(_grant, {"controllers": [pattern]})])
	not _allowed({"action": text}, [object.union(_grant, {"actions": [pattern]})])
	not _allowed(
		{"caller": object.union(_mailer, {"id": text})},
		[object.union(_grant, {"callers": [concat("", ["key:", pattern])]})],
	)
}

test_denied_without_grants if {
	not _allowed({}, [])
	access.allow == false with input as _act with data.access as {}
}

test_denied_by_the_table_that_ships if {
	every action in ["check", "read", "record", "policy.activate", "admin"] {
		not access.allow with input as object.union(_act, {"action": action})
	}
}

test_allowed_what_a_grant_names if _allowed({}, [_grant])

test_allowed_by_any_of_the_grants if _allowed({}, [object.union(_grant, {"actions": ["read"]}), _grant])

test_denied_what_differs_in_one if {
	every act in [
		{"action": "explain"},
		{"controller": "jasminai"},
		{"controller": ""},
		{"purpose": "ai_training"},
		{"purpose": ""},
		{"caller": {"kind": "key", "id": "mailer2", "issuer": ""}},
		{"caller": {"kind": "certificate", "id": "mailer", "issuer": ""}},
		{"caller": {"kind": "token", "id": "mailer", "issuer": "https://idp.example"}},
		{"caller": {"kind": "key", "id": "", "issuer": ""}},
		{"caller": {"kind": "anonymous", "id": "", "issuer": ""}},
	] {
		not _allowed(act, [_grant])
	}
}

test_denied_what_two_grants_name_in_parts if {
	not _allowed({}, [
		object.union(_grant, {"purposes": ["ai_training"]}),
		object.union(_grant, {"actions": ["read"]}),
	])
}

test_denied_where_a_grant_lacks_a_part if {
	every part in ["callers", "actions", "controllers", "purposes"] {
		not _allowed({}, [object.remove(_grant, [part])])
	}
}

test_denied_where_the_act_lacks_a_part if {
	every part in ["caller", "action", "controller", "purpose"] {
		act := object.remove(_act, [part])
		access.allow == false with input as act with data.access.grants as [_all]
	}
}

test_allowed_by_stars_alone if {
	every act in [{}, {"action": "admin", "controller": "", "purpose": ""}, {"controller": "a/b", "purpose": "*"}] {
		_allowed(act, [_all])
	}
}

test_patterns_that_match if {
	every pair in [
		["policy.*", "policy.read"], ["policy.*", "policy.x.y"], ["mail*", "mailer"], ["*er", "mailer"], ["m*r", "mailer"],
		["spiffe://prod.example/ns/mail/sa/*", "spiffe://prod.example/ns/mail/sa/sender"], ["a*a", "aba"], ["*", "*"], ["ü*", "üx"],
	] {
		_like(pair[0], pair[1])
	}
}

test_patterns_that_do_not_match if {
	every pair in [
		["policy.*", "policy."], ["policy.*", "policy"], ["mail*", "email"], ["*er", "era"], ["a*a", "aa"], ["a*a", "a"],
		["spiffe://prod.example/ns/mail/sa/*", "spiffe://prod.example/ns/mail/sa/a/b"],
		["spiffe://prod.example/ns/*/sa/x", "spiffe://prod.example/ns/mail/sa/y/sa/x"],
		["*/x", "a/b/x"], ["m*i*r", "mailer"], ["Mailer", "mailer"], ["mailer", "mailer "], ["", "mailer"],
	] {
		_unlike(pair[0], pair[1])
	}
}

test_denied_what_a_grant_to_a_pattern_does_not_name if {
	patterned := object.union(_grant, {"callers": ["key:mail*"]})
	_allowed({}, [patterned])
	every act in [
		{"action": "explain"},
		{"controller": "jasminai"},
		{"purpose": "ai_training"},
		{"caller": {"kind": "certificate", "id": "mailer", "issuer": ""}},
		{"caller": {"kind": "key", "id": "mailer", "issuer": "https://idp.example"}},
	] {
		not _allowed(act, [patterned])
	}
}

_token_allowed(caller, callers) if _allowed({"caller": caller}, [object.union(_grant, {"callers": callers})])

test_allowed_tokens_of_their_issuer if {
	_token_allowed(_token, ["token:mail-service https://idp.example"])
	_token_allowed(_token, ["key:mailer", "token:* https://idp.example"])
	_token_allowed(_token, ["token:mail-* https://idp.example"])
}

test_denied_tokens_of_another_issuer if {
	every caller in [
		"token:mail-service https://idp.example.evil", "token:mail-service https://other.example", "token:mail-service",
		"token:mail-service idp.example", "token:mail-service  https://idp.example", "key:mail-service https://idp.example",
		"token:* *", "token:*",
	] {
		not _token_allowed(_token, [caller])
	}
}

test_denied_an_id_that_looks_like_id_and_issuer if {
	forged := {"kind": "token", "id": "admin https://idp.example", "issuer": "https://evil.example"}
	not _token_allowed(forged, ["token:admin https://idp.example"])
	key := {"kind": "key", "id": "admin https://idp.example", "issuer": ""}
	not _token_allowed(key, ["token:admin https://idp.example"])
}

test_denied_a_caller_without_issuer_in_the_input if {
	act := object.union(object.remove(_act, ["caller"]), {"caller": {"kind": "key", "id": "mailer"}})
	not access.allow with input as act with data.access.grants as [_grant]
}
