"""The sync client's stream of checks: threads share one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from consentd import v1
from consentd._errors import Error
from consentd._servers import Signs
from consentd._stream import MUTE, PATIENCE, Expired, Flow, Unstreamed, encode, ending, outcome_of

#: Opens a stream that sends what the iterator yields; it returns what was received, to be iterated over and cancelled.
Open = Callable[[Iterator[bytes]], Any]


class _Waiting:
    """A thread's check. What came of it is set before done is released."""

    __slots__ = ("data", "done", "left", "number", "result")

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.left = False
        self.result: v1.StreamedResult | Exception | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def answer(self, result: v1.StreamedResult | Exception) -> None:
        self.result = result
        self.done.release()


class _Stream:
    """One stream. gRPC's writer thread iterates over it, and waits for what there is to send; another thread of ours reads
    the answers. The lane's lock guards it."""

    def __init__(self, lock: threading.Lock, now: float) -> None:
        self.flow = Flow[_Waiting](now)
        self.changed = threading.Condition(lock)
        self.call: Any = None
        self.dropped = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """The next message, once there is one. The stream's sending side closes when it takes no more."""
        with self.changed:
            while self.flow.idle:
                if self.flow.leaving:
                    raise StopIteration
                self.changed.wait()
            return self.flow.gather(time.monotonic())


class Lane:
    """Carries checks over one stream at a time, and opens the next when it ends. Its methods may be called from many threads
    at once; one lock guards all, and is never held while anything waits."""

    def __init__(self, open_stream: Open, signs: Signs) -> None:
        self._open = open_stream
        self._signs = signs
        self._lock = threading.Lock()
        self._stream: _Stream | None = None
        self._numbers = 0
        self._closed = False
        self._muted_until = 0.0

    @property
    def open(self) -> bool:
        """Whether there is a stream."""
        return self._stream is not None

    @property
    def usable(self) -> bool:
        """Whether streams are to be tried."""
        return time.monotonic() >= self._muted_until

    def check(self, request: v1.CheckRequest, left: float) -> v1.CheckResponse:
        """Has one check decided within so many seconds. Raises Error, Broken, or Unstreamed."""
        with self._lock:
            self._numbers += 1
            number = self._numbers
        waiting = _Waiting(number, encode(number, request, left))
        stream = self._enqueue(waiting)
        self._wait(stream, waiting, left)
        result = waiting.result or self._leave(stream, waiting)
        if isinstance(result, Exception):
            raise result
        return outcome_of(result)

    def _wait(self, stream: _Stream, waiting: _Waiting, left: float) -> None:
        """Waits for the answer. A stream that was never heard is not waited for so long that no time is left for a call."""
        if not stream.flow.proven and left > PATIENCE:
            if waiting.done.acquire(timeout=PATIENCE):
                return
            left -= PATIENCE
            with self._lock:
                if not stream.flow.proven:
                    self._mute(stream)
        waiting.done.acquire(timeout=left)

    def _enqueue(self, waiting: _Waiting) -> _Stream:
        with self._lock:
            if self._closed:
                raise Error.closed()
            now = time.monotonic()
            stream, fresh = self._stream, False
            if stream is None or stream.flow.old(now):
                stream, fresh = self._renew(now), True
            stream.flow.queue.append(waiting)
            stream.changed.notify()
        self._signs.asked()
        if fresh:
            self._begin(stream)
        return stream

    def _renew(self, now: float) -> _Stream:
        """Makes a stream, which inherits what was not sent on the one before; the lock is held, and the caller begins it."""
        stream, before = _Stream(self._lock, now), self._stream
        self._stream = stream
        if before is not None:
            stream.flow.queue, before.flow.queue = before.flow.queue, stream.flow.queue
            before.flow.leaving = True
            before.changed.notify()
        return stream

    def _begin(self, stream: _Stream) -> None:
        """Opens a stream; its failure is that of all checks that wait for it."""
        try:
            call = self._open(stream)
        except Error as error:
            self._end(stream, error)
            return
        with self._lock:
            stream.call = call
            dropped = stream.dropped
        if dropped:
            call.cancel()
        threading.Thread(target=self._receive, args=(stream, call), name="consentd-checks", daemon=True).start()

    def _receive(self, stream: _Stream, call: Any) -> None:
        """Hands answers out until the stream ends."""
        error: Exception = ending(None, False)
        try:
            for data in call:
                self._deliver(stream, data)
        except grpc.RpcError as failure:
            with self._lock:
                error = ending(Error.of_rpc(failure), self._closed)
        except Error as garbage:
            error = garbage
            call.cancel()
        finally:
            self._end(stream, error)

    def _deliver(self, stream: _Stream, data: bytes) -> None:
        self._signs.heard()
        with self._lock:
            now = time.monotonic()
            draining = stream.flow.deliver(data, now) and stream is self._stream
            fresh = self._renew(now) if draining else None
        if fresh is not None:
            self._begin(fresh)

    def _end(self, stream: _Stream, error: Exception) -> None:
        with self._lock:
            if self._stream is stream:
                self._stream = None
            if isinstance(error, Unstreamed) and not isinstance(error, Expired):
                self._muted_until = time.monotonic() + MUTE  # an older server, or something between that has no streams
            stream.flow.fail(error)
            stream.changed.notify()

    def _leave(self, stream: _Stream, waiting: _Waiting) -> v1.StreamedResult | Exception:
        """Gives a check up whose time is over, and with it a stream that has been silent for too long."""
        with self._lock:
            if waiting.result is not None:
                return waiting.result
            stream.flow.leave(waiting)
            stream.changed.notify()
            if stream.flow.silent(time.monotonic()):
                if stream.flow.proven:
                    self._drop(stream, Error.unavailable("the stream to the server is silent"))
                else:
                    self._mute(stream)
        return Error.late()

    def _mute(self, stream: _Stream) -> None:
        """Does without streams for a while; the lock is held."""
        self._muted_until = time.monotonic() + MUTE
        self._drop(stream, Unstreamed("the stream was never heard"))

    def _drop(self, stream: _Stream, error: Exception) -> None:
        """Gives a stream up with all that waits on it; the lock is held."""
        if self._stream is stream:
            self._stream = None
        stream.flow.fail(error)
        stream.changed.notify()
        stream.dropped = True
        if stream.call is not None:
            stream.call.cancel()

    def drop(self) -> None:
        """Gives the stream up, because its connection is."""
        with self._lock:
            if self._stream is not None:
                self._drop(self._stream, Error.unavailable("the connection to the server is silent"))

    def close(self) -> None:
        """Ends the stream. Checks under way fail with CANCELLED, and so do later ones."""
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._drop(self._stream, Error.closed())
