"""What the sync and the asyncio client share: the API's calls and pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError, EncodeError, Message

from consentd import v1
from consentd._errors import Error

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)

logger = logging.getLogger("consentd")
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Method(Generic[Q, A]):
    """One call of the API."""

    path: str
    #: Raises TypeError for another message.
    encode: Callable[[Q], bytes]
    decode: Callable[[bytes], A]


def _method(path: str, request: type[Q], response: type[A]) -> Method[Q, A]:
    def encode(message: Q) -> bytes:
        try:
            return request.SerializeToString(message)
        except EncodeError as error:
            raise Error.internal(f"encoding the request: {error}") from error

    def decode(data: bytes) -> A:
        try:
            return response.FromString(data)
        except DecodeError:
            raise Error.internal("the server sent a malformed message") from None

    return Method("/consent.v1." + path, encode, decode)


def chunks(batch: v1.BatchCheckRequest) -> list[v1.BatchCheckRequest]:
    """A batch in parts that a server takes."""
    if len(batch.requests) <= MAX_BATCH:
        return [batch]
    parts: list[v1.BatchCheckRequest] = []
    for first in range(0, len(batch.requests), MAX_BATCH):
        part = v1.BatchCheckRequest(requests=batch.requests[first : first + MAX_BATCH])
        if batch.HasField("consistency"):
            part.consistency.CopyFrom(batch.consistency)
        parts.append(part)
    return parts


CHECK = _method("DecisionService/Check", v1.CheckRequest, v1.CheckResponse)
BATCH_CHECK = _method("DecisionService/BatchCheck", v1.BatchCheckRequest, v1.BatchCheckResponse)
EXPLAIN = _method("DecisionService/Explain", v1.ExplainRequest, v1.ExplainResponse)
REPORT_ANSWERS = _method("DecisionService/ReportAnswers", v1.ReportAnswersRequest, v1.ReportAnswersResponse)
LIST_PURPOSES = _method("DecisionService/ListPurposes", v1.ListPurposesRequest, v1.ListPurposesResponse)
RECORD_EVENTS = _method("ConsentService/RecordEvents", v1.RecordEventsRequest, v1.RecordEventsResponse)
LINK_SUBJECTS = _method("ConsentService/LinkSubjects", v1.LinkSubjectsRequest, v1.LinkSubjectsResponse)
UNLINK_SUBJECTS = _method("ConsentService/UnlinkSubjects", v1.UnlinkSubjectsRequest, v1.UnlinkSubjectsResponse)
GET_SUBJECT = _method("ConsentService/GetSubject", v1.GetSubjectRequest, v1.GetSubjectResponse)
LIST_EVENTS = _method("ConsentService/ListEvents", v1.ListEventsRequest, v1.ListEventsResponse)
GET_POLICY = _method("PolicyService/GetPolicy", v1.GetPolicyRequest, v1.GetPolicyResponse)
LIST_CONTROLLERS = _method("PolicyService/ListControllers", v1.ListControllersRequest, v1.ListControllersResponse)

CHECK_STREAM = "/consent.v1.DecisionService/CheckStream"
WATCH_INVALIDATIONS = "/consent.v1.DecisionService/WatchInvalidations"

#: How many requests one BatchCheck takes, and how many of them are under way at once for one caller's batch.
MAX_BATCH = 1000
BATCHES_AT_ONCE = 4


def require(message: object, kind: type[Message]) -> None:
    """Raises TypeError for a message that is of another kind."""
    if not isinstance(message, kind):
        raise TypeError(f"want a {kind.__name__}, not {type(message).__name__}")


def itself(item: Any) -> v1.CheckRequest:
    """The request that an item is."""
    require(item, v1.CheckRequest)
    request: v1.CheckRequest = item
    return request


def batch_of(requests: Iterable[v1.CheckRequest]) -> v1.BatchCheckRequest:
    """A batch, of any size."""
    return v1.BatchCheckRequest(requests=requests)


def denied(error: Error) -> bool:
    """What is_allowed makes of a check that failed: it logs the error, which nobody else gets to see, and denies."""
    logger.warning("a check failed and counts as a denial: %s", error)
    return False


class Pages:
    """Where a listing of a ledger stands. The caller's request is not changed."""

    def __init__(self, request: v1.ListEventsRequest) -> None:
        self.request = v1.ListEventsRequest()
        self.request.CopyFrom(request)

    def turn(self, page: v1.ListEventsResponse) -> bool:
        """Goes on to the page after this one; False: there is none. A server that stands still raises INTERNAL."""
        if not page.next_page_token:
            return False
        if page.next_page_token == self.request.page_token:
            raise Error.internal("the server returned the same page token twice")
        self.request.page_token = page.next_page_token
        return True
