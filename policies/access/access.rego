# METADATA
# title: Access
# description: |
#   What a caller may do: what a grant of the table names, and nothing else. The table is the one beside this file, to which the
#   server adds the grants of its operator. A pattern of a grant is text with one star at most: a star alone stands for anything,
#   a star in text for at least one character, none of them a slash.
# schemas:
#   - input: schema.access
package consentd.access

# METADATA
# title: The permission
# description: One grant names all of it, the caller, the action, the controller and the purpose.
# entrypoint: true
default allow := false

allow if {
	some grant in data.access.grants
	_among(grant.actions, input.action)
	_among(grant.controllers, input.controller)
	_among(grant.purposes, input.purpose)
	_called(grant.callers)
}

# METADATA
# description: One of the callers is who asks, by kind and id, and of a token by its issuer too.
_called(callers) if {
	some caller in callers
	startswith(caller, _kind)
	endswith(caller, _issuer)
	_like(trim_suffix(trim_prefix(caller, _kind), _issuer), input.caller.id)
}

_kind := concat("", [input.caller.kind, ":"])

# A caller of the table that names an issuer is no caller without one: an id has no space there.
_issuer := concat("", [" ", input.caller.issuer]) if input.caller.issuer != ""

_issuer := "" if input.caller.issuer == ""

_among(patterns, text) if {
	some pattern in patterns
	_like(pattern, text)
}

_like("*", _)

_like(pattern, text) if pattern == text

_like(pattern, text) if {
	[before, after] := split(pattern, "*")
	startswith(text, before)
	endswith(text, after)
	between := (count(text) - count(before)) - count(after)
	between > 0
	not contains(substring(text, count(before), between), "/")
}
