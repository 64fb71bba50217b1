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
	some [issuer, grant] in _named[_name]
	issuer == input.caller.issuer
	_grants(grant)
}

allow if {
	some [kind, pattern, issuer, grant] in _patterned
	kind == input.caller.kind
	issuer == input.caller.issuer
	_like(pattern, input.caller.id)
	_grants(grant)
}

_grants(grant) if {
	_among(grant.actions, input.action)
	_among(grant.controllers, input.controller)
	_among(grant.purposes, input.purpose)
}

_name := concat(":", [input.caller.kind, input.caller.id])

# The grants by the names of their callers, and those of callers who are named by a pattern. They depend on no request, and are
# made once.
_named[name] contains [issuer, grant] if {
	some grant in data.access.grants
	some caller in grant.callers
	[name, issuer] := _parts(caller)
}

_patterned contains [kind, pattern, issuer, grant] if {
	some grant in data.access.grants
	some caller in grant.callers
	[name, issuer] := _parts(caller)
	contains(name, "*")
	kind := split(name, ":")[0]
	pattern := substring(name, count(kind) + 1, -1)
}

# kind:id, and of a token the issuer after a space.
_parts(caller) := [caller, ""] if not contains(caller, " ")

_parts(caller) := split(caller, " ") if contains(caller, " ")

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
