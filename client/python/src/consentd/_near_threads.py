"""Watches for a near cache with threads."""

from __future__ import annotations

import atexit
import queue
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc

from consentd._api import REPORT_ANSWERS, WATCH_INVALIDATIONS, logger
from consentd._errors import Error
from consentd._near_cache import NearCache
from consentd._near_reports import LAST_REPORT, REPORT_TIMEOUT
from consentd._near_session import NearSession
from consentd._near_wire import SECOND, NearProtocolError, message_of
from consentd._terms import Terms
from consentd._transport import Transport
from consentd.v1.decision_service_pb2 import WatchInvalidationsRequest

# The seconds between streams: a server that restarts is found soon, one that has no such call is not bothered.
FIRST_REWATCH, MAX_REWATCH = 0.05, 5.0

#: How many seconds close waits for the server to hear that the lease is given up.
RELEASE_WAIT = 0.25


def watched(near: NearCache, transport: Transport) -> NearCache:
    """Has a near cache watched for by threads, from its first lookup on."""
    near.watcher = Watching(near, transport)
    return near


class Watching:
    """Keeps a stream under way, from start until close. Its threads are daemons: a program that ends without close gives the
    lease up at exit."""

    def __init__(self, near: NearCache, transport: Transport) -> None:
        self._near = near
        self._transport = transport
        self._stop = threading.Event()
        self._started = False
        # Whether the last stream was of use: whether a lease was granted. The thread's own.
        self._useful = False
        # The stream's way out, and the stream; None: there is none. Guarded by _lock, as _threads.
        self._lock = threading.Lock()
        self._outbox: Outbox | None = None
        self._call: Any = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to watch; whoever calls it again changes nothing."""
        if self._started:
            return
        with self._lock:
            if self._started or self._stop.is_set():
                return
            self._started = True
            self._threads.append(threading.Thread(target=self._run, name="consentd-near", daemon=True))
            if self._near.config.report_every is not None:
                self._threads.append(threading.Thread(target=self._report_each, name="consentd-near-reports", daemon=True))
            for thread in self._threads:
                thread.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Gives the lease up, and waits until the stream has ended and the server was told of the last answers, a second at
        most. Lookups miss from then on. It may be called again."""
        atexit.unregister(self.close)
        if self._near.inherited():
            return  # the threads are the parent's
        with self._lock:
            first = self._started and not self._stop.is_set()
            self._stop.set()  # no stream begins any more
            outbox, call, threads = self._outbox, self._call, self._threads
        self._near.end()
        if outbox is not None:
            outbox.put(None)
        for thread in threads[:1]:
            thread.join(RELEASE_WAIT)
        if call is not None:
            call.cancel()
        for thread in threads:
            thread.join(RELEASE_WAIT)
        if first:
            self._report(None, LAST_REPORT)

    def _run(self) -> None:
        wait = FIRST_REWATCH
        while not self._stop.is_set():
            try:
                self._watch()
            except (grpc.RpcError, NearProtocolError, Error) as error:
                logger.debug("the stream of invalidations ended: %s", error)
            except Exception:
                logger.exception("the near cache failed, and begins anew")
            if self._useful:
                wait = FIRST_REWATCH
            self._stop.wait(wait / 2 + random.random() * wait)
            wait = min(2 * wait, MAX_REWATCH)

    def _watch(self) -> None:
        """Runs one stream to its end."""
        self._useful = False
        outbox = Outbox(self._near)
        messages = (m.SerializeToString() for m in outbox.requests())
        call = self._transport.stream(WATCH_INVALIDATIONS, messages, self._transport.alone)
        session: NearSession | None = None
        outbox.lost = call.cancel
        try:
            with self._lock:
                self._outbox, self._call = outbox, call
                stopped = self._stop.is_set()
            for data in call if not stopped else ():
                m = message_of(data)
                if session is not None:
                    outbox.put(self._near.hear(session, m))
                    continue
                session = NearSession(m, self._near.config.max_entries)
                with self._lock:  # after close nothing begins
                    if self._stop.is_set():
                        break
                    self._near.begin(session)
                outbox.greeted(session)
        finally:
            self._near.end()
            self._useful = session is not None and session.granted is not None
            outbox.put(None)
            call.cancel()
            with self._lock:
                self._outbox = self._call = None

    def _report_each(self) -> None:
        while not self._stop.wait(self._near.config.report_every):
            self._report(self._near.session, REPORT_TIMEOUT)

    def _report(self, session: NearSession | None, timeout: float) -> None:
        until = time.monotonic() + timeout
        reporting = self._near.reports.reporting(session)
        failure: grpc.StatusCode | None = None
        try:
            request = next(reporting)
            while True:
                failure = None
                try:
                    self._transport.call(REPORT_ANSWERS, request, Terms(timeout=until - time.monotonic()))
                except Error as error:
                    failure = error.code
                request = reporting.send(failure)
        except StopIteration:
            return
        except Exception:
            logger.exception("the server could not be told of a near cache's answers")


class Outbox:
    """What one stream sends: heartbeats in their time, and confirmations at once."""

    def __init__(self, near: NearCache) -> None:
        self._near = near
        self._said: queue.SimpleQueue[int | NearSession | None] = queue.SimpleQueue()
        #: Ends the stream; set before the first heartbeat.
        self.lost: object = None

    def greeted(self, session: NearSession) -> None:
        """The server has offered terms."""
        self._said.put(session)

    def put(self, position: int | None) -> None:
        """Confirms a position, where it is one; None: the lease is given up, and the stream's sending side ends."""
        if position != 0:
            self._said.put(position)

    def requests(self) -> Iterator[WatchInvalidationsRequest]:
        """What gRPC sends, asked for as soon as it can; it waits here for what there is to say."""
        yield WatchInvalidationsRequest(cache_id=self._near.id)
        session = self._said.get()
        if not isinstance(session, NearSession):
            return
        began = self._near.clock.boot()
        while True:
            now = self._near.clock.read()
            last = began if session.granted is None else session.granted.sent.boot
            if now.boot - last > 2 * session.lease:
                # A server that has not answered for two leases is taken for lost.
                if callable(self.lost):
                    self.lost()
                return
            yield WatchInvalidationsRequest(heartbeat=session.beat(now))
            due = now.boot + int(session.interval * SECOND)
            while (left := due - self._near.clock.boot()) > 0:
                try:
                    said = self._said.get(timeout=left / SECOND)
                except queue.Empty:
                    break
                if not isinstance(said, int):
                    return
                yield WatchInvalidationsRequest(applied_position=said)
