"""Turns answers into decisions. What is not understood denies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from consentd import v1
from consentd._errors import Error


@dataclass(frozen=True)
class Reason:
    """One reason for a decision."""

    #: What kind of reason it is, for example "CONSENT_MISSING"; a number where this package does not know it.
    code: str
    #: The clause of the privacy policy or the statute's rule behind it.
    clause: str = ""
    #: A sentence for people. Not stable; do not parse it.
    message: str = ""

    def __str__(self) -> str:
        return f"{self.code} ({self.clause})" if self.clause else self.code


@dataclass(frozen=True)
class Obligation:
    """Something that you must also do, whether allowed or denied."""

    #: What is to be done, for example "INCLUDE_UNSUBSCRIBE"; a number where this package does not know it.
    code: str
    #: Its parameters, by the names that the proto documents.
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Decision:
    """The answer to a check. The empty one denies, and a denial is false: ``if decision:`` does what it seems to do."""

    #: True only where the server said ALLOW and this package understood the obligations that the permission depends on: an
    #: obligation of an unknown code cannot be met, so it denies.
    allowed: bool = False
    #: Why, in order of precedence.
    reasons: tuple[Reason, ...] = ()
    #: The legal basis in effect, on a denial too: "CONSENT"; "UNSPECIFIED" where the purpose is undeclared or prohibited.
    legal_basis: str = "UNSPECIFIED"
    #: What you must also do, whether allowed or denied.
    obligations: tuple[Obligation, ...] = ()
    #: Those data categories of the request that are permitted.
    permitted_data_categories: tuple[str, ...] = ()
    #: The first instant (UTC) at which time alone could change the decision, rounded down to microseconds; None if none
    #: can. It does not say that no event will change it sooner.
    valid_until: datetime | None = None
    #: Stands for the state that was read; hand it on as v1.Consistency(at_least_as_fresh=...).
    consistency_token: str = ""
    #: The digest of the policies that decided.
    policy_revision: str = ""
    #: Names the decision in logs.
    id: str = ""
    #: That the server could not read the subject's state, and decided as the controller declares for then: "DENIED",
    #: "STALE"; "UNSPECIFIED": it could. Such a decision is for this check alone: ask again rather than keep it.
    degraded: str = "UNSPECIFIED"
    #: Of a "STALE" one, how old the state may be by which it was decided, rounded up to a microsecond; else None.
    state_age: timedelta | None = None

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        """The decision and its reasons for people: "DENY: CONSENT_MISSING (jasminai §3.7)"."""
        effect = "ALLOW" if self.allowed else "DENY"
        if self.degraded != "UNSPECIFIED":
            effect += f" (degraded: {self.degraded})"
        return f"{effect}: {', '.join(map(str, self.reasons))}" if self.reasons else effect


@dataclass(frozen=True)
class Result:
    """What came of one request of a batch: a decision, or an error and the empty decision. It is true where allowed."""

    decision: Decision = Decision()
    #: What check would have raised.
    error: Error | None = None

    def __bool__(self) -> bool:
        return self.error is None and self.decision.allowed


@lru_cache(maxsize=1024)
def bare(enum: EnumTypeWrapper, value: int) -> str:
    """The name of an enumeration's value without its prefix; the number where it is not known."""
    if value not in enum.values():
        return str(value)
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return enum.Name(value).removeprefix(prefix)


def decision_of(response: v1.CheckResponse) -> Decision:
    """Converts an answer."""
    return Decision(
        allowed=_allows(response),
        reasons=tuple([_reason(r.code, r.clause, r.message) for r in response.reasons]),
        legal_basis=bare(v1.LegalBasis, response.legal_basis),
        obligations=tuple([Obligation(bare(v1.ObligationCode, o.code), _plain(o.parameters)) for o in response.obligations]),
        permitted_data_categories=tuple(response.permitted_data_categories),
        valid_until=instant(response.valid_until) if response.HasField("valid_until") else None,
        consistency_token=response.consistency_token,
        policy_revision=response.policy_revision,
        id=response.decision_id,
        degraded=bare(v1.Degradation, response.degraded),
        state_age=_age(response.state_age) if response.HasField("state_age") else None,
    )


def _age(d: Duration) -> timedelta:
    """Rounds up: a state may be younger than is said, never older."""
    seconds = min(max(d.seconds, 0), _LONGEST)
    return timedelta(seconds=seconds, microseconds=-(-d.nanos // 1000))


@lru_cache(maxsize=1024)
def _reason(code: int, clause: str, message: str) -> Reason:
    """A reason; most answers share a few."""
    return Reason(bare(v1.ReasonCode, code), clause, message)


def _plain(struct: Struct) -> dict[str, Any]:
    """The parameters of an obligation."""
    return {name: _plain_value(value) for name, value in struct.fields.items()}


def _plain_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_plain_value(v) for v in value.list_value.values]
    if kind is None or kind == "null_value":
        return None
    return getattr(value, kind)


_OBLIGATIONS = frozenset(v1.ObligationCode.values()) - {v1.ObligationCode.OBLIGATION_CODE_UNSPECIFIED}


def _allows(response: v1.CheckResponse) -> bool:
    """The only place that turns an answer into a permission."""
    if response.decision != v1.Decision.DECISION_ALLOW:
        return False
    if response.HasField("valid_until") and instant(response.valid_until) is None:
        return False  # it would come out as "never ends"
    return all(o.code in _OBLIGATIONS for o in response.obligations)


_LONGEST = 315_576_000_000  # seconds: what protobuf allows of a duration
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_SECOND = -62_135_596_800  # of the year 1
_LAST_SECOND = 253_402_300_799  # of the year 9999
_SECOND = 1_000_000_000  # nanoseconds


def instant(t: Timestamp) -> datetime | None:
    """The time that a timestamp stands for; None if it is none."""
    if not _FIRST_SECOND <= t.seconds <= _LAST_SECOND or not 0 <= t.nanos < _SECOND:
        return None
    return _EPOCH + timedelta(seconds=t.seconds, microseconds=t.nanos // 1000)


def result_of(result: v1.BatchCheckResult) -> Result:
    """Converts one result; one without an outcome is an error."""
    outcome = result.WhichOneof("outcome")
    if outcome == "response":
        return Result(decision=decision_of(result.response))
    if outcome == "error":
        return Result(error=Error.of_check(result.error))
    return Result(error=Error.internal("the server sent a result without an outcome that is known"))


def results_of(request: v1.BatchCheckRequest, response: v1.BatchCheckResponse) -> list[Result]:
    """Converts a batch's answer, which has one result per request, in their order."""
    if len(response.results) != len(request.requests):
        raise Error.internal(f"the server answered {len(response.results)} of {len(request.requests)} requests")
    return [result_of(r) for r in response.results]


def allowed_of(results: Iterable[Result], logged: Callable[[Error], bool]) -> list[bool]:
    """Whether each result allows. One that failed does not, and its error is logged: nobody else gets to see it."""
    return [r.decision.allowed if r.error is None else logged(r.error) for r in results]


def purposes_of(response: v1.ListPurposesResponse) -> dict[str, Decision]:
    """Converts the decisions on all purposes."""
    return {p.purpose: decision_of(p.response) for p in response.purposes}
