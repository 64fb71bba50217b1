"""What the sync and the asyncio client's streams of checks have in common.

Batching is natural: a stream's writer takes all that has gathered while it sent the message before, and nothing waits for a
clock. A check alone goes as a call of its own, which costs a round trip less of threads and tasks. Nothing is refused for
that there is too much: each check waits for its turn as long as its timeout allows, and the server's flow control says when
that is.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

import grpc
from google.protobuf.message import DecodeError, EncodeError

from consentd import v1
from consentd._errors import Error

#: The bounds of a message: of the protocol, and well below the 4 MiB at which a message is refused.
_MAX_CHECKS = 1000
_FULL = 256 << 10

#: The size in bytes from which on a check goes by itself.
LARGE = 64 << 10

#: How many seconds a stream that was never heard may take for its first answer, and how long streams are not tried after
#: one took longer: between here and the server something waits for a stream's end.
PATIENCE = 0.4
MUTE = 60.0

#: How many seconds a stream with checks under way may say nothing before one that ran out of time gives it up.
_SILENCE = 1.0

#: After how many seconds a stream is replaced: it stays with one server, and with the token it was opened with.
_AGE = 60.0


class Unstreamed(Exception):  # noqa: N818 # it never leaves the package
    """A stream that failed in a way that says nothing of a check: it may be asked by itself."""


class Expired(Unstreamed):
    """A stream that ended because the token that it was opened with holds no more: its checks are asked by themselves, each
    with a token of now, and streams go on being used."""


class Broken(Exception):  # noqa: N818
    """A stream that ended before it answered. All its checks fail together: the first alone counts against the budget of
    retries."""

    def __init__(self, error: Error, first: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.first = first


class Waiting(Protocol):
    """A check on its way."""

    number: int
    data: bytes
    #: Nobody waits any more.
    left: bool

    def answer(self, result: v1.StreamedResult | Exception) -> None:
        """Hands over what came of it."""


W = TypeVar("W", bound=Waiting)


class Flow(Generic[W]):
    """What is to be sent on one stream and what is under way on it. Its owner guards it."""

    def __init__(self, now: float) -> None:
        self.opened = now
        #: Whether any answer came on it.
        self.proven = False
        #: It takes no more checks.
        self.leaving = False
        self.queue: deque[W] = deque()
        self.sent: dict[int, W] = {}
        self.cancels: list[int] = []
        self._heard = self._asked = now

    @property
    def idle(self) -> bool:
        """Whether there is nothing to send."""
        return not self.queue and not self.cancels

    def all(self) -> Iterator[W]:
        """All checks that wait, whether sent or not."""
        yield from self.sent.values()
        for waiting in self.queue:
            if not waiting.left:
                yield waiting

    def old(self, now: float) -> bool:
        """Whether it is to be replaced."""
        return now - self.opened > _AGE

    def silent(self, now: float) -> bool:
        """Whether it has said nothing for too long."""
        return self._asked > self._heard and now - self._asked >= _SILENCE

    def gather(self, now: float) -> bytes:
        """The next message."""
        parts = [v1.CheckStreamRequest(cancel=self.cancels).SerializeToString()] if self.cancels else []
        self.cancels = []
        count, size = 0, 0
        while self.queue and count < _MAX_CHECKS and size < _FULL:
            waiting = self.queue.popleft()
            if waiting.left:
                continue
            self.sent[waiting.number] = waiting
            parts.append(waiting.data)
            count += 1
            size += len(waiting.data)
        if self._asked <= self._heard:
            self._asked = now
        return b"".join(parts)

    def deliver(self, data: bytes, now: float) -> bool:
        """Hands out the answers of one message. It returns whether the server asks for another stream."""
        try:
            message = v1.CheckStreamResponse.FromString(data)
        except DecodeError:
            raise Error.internal("the server sent a malformed message") from None
        self.proven, self._heard = True, now
        for result in message.results:
            waiting = self.sent.pop(result.id, None)
            if waiting is not None:
                waiting.answer(result)
        return message.draining

    def leave(self, waiting: W) -> None:
        """Gives a check up: nobody waits for it."""
        waiting.left = True
        if self.sent.pop(waiting.number, None) is not None and not self.leaving:
            self.cancels.append(waiting.number)

    def fail(self, error: Exception) -> None:
        """Answers all that is left."""
        left = [*self.sent.values(), *(w for w in self.queue if not w.left)]
        self.sent, self.leaving = {}, True
        self.queue.clear()
        for i, waiting in enumerate(left):
            waiting.answer(_of_one(error, i == 0))


def _of_one(error: Exception, first: bool) -> Exception:
    """A stream's failure as that of one of its checks; each gets an exception of its own, for it collects a traceback."""
    if not isinstance(error, Error):
        return copy.copy(error)
    if error.code is grpc.StatusCode.UNAVAILABLE:
        return Broken(copy.copy(error), first)
    return copy.copy(error)


def ending(error: Error | None, closed: bool) -> Exception:
    """What a stream's end means for the checks that it leaves behind; None: it ended in peace."""
    if closed:
        return Error.closed()
    if error is None or error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return Error.unavailable("the stream to the server ended before it answered" if error is None else error.message)
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return Expired(str(error))
    return Unstreamed(str(error))


def encode(number: int, request: v1.CheckRequest, left: float) -> bytes:
    """A message with one check. Messages that are put one after the other are one message with all their checks, which is
    how they are sent. The request is the caller's again once this has returned."""
    message = v1.CheckStreamRequest()
    check = message.checks.add()
    check.id = number
    check.check.CopyFrom(request)
    whole = int(left)
    check.timeout.seconds = whole
    check.timeout.nanos = max(1, int((left - whole) * 1e9))
    try:
        return message.SerializeToString()
    except EncodeError as error:
        raise Error.internal(f"encoding the request: {error}") from error


def outcome_of(result: v1.StreamedResult) -> v1.CheckResponse:
    """The response of a result; its error is raised."""
    outcome = result.WhichOneof("outcome")
    if outcome == "response":
        return result.response
    if outcome == "error":
        raise Error.of_check(result.error)
    raise Error.internal("the server sent a result without an outcome that is known")
