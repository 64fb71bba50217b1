"""The asyncio client's way to the servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from consentd import v1
from consentd._aiolane import Lane
from consentd._api import CHECK, CHECK_STREAM, A, Method, Q
from consentd._calm import Crowd, when_calm
from consentd._errors import Error
from consentd._retry import Plan, Retries
from consentd._servers import Process, Signs, Turns
from consentd._stream import LARGE, Broken, Unstreamed
from consentd._target import Connection
from consentd._terms import PLAIN, Carried, Pairs, Terms

T = TypeVar("T")

#: How many checks are on their way at once: as many as a stream has unanswered before the server reads on, and as many again.
_AT_ONCE = 2000


class _Link:
    """A channel, closed once it is given up and no call is under way on it."""

    def __init__(self, host: str, connection: Connection) -> None:
        if connection.credentials is None:
            self.channel: Any = grpc.aio.insecure_channel(host, connection.options)
        else:
            self.channel = grpc.aio.secure_channel(host, connection.credentials, connection.options)
        self.methods: dict[str, Any] = {}
        self.under_way = 0
        self.given_up = False
        Process.dialled()

    async def close(self) -> None:
        """Closes the channel and lets go of it."""
        channel, self.channel = self.channel, None
        self.methods = {}
        if channel is not None:
            await channel.close()


class Server:
    """One of the servers, and how it is reached. For the tasks of one event loop."""

    def __init__(self, host: str, connection: Connection, carried: Carried) -> None:
        self._host = host
        self._connection = connection
        self._carried = carried
        self._signs = Signs()
        self._link: _Link | None = None
        self._closing: set[asyncio.Task[None]] = set()  # of links that were given up
        self._closed = False
        self._checks = 0
        self._lane = Lane(self._open_checks, self._signs)

    async def call(self, path: str, data: bytes, left: float, metadata: Pairs) -> bytes | None:
        """One attempt of a call, in encoded messages. gRPC gives None for a status OK without a message."""
        link = self._current()
        link.under_way += 1
        self._signs.asked()
        try:
            answer: bytes | None = await self._method(link, path)(data, timeout=left, metadata=metadata or None)
        except grpc.RpcError as failure:
            error = Error.of_rpc(failure)
            self._failed(error)
            raise error from None
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise Error.closed() from None  # gRPC cancels the calls under way; nobody cancelled the task
            raise
        finally:
            link.under_way -= 1
            self._tidy(link)
        self._signs.heard()
        return answer

    async def check(self, request: v1.CheckRequest, plan: Plan, terms: Terms, coalesce: bool) -> v1.CheckResponse | None:
        """One attempt of a check. It goes over the stream where there is one or others are under way: a server that permits a
        connection few streams would have a call wait for the stream's end."""
        self._checks += 1
        try:
            if (
                coalesce
                and (self._checks > 1 or self._lane.open)
                and terms.plain
                and self._lane.usable
                and request.ByteSize() <= LARGE
            ):
                try:
                    return await self._lane.check(request, plan.remaining())
                except Unstreamed:
                    pass  # by itself then
                except Error as error:
                    self._failed(error)
                    raise
            return await self._single(request, plan, terms)
        finally:
            self._checks -= 1

    async def _single(self, request: v1.CheckRequest, plan: Plan, terms: Terms) -> v1.CheckResponse | None:
        data = CHECK.encode(request)
        answer = await self.call(CHECK.path, data, plan.remaining(), self._carried.by(terms))
        return None if answer is None else CHECK.decode(answer)

    def stream(self, path: str, wait_for_ready: bool = False) -> Any:
        """Opens a bidirectional stream of encoded messages: what it returns has write, read, done_writing and cancel."""
        method = self._method(self._current(), path, stream=True)
        return method(metadata=self._carried.by(PLAIN) or None, wait_for_ready=wait_for_ready)

    def _open_checks(self) -> Any:
        return self.stream(CHECK_STREAM)

    def _failed(self, error: Error) -> None:
        """Connects anew where calls run out of time and the server gives no sign of life."""
        if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED:
            self._signs.heard()
        elif self._signs.silent:
            when_calm(self._connect_anew)

    def _connect_anew(self) -> None:
        if self._signs.give_up() and not self._closed:
            link, self._link = self._link, None
            self._lane.drop()
            if link is not None:
                link.given_up = True
                self._tidy(link)

    def _tidy(self, link: _Link) -> None:
        """Closes a link that was given up and that nobody uses any more."""
        if link.given_up and link.under_way == 0 and link.channel is not None:
            closing = asyncio.ensure_future(link.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _current(self) -> _Link:
        if self._closed:
            raise Error.closed()
        if self._link is None:
            self._link = _Link(self._host, self._connection)
        return self._link

    @staticmethod
    def _method(link: _Link, path: str, stream: bool = False) -> Any:
        method = link.methods.get(path)
        if method is None:
            make = link.channel.stream_stream if stream else link.channel.unary_unary
            method = link.methods[path] = make(path)
        return method

    async def close(self) -> None:
        """Closes the connection; calls under way fail with CANCELLED."""
        self._closed = True
        await self._lane.close()
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        await asyncio.gather(*self._closing, return_exceptions=True)


def _being_cancelled() -> bool:
    """Whether somebody asked the current task to end; Python 3.10 cannot tell, and then it is no."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is not None and cancelling() > 0


class Transport:
    """Makes calls, each within its time, with retries, at one server after the other."""

    def __init__(self, connection: Connection, carried: Carried, timeout: float | None, coalesce: bool) -> None:
        self.retries = Retries(timeout)
        self._carried = carried
        self._coalesce = coalesce
        self._process = Process()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._crowd = Crowd(_AT_ONCE)
        self._turns = Turns([Server(host, connection, carried) for host in connection.hosts])
        #: Whether there is one server, so that a stream can wait for it.
        self.alone = len(connection.hosts) == 1

    def enter(self) -> None:
        """Begins a call. Raises RuntimeError in another event loop than that of the first call."""
        self._process.enter()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("the client belongs to another event loop, that of its first call: make one in each loop")

    async def close(self) -> None:
        """Closes the connections. In a process that was forked off it does nothing: they are the other one's."""
        if self.left:
            return
        self.enter()
        self._crowd.close()
        for server in self._turns.servers:
            await server.close()

    @property
    def left(self) -> bool:
        """Whether all belongs to the process that this one was forked off."""
        return self._process.left

    def call(self, method: Method[Q, A], request: Q, terms: Terms, plan: Plan | None = None) -> Awaitable[A]:
        """Makes a call."""
        data = method.encode(request)
        plan = plan or self.retries.plan(terms.timeout)

        async def attempt(server: Server) -> A | None:
            answer = await server.call(method.path, data, plan.remaining(), self._carried.by(terms))
            return None if answer is None else method.decode(answer)

        self.enter()
        return self._repeat(plan, attempt)

    async def check(self, request: v1.CheckRequest, terms: Terms) -> v1.CheckResponse:
        """Has a check decided by a server."""
        self.enter()
        plan = self.retries.plan(terms.timeout)
        await self._crowd.enter(plan)
        try:
            return await self._repeat(plan, Server.check, request, plan, terms, self._coalesce)
        finally:
            self._crowd.leave()

    def stream(self, path: str, wait_for_ready: bool = False) -> Any:
        """Opens a stream to the server whose turn it is, as Server.stream."""
        self.enter()
        return self._turns.next().stream(path, wait_for_ready)

    async def _repeat(self, plan: Plan, attempt: Callable[..., Awaitable[T | None]], *args: Any) -> T:
        """Makes attempts, each with the server whose turn it is and the arguments."""
        while True:
            server = self._turns.next()
            try:
                return plan.answered(await attempt(server, *args))
            except Broken as broken:
                wait = plan.wait_after(broken.error, self._elsewhere(server, broken.error), broken.first)
            except Error as error:
                wait = plan.wait_after(error, self._elsewhere(server, error))
            await asyncio.sleep(wait)

    def _elsewhere(self, server: Server, error: Error) -> bool:
        """Passes over a server that cannot be had, and says whether another one may be asked."""
        return error.code is grpc.StatusCode.UNAVAILABLE and self._turns.rest(server)
