"""Watches for a near cache with the tasks of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Any

import grpc
import grpc.aio

from consentd._aiotransport import Transport
from consentd._api import REPORT_ANSWERS, WATCH_INVALIDATIONS, logger
from consentd._errors import Error
from consentd._near_cache import NearCache
from consentd._near_reports import LAST_REPORT, REPORT_TIMEOUT
from consentd._near_session import NearSession
from consentd._near_threads import FIRST_REWATCH, MAX_REWATCH, RELEASE_WAIT
from consentd._near_wire import NearProtocolError, message_of
from consentd._terms import Terms
from consentd.v1.decision_service_pb2 import WatchInvalidationsRequest


def watched(near: NearCache, transport: Transport) -> NearCache:
    """Has a near cache watched for by tasks, from its first lookup on."""
    near.watcher = Watching(near, transport)
    return near


class Watching:
    """Keeps a stream under way, from start until close. All of it belongs to the event loop in which start is called."""

    def __init__(self, near: NearCache, transport: Transport) -> None:
        self._near = near
        self._transport = transport
        self._tasks: list[asyncio.Task[None]] = []
        self._stream: Stream | None = None
        self._stopped = False
        # Whether the last stream was of use: whether a lease was granted.
        self._useful = False

    def start(self) -> None:
        """Begins to watch; whoever calls it again changes nothing."""
        if self._tasks or self._stopped:
            return
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._run(), name="consentd-near"))
        if self._near.config.report_every is not None:
            reports = self._report_each(self._near.config.report_every)
            self._tasks.append(loop.create_task(reports, name="consentd-near-reports"))

    async def close(self) -> None:
        """Gives the lease up, and waits until the stream has ended and the server was told of the last answers, a second at
        most. Lookups miss from then on. It may be called again."""
        if self._stopped or self._near.inherited():
            return
        self._stopped = True
        self._near.end()
        if self._stream is not None:
            await self._stream.release()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=RELEASE_WAIT)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._report(None, LAST_REPORT)

    async def _run(self) -> None:
        wait = FIRST_REWATCH
        while not self._stopped:
            await self._watched()
            if self._useful:
                wait = FIRST_REWATCH
            if not self._stopped:
                await asyncio.sleep(wait / 2 + random.random() * wait)
            wait = min(2 * wait, MAX_REWATCH)

    async def _watched(self) -> None:
        """Runs one stream as a task of its own: gRPC ends the reading of a stream that is cancelled, as of a channel that is
        closed, by CancelledError, which must not pass for a cancellation of this task."""
        stream = asyncio.get_running_loop().create_task(self._watch(), name="consentd-near-stream")
        try:
            await asyncio.wait([stream])
        except asyncio.CancelledError:
            stream.cancel()
            await asyncio.wait([stream])
            raise
        error = None if stream.cancelled() else stream.exception()
        if isinstance(error, (grpc.RpcError, NearProtocolError, Error)):
            logger.debug("the stream of invalidations ended: %s", error)
        elif error is not None:
            logger.error("the near cache failed, and begins anew", exc_info=error)

    async def _watch(self) -> None:
        """Runs one stream to its end."""
        self._useful = False
        stream = Stream(self._near, self._transport.stream(WATCH_INVALIDATIONS, self._transport.alone))
        self._stream = stream
        session: NearSession | None = None
        beats: asyncio.Task[None] | None = None
        try:
            session = await stream.greet()
            if self._stopped:
                return
            self._near.begin(session)
            beats = asyncio.get_running_loop().create_task(stream.beat(session), name="consentd-near-beats")
            await stream.hear(session)
        finally:
            self._near.end()
            self._stream = None
            self._useful = session is not None and session.granted is not None
            stream.call.cancel()
            if beats is not None:
                beats.cancel()
                await asyncio.wait([beats])

    async def _report_each(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self._report(self._near.session, REPORT_TIMEOUT)

    async def _report(self, session: NearSession | None, timeout: float) -> None:
        until = time.monotonic() + timeout
        reporting = self._near.reports.reporting(session)
        try:
            request = next(reporting)
            while True:
                failure: grpc.StatusCode | None = None
                try:
                    await self._transport.call(REPORT_ANSWERS, request, Terms(timeout=until - time.monotonic()))
                except Error as error:
                    failure = error.code
                request = reporting.send(failure)
        except StopIteration:
            return
        except Exception:
            logger.exception("the server could not be told of a near cache's answers")


class Stream:
    """One stream. Its two tasks write one at a time."""

    def __init__(self, near: NearCache, call: Any) -> None:
        self._near = near
        self.call = call
        self._writing = asyncio.Lock()
        self._released = False

    async def _send(self, request: WatchInvalidationsRequest) -> None:
        async with self._writing:
            if not self._released:
                await self.call.write(request.SerializeToString())

    async def release(self) -> None:
        """Gives the lease up: no decision is used any more. A write that is stuck does not hold it up."""
        self._released = True
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.call.done_writing(), RELEASE_WAIT)

    async def greet(self) -> NearSession:
        """Says who is there and returns the session that the server offers."""
        await self._send(WatchInvalidationsRequest(cache_id=self._near.id))
        data = await self.call.read()
        if data is grpc.aio.EOF:
            raise NearProtocolError("the server ended the stream without a hello")
        return NearSession(message_of(data), self._near.config.max_entries)

    async def hear(self, session: NearSession) -> None:
        """Applies and confirms what comes, to the end of the stream."""
        while (data := await self.call.read()) is not grpc.aio.EOF:
            position = self._near.hear(session, message_of(data))
            if position:
                await self._send(WatchInvalidationsRequest(applied_position=position))

    async def beat(self, session: NearSession) -> None:
        """Sends heartbeats until it is cancelled. A server that has not answered for two leases is taken for lost."""
        began = self._near.clock.boot()
        try:
            while True:
                now = self._near.clock.read()
                last = began if session.granted is None else session.granted.sent.boot
                if now.boot - last > 2 * session.lease:
                    return
                await self._send(WatchInvalidationsRequest(heartbeat=session.beat(now)))
                await asyncio.sleep(session.interval)
        except (grpc.RpcError, asyncio.InvalidStateError):
            pass  # the stream's end, which hear finds
        finally:
            if not self._released:
                self.call.cancel()
