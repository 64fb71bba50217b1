"""The sync client's way to the servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from consentd import v1
from consentd._api import CHECK, CHECK_STREAM, A, Method, Q
from consentd._errors import Error
from consentd._lane import Lane
from consentd._retry import Plan, Retries
from consentd._servers import Process, Signs, Turns
from consentd._stream import LARGE, Broken, Unstreamed
from consentd._target import Connection
from consentd._terms import PLAIN, Carried, Pairs, Terms

T = TypeVar("T")


class _Link:
    """A channel, closed once it is given up and no call is under way on it. The server's lock guards it."""

    def __init__(self, host: str, connection: Connection) -> None:
        if connection.credentials is None:
            self.channel: Any = grpc.insecure_channel(host, connection.options)
        else:
            self.channel = grpc.secure_channel(host, connection.credentials, connection.options)
        self.methods: dict[str, Any] = {}
        self.under_way = 0
        self.given_up = False
        Process.dialled()

    def close(self) -> None:
        """Closes the channel and lets go of it: as long as it exists, gRPC's threads do."""
        channel, self.channel = self.channel, None
        self.methods = {}
        if channel is not None:
            channel.close()


class Server:
    """One of the servers, and how it is reached. Its methods may be called from many threads at once."""

    def __init__(self, host: str, connection: Connection, carried: Carried) -> None:
        self._host = host
        self._connection = connection
        self._carried = carried
        self._signs = Signs()
        self._lock = threading.Lock()
        self._link: _Link | None = None
        self._closed = False
        self._checks = 0
        self._lane = Lane(self._open_checks, self._signs)

    def call(self, path: str, data: bytes, left: float, metadata: Pairs) -> bytes | None:
        """One attempt of a call, in encoded messages. gRPC gives None for a status OK without a message."""
        link, method = self._take(path)
        self._signs.asked()
        try:
            answer: bytes | None = method(data, timeout=left, metadata=metadata)
        except grpc.RpcError as failure:
            error = Error.of_rpc(failure)
            self._failed(error)
            raise error from None
        except ValueError:  # what gRPC raises for a closed channel, and for nothing else: metadata were looked at before
            raise Error.closed() from None
        finally:
            self._give_back(link)
        self._signs.heard()
        return answer

    def check(self, request: v1.CheckRequest, plan: Plan, terms: Terms, coalesce: bool) -> v1.CheckResponse | None:
        """One attempt of a check. It goes over the stream where there is one or others are under way: a server that permits a
        connection few streams would have a call wait for the stream's end."""
        with self._lock:
            self._checks += 1
            alone = self._checks == 1 and not self._lane.open
        try:
            if coalesce and not alone and terms.plain and self._lane.usable and request.ByteSize() <= LARGE:
                try:
                    return self._lane.check(request, plan.remaining())
                except Unstreamed:
                    pass  # by itself then
                except Error as error:
                    self._failed(error)
                    raise
            return self._single(request, plan, terms)
        finally:
            with self._lock:
                self._checks -= 1

    def _single(self, request: v1.CheckRequest, plan: Plan, terms: Terms) -> v1.CheckResponse | None:
        data = CHECK.encode(request)
        answer = self.call(CHECK.path, data, plan.remaining(), self._carried.by(terms))
        return None if answer is None else CHECK.decode(answer)

    def stream(self, path: str, messages: Iterator[bytes], wait_for_ready: bool = False) -> Any:
        """Opens a bidirectional stream of encoded messages: what it returns is iterated over, and has cancel()."""
        link, method = self._take(path, stream=True)
        try:
            call = method(messages, metadata=self._carried.by(PLAIN), wait_for_ready=wait_for_ready)
        except ValueError:
            raise Error.closed() from None
        finally:
            self._give_back(link)
        return call

    def _open_checks(self, messages: Iterator[bytes]) -> Any:
        return self.stream(CHECK_STREAM, messages)

    def _failed(self, error: Error) -> None:
        """Connects anew where calls run out of time and the server gives no sign of life."""
        if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED:
            self._signs.heard()
        elif self._signs.give_up():
            with self._lock:
                link, self._link = self._link, None
            self._lane.drop()
            if link is not None:
                self._give_up(link)

    def _take(self, path: str, stream: bool = False) -> tuple[_Link, Any]:
        with self._lock:
            if self._closed:
                raise Error.closed()
            if self._link is None:
                self._link = _Link(self._host, self._connection)
            link = self._link
            link.under_way += 1
            method = link.methods.get(path)
            if method is None:
                make = link.channel.stream_stream if stream else link.channel.unary_unary
                method = link.methods[path] = make(path)
        return link, method

    def _give_back(self, link: _Link) -> None:
        with self._lock:
            link.under_way -= 1
            over = link.given_up and link.under_way == 0
        if over:
            link.close()

    def _give_up(self, link: _Link) -> None:
        with self._lock:
            link.given_up = True
            over = link.under_way == 0
        if over:
            link.close()

    def close(self) -> None:
        """Closes the connection; calls under way fail with CANCELLED."""
        self._lane.close()
        with self._lock:
            self._closed = True
            link, self._link = self._link, None
        if link is not None:
            link.close()


class Transport:
    """Makes calls, each within its time, with retries, at one server after the other."""

    def __init__(self, connection: Connection, carried: Carried, timeout: float | None, coalesce: bool) -> None:
        self.retries = Retries(timeout)
        self._carried = carried
        self._coalesce = coalesce
        self._process = Process()
        self._turns = Turns([Server(host, connection, carried) for host in connection.hosts])
        #: Whether there is one server, so that a stream can wait for it.
        self.alone = len(connection.hosts) == 1

    def close(self) -> None:
        """Closes the connections. In a process that was forked off it does nothing: they are the other one's."""
        if self.left:
            return
        for server in self._turns.servers:
            server.close()

    @property
    def left(self) -> bool:
        """Whether all belongs to the process that this one was forked off."""
        return self._process.left

    def call(self, method: Method[Q, A], request: Q, terms: Terms, plan: Plan | None = None) -> A:
        """Makes a call."""
        data = method.encode(request)
        plan = plan or self.retries.plan(terms.timeout)

        def attempt(server: Server) -> A | None:
            answer = server.call(method.path, data, plan.remaining(), self._carried.by(terms))
            return None if answer is None else method.decode(answer)

        return self._repeat(plan, attempt)

    def check(self, request: v1.CheckRequest, terms: Terms) -> v1.CheckResponse:
        """Has a check decided by a server."""
        plan = self.retries.plan(terms.timeout)
        return self._repeat(plan, lambda server: server.check(request, plan, terms, self._coalesce))

    def enter(self) -> None:
        """Begins a call. Raises RuntimeError in a process that was forked off while gRPC worked."""
        self._process.enter()

    def stream(self, path: str, messages: Iterator[bytes], wait_for_ready: bool = False) -> Any:
        """Opens a stream to the server whose turn it is, as Server.stream."""
        self._process.enter()
        return self._turns.next().stream(path, messages, wait_for_ready)

    def _repeat(self, plan: Plan, attempt: Callable[[Server], T | None]) -> T:
        self._process.enter()
        while True:
            server = self._turns.next()
            try:
                return plan.answered(attempt(server))
            except Broken as broken:
                wait = plan.wait_after(broken.error, self._elsewhere(server, broken.error), broken.first)
            except Error as error:
                wait = plan.wait_after(error, self._elsewhere(server, error))
            time.sleep(wait)

    def _elsewhere(self, server: Server, error: Error) -> bool:
        """Passes over a server that cannot be had, and says whether another one may be asked."""
        return error.code is grpc.StatusCode.UNAVAILABLE and self._turns.rest(server)
