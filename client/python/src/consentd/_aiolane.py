"""The asyncio client's stream of checks: tasks share one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from consentd import v1
from consentd._calm import Expiry, when_calm
from consentd._errors import Error
from consentd._servers import Signs
from consentd._stream import MUTE, PATIENCE, Expired, Flow, Unstreamed, encode, ending, outcome_of

#: Opens a stream: what it returns has write, read, done_writing and cancel.
Open = Callable[[], Any]


#: How many seconds a client that closes waits for the server to end a stream. One that is cut off goes on within gRPC for a
#: moment, which then complains of a loop that is closed.
_FAREWELL = 0.25


class _Waiting:
    """A task's check."""

    __slots__ = ("data", "deadline", "future", "left", "number")

    def __init__(self, number: int, data: bytes, deadline: float, future: asyncio.Future[v1.StreamedResult]) -> None:
        self.number = number
        self.data = data
        self.deadline = deadline
        self.left = False
        self.future = future

    def answer(self, result: v1.StreamedResult | Exception) -> None:
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class _Stream:
    """One stream: a task writes what there is to send, another reads the answers."""

    def __init__(self, now: float) -> None:
        self.flow = Flow[_Waiting](now)
        self.changed = asyncio.Event()
        self.call: Any = None
        self.tasks: list[asyncio.Task[None]] = []


class Lane:
    """Carries checks over one stream at a time, and opens the next when it ends. For the tasks of one event loop."""

    def __init__(self, open_stream: Open, signs: Signs) -> None:
        self._open = open_stream
        self._signs = signs
        self._stream: _Stream | None = None
        self._streams: set[_Stream] = set()  # those that have not ended
        self._numbers = 0
        self._closed = False
        self._muted_until = 0.0
        self._expiry = Expiry(self._expire)

    @property
    def open(self) -> bool:
        """Whether there is a stream."""
        return self._stream is not None

    @property
    def usable(self) -> bool:
        """Whether streams are to be tried."""
        return self._muted_until == 0.0 or asyncio.get_running_loop().time() >= self._muted_until

    async def check(self, request: v1.CheckRequest, left: float) -> v1.CheckResponse:
        """Has one check decided within so many seconds. Raises Error, Broken, or Unstreamed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._numbers += 1
        data = encode(self._numbers, request, left)
        waiting = _Waiting(self._numbers, data, now + left, loop.create_future())
        stream = self._enqueue(waiting, now)
        self._expiry.by(waiting.deadline)
        try:
            return outcome_of(await waiting.future)
        except asyncio.CancelledError:
            stream.flow.leave(waiting)
            stream.changed.set()
            raise

    def _enqueue(self, waiting: _Waiting, now: float) -> _Stream:
        if self._closed:
            raise Error.closed()
        stream = self._stream
        if stream is None or stream.flow.old(now):
            stream = self._renew(now)
        stream.flow.queue.append(waiting)
        stream.changed.set()
        self._signs.asked()
        return stream

    def _renew(self, now: float) -> _Stream:
        """Opens a stream, which inherits what was not sent on the one before."""
        stream, before = _Stream(now), self._stream
        stream.call = self._open()  # where it fails all stays as it is
        self._stream = stream
        if before is not None:
            stream.flow.queue, before.flow.queue = before.flow.queue, stream.flow.queue
            before.flow.leaving = True
            before.changed.set()
        self._streams.add(stream)
        stream.tasks = [asyncio.create_task(self._write(stream)), asyncio.create_task(self._read(stream))]
        return stream

    async def _write(self, stream: _Stream) -> None:
        """Sends what there is until the stream takes no more. Where it cannot, the reader learns why."""
        loop, flow, judge = asyncio.get_running_loop(), stream.flow, None
        try:
            while True:
                while flow.idle:
                    if flow.leaving:
                        await stream.call.done_writing()
                        return
                    stream.changed.clear()
                    await stream.changed.wait()
                await stream.call.write(flow.gather(loop.time()))
                if judge is None:
                    judge = loop.call_later(PATIENCE, when_calm, lambda: self._judge(stream))
        except (grpc.RpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
            pass
        finally:
            if judge is not None and flow.proven:
                judge.cancel()

    async def _read(self, stream: _Stream) -> None:
        """Hands answers out until the stream ends."""
        error: Exception = Error.unavailable("the stream to the server was given up")
        try:
            while (data := await stream.call.read()) is not grpc.aio.EOF:
                self._deliver(stream, data)
            error = ending(None, self._closed)
        except grpc.RpcError as failure:
            error = ending(Error.of_rpc(failure), self._closed)
        except Error as garbage:
            error = garbage
        finally:  # also where the stream or, at the end of the loop, this task was cancelled
            self._end(stream, error)

    def _deliver(self, stream: _Stream, data: bytes) -> None:
        self._signs.heard()
        now = asyncio.get_running_loop().time()
        if stream.flow.deliver(data, now) and stream is self._stream:
            self._renew(now)

    def _end(self, stream: _Stream, error: Exception) -> None:
        """Lets go of a stream with all that waits on it."""
        self._streams.discard(stream)
        if self._stream is stream:
            self._stream = None
        if isinstance(error, Unstreamed) and not isinstance(error, Expired):
            self._muted_until = asyncio.get_running_loop().time() + MUTE
        stream.flow.fail(Error.closed() if self._closed else error)
        stream.changed.set()
        stream.call.cancel()
        for task in stream.tasks:
            if task is not asyncio.current_task():
                task.cancel()

    def _judge(self, stream: _Stream) -> None:
        """Does without streams for a while where one was sent something and is not heard."""
        if not stream.flow.proven and stream in self._streams:
            self._end(stream, Unstreamed("the stream was never heard"))

    def _suspect(self, stream: _Stream) -> None:
        """Gives up a stream that has been silent for too long."""
        if not stream.flow.proven:
            self._judge(stream)
        elif stream in self._streams and stream.flow.silent(asyncio.get_running_loop().time()):
            self._end(stream, Error.unavailable("the stream to the server is silent"))

    def _expire(self, now: float) -> float:
        """Gives up the checks whose time is over, and with them a stream that has been silent for too long."""
        return min((self._expire_on(stream, now) for stream in tuple(self._streams)), default=math.inf)

    def _expire_on(self, stream: _Stream, now: float) -> float:
        """_expire for one stream; it returns when the next check's time is over."""
        late: list[_Waiting] = []
        soonest = math.inf
        for waiting in stream.flow.all():
            if waiting.deadline <= now:
                late.append(waiting)
            elif waiting.deadline < soonest:
                soonest = waiting.deadline
        for waiting in late:
            stream.flow.leave(waiting)
            waiting.answer(Error.late())
        stream.changed.set()
        if late and stream.flow.silent(now):
            when_calm(lambda: self._suspect(stream))
        return soonest

    def drop(self) -> None:
        """Gives the stream up, because its connection is."""
        if self._stream is not None:
            self._end(self._stream, Error.unavailable("the connection to the server is silent"))

    async def close(self) -> None:
        """Ends the streams. Checks under way fail with CANCELLED, and so do later ones."""
        self._closed = True
        self._expiry.cancel()
        streams = tuple(self._streams)
        for stream in streams:
            stream.flow.fail(Error.closed())
            stream.changed.set()  # the sending side closes, and the server ends the stream
        tasks = [task for stream in streams for task in stream.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL)
        for stream in tuple(self._streams):
            self._end(stream, Error.closed())
        await asyncio.gather(*tasks, return_exceptions=True)
