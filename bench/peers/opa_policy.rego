package bench

# The question, over states that are data: {subject: {purpose: {status, objected, expires_at}}}.
default allow := false

allow if allowed(input.subject, input.purpose)

# A batch: OPA has none of its own.
batch := [answer | some q in input.questions; answer := _answer(q)]

_answer(q) if allowed(q.subject, q.purpose)

_answer(q) := false if not allowed(q.subject, q.purpose)

allowed(subject, purpose) if {
	consent := data.subjects[subject][purpose]
	consent.status == "GIVEN"
	not consent.objected
	not _expired(consent)
}

_expired(consent) if consent.expires_at <= time.now_ns()
