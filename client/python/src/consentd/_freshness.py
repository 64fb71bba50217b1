"""What a session knows: its newest write, and the store that it belongs to."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar, Union

import grpc

from consentd import v1
from consentd._errors import Error, StoreMismatchError
from consentd._near_wire import token_bytes

Write = Union[v1.RecordEventsResponse, v1.LinkSubjectsResponse, v1.UnlinkSubjectsResponse]
R = TypeVar("R", v1.CheckRequest, v1.BatchCheckRequest, v1.ListPurposesRequest)


def store_of(token: str) -> bytes | None:
    """The id of the store that a consistency token is of; None where this version cannot read it."""
    raw = token_bytes(token)
    return None if raw is None else raw[1:17]


class Freshness:
    """The newest token of a session's writes, and the store of the first token that it heard. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = ""
        self._revision = 0
        self._store: bytes | None = None
        self._torn = False  # there were writes to more than one store: no server knows them all

    def note(self, response: Write) -> None:
        """Keeps the token of a write if it is newer. A server that does not tell revisions gives tokens in their order. A
        token of another store raises StoreMismatchError, as all that is demanded later does: no server knows both."""
        try:
            self.hear([response.consistency_token])
        except StoreMismatchError:
            with self._lock:
                self._torn = True
            raise StoreMismatchError("the events are recorded, but in another store than what came before") from None
        with self._lock:
            older = 0 < response.revision < self._revision
            if response.consistency_token and not older:
                self._token, self._revision = response.consistency_token, response.revision

    def demand(self, request: R) -> R:
        """The request, which now forbids states older than the session's writes. A consistency that the caller chose stays,
        and the caller's message is not changed. Raises StoreMismatchError where no server can meet it."""
        with self._lock:
            token, torn = self._token, self._torn
        if torn:
            raise StoreMismatchError("events were recorded in more than one")
        if not token or request.HasField("consistency") or _of_the_past(request):
            return request
        demanding = type(request)()
        demanding.CopyFrom(request)
        demanding.consistency.at_least_as_fresh = token
        return demanding

    def demand_explained(self, request: v1.ExplainRequest) -> v1.ExplainRequest:
        """demand for the check of an explanation; one as of the past needs no token."""
        if request.HasField("at") or request.HasField("known_at"):
            return request
        demanding = self.demand(request.check)
        if demanding is request.check:
            return request
        explained = v1.ExplainRequest()
        explained.CopyFrom(request)
        explained.check.CopyFrom(demanding)
        return explained

    @contextmanager
    def judging(self, asked: R, demanding: R) -> Generator[None]:
        """Turns the refusal of a token, which a server that shared the store would know, into a StoreMismatchError: of a
        write's, or of one that the caller chose and that is of the session's store."""
        try:
            yield
        except Error as error:
            if not _refuses_token(error):
                raise
            store = store_of(asked.consistency.at_least_as_fresh)
            with self._lock:
                known = store is not None and store == self._store
            if demanding is asked and not known:
                raise
            raise StoreMismatchError(f"a server refuses the token of a write: {error.message}") from error

    def hear(self, tokens: Iterable[str]) -> None:
        """Raises StoreMismatchError for an answer with a token of another store than the first."""
        for store in filter(None, map(store_of, tokens)):
            with self._lock:
                if self._store is None:
                    self._store = store
                known = self._store
            if store != known:
                got, first = store[:4].hex(), known[:4].hex()
                raise StoreMismatchError(f"an answer is of store {got}, earlier ones are of store {first}")


def _of_the_past(request: R) -> bool:
    """Whether it asks as of an instant: the server refuses a consistency beside that, and the past needs none."""
    return isinstance(request, v1.ListPurposesRequest) and (request.HasField("at") or request.HasField("known_at"))


def _refuses_token(error: Error) -> bool:
    """Whether a server says that its store is another than the token's, or has lost what the token stands for."""
    return error.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION) and any(
        v.field == "consistency.at_least_as_fresh" for v in error.violations
    )
