"""What calls raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2  # pyright: ignore[reportMissingTypeStubs] # it has none

from consentd import v1

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Violation:
    """One fault of a request that was refused with INVALID_ARGUMENT."""

    #: The field's path within the request, for example "data_categories[0]".
    field: str
    description: str


class Error(Exception):
    """A call that failed: a gRPC status. It may be pickled and copied, and crosses to other processes whole."""

    def __init__(
        self, code: grpc.StatusCode, message: str, violations: tuple[Violation, ...] = (), retry_delay: float = 0.0
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        #: The status's code, for example grpc.StatusCode.NOT_FOUND. Never OK.
        self.code = code
        #: The status's message.
        self.message = message
        #: The fields at fault.
        self.violations = violations
        #: How many seconds the server asks to wait before the call is worth repeating; 0: it does not say.
        self.retry_delay = retry_delay

    def __reduce__(self) -> tuple[Callable[..., Error], tuple[Any, ...]]:
        # An exception is made again of its args, which are the text alone.
        return type(self), (self.code, self.message, self.violations, self.retry_delay)

    @staticmethod
    def internal(message: str) -> Error:
        """An answer that breaks the protocol."""
        return Error(grpc.StatusCode.INTERNAL, message)

    @staticmethod
    def closed() -> Error:
        """A call of a client that is closed."""
        return Error(grpc.StatusCode.CANCELLED, "the client is closed")

    @staticmethod
    def unavailable(message: str) -> Error:
        """A server that cannot be had now; the call may be repeated."""
        return Error(grpc.StatusCode.UNAVAILABLE, message)

    @staticmethod
    def late() -> Error:
        """A call whose time is over."""
        return Error(grpc.StatusCode.DEADLINE_EXCEEDED, "the timeout has passed")

    @staticmethod
    def of_rpc(failure: grpc.RpcError) -> Error:
        """What gRPC raised, of a sync or an asyncio call."""
        call = cast(grpc.Call, failure)
        details = _details(call)
        bad = _first(details, error_details_pb2.BadRequest) or error_details_pb2.BadRequest()
        violations = tuple(Violation(v.field, v.description) for v in bad.field_violations)
        retry = _first(details, error_details_pb2.RetryInfo) or error_details_pb2.RetryInfo()
        delay = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        return Error(call.code() or grpc.StatusCode.UNKNOWN, call.details() or "", violations, max(0.0, delay))

    @staticmethod
    def of_check(error: v1.CheckError) -> Error:
        """The error of one request of a batch, as check would have raised it."""
        code = _CODES.get(error.code, grpc.StatusCode.UNKNOWN)
        if code is grpc.StatusCode.OK:
            code = grpc.StatusCode.UNKNOWN
        delay = error.retry_delay.seconds + error.retry_delay.nanos / 1e9
        violations = tuple(Violation(v.field, v.description) for v in error.field_violations)
        return Error(code, error.message, violations, max(0.0, delay))


class StoreMismatchError(Error):
    """What a session's calls show of the servers: they do not share a store, so what is written through one is not part of
    the state behind another's answers, not even a withdrawal. A server refused the token of the session's newest write, or
    answered or wrote with another store than the session's first. Its code is FAILED_PRECONDITION. Events whose record_events
    raises it are recorded, in the other store.

    A token is never dropped. Give the client servers of one store; where a store was replaced, or an older copy of it
    restored, make a new session."""

    def __init__(self, what: str) -> None:
        remedy = "give the client servers of one store; after a store was replaced make a new session"
        super().__init__(grpc.StatusCode.FAILED_PRECONDITION, f"the servers do not share a store: {what}: {remedy}")
        self._what = what

    def __reduce__(self) -> tuple[Callable[..., Error], tuple[Any, ...]]:
        return type(self), (self._what,)


def _details(call: grpc.Call) -> status_pb2.Status:
    """The status with its details; empty where there are none or they cannot be read."""
    for entry in call.trailing_metadata() or ():
        if entry[0] == "grpc-status-details-bin":
            try:
                return status_pb2.Status.FromString(cast(bytes, entry[1]))
            except DecodeError:
                break
    return status_pb2.Status()


def _first(status: status_pb2.Status, kind: type[M]) -> M | None:
    for detail in status.details:
        found = kind()
        try:
            if detail.TypeName() == kind.DESCRIPTOR.full_name and detail.Unpack(found):
                return found
        except DecodeError:
            continue
    return None
