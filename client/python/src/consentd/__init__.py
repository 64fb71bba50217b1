"""Asks consentd, over gRPC, whether a subject's data may be used for a purpose, and records what happens to consents.

    from consentd import Client, v1

    with Client("127.0.0.1:7070") as client:
        decision = client.check(v1.CheckRequest(controller="example", subject_id="user-42", purpose="marketing_email"))
        if decision.allowed:
            ...

Guarantees: a check that fails raises and never allows; the empty Decision denies, and so does whatever this package does
not understand of an answer. Every call ends: one without a timeout of its own gets DEFAULT_TIMEOUT.

Failure: calls raise Error, with the gRPC status's code and the fields at fault. UNAVAILABLE is retried within the timeout,
so a caller sees it only when retrying did not help. Targets and options that make no sense raise ValueError.

``consentd.aio`` is the same for asyncio. ``consentd.v1`` has the messages.
"""

from consentd import v1
from consentd._client import Client, Session
from consentd._decision import Decision, Obligation, Reason, Result
from consentd._enforce import Enforced, Enforcer, current_decision, enforce
from consentd._errors import Error, StoreMismatchError, Violation
from consentd._events import new_event, new_link, new_unlink
from consentd._guard import DeniedError
from consentd._near_cache import NearCacheConfig, NearCacheStats
from consentd._observe import Call, Observer
from consentd._outcomes import EventWarning, Outcome, outcome_of, outcomes_of
from consentd._retry import DEFAULT_TIMEOUT, MAX_TIMEOUT
from consentd._terms import Metadata

__all__ = [
    "DEFAULT_TIMEOUT",
    "MAX_TIMEOUT",
    "Call",
    "Client",
    "Decision",
    "DeniedError",
    "Enforced",
    "Enforcer",
    "Error",
    "EventWarning",
    "Metadata",
    "NearCacheConfig",
    "NearCacheStats",
    "Obligation",
    "Observer",
    "Outcome",
    "Reason",
    "Result",
    "Session",
    "StoreMismatchError",
    "Violation",
    "current_decision",
    "enforce",
    "new_event",
    "new_link",
    "new_unlink",
    "outcome_of",
    "outcomes_of",
    "v1",
]
