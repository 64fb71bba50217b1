"""The near cache within both clients, over real streams of a server of the tests' own."""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import grpc
from near_world import Message, answer, ask, hello, signed, token

import consentd
import consentd.aio
from consentd import NearCacheConfig, NearCacheStats, _near_tasks, _near_threads, v1
from consentd._near_cache import NearCache
from consentd._near_wire import SECOND, slot_of
from consentd.v1.decision_service_pb2 import (
    ReportAnswersRequest,
    ReportAnswersResponse,
    ReportedAnswers,
    WatchInvalidationsRequest,
)

Code = grpc.StatusCode
PATIENCE = 15.0


def await_(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        threading.Event().wait(0.002)


class Stream:
    """One stream, as the server sees it."""

    def __init__(self) -> None:
        self.out: queue.SimpleQueue[Message | grpc.StatusCode | None] = queue.SimpleQueue()
        self.cache_id = b""
        self.heartbeats = 0
        self.confirmed: list[int] = []
        #: The client has closed its side: it gave its lease up.
        self.released = False
        #: The client is gone.
        self.over = threading.Event()


class FakeServer:
    """Allows everything until told otherwise, and grants leases."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.lock = threading.Lock()
        self.checks = 0
        self.tokens: list[str] = []
        self.reported: list[ReportedAnswers] = []
        self.allowed = True
        self.revision, self.position = 70, 5
        self.lease = 2 * SECOND
        #: Whether heartbeats are answered; whether the call exists.
        self.answering = True
        self.watchable = True
        self.pool = futures.ThreadPoolExecutor(16)
        self.server = grpc.server(self.pool)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        handlers: dict[str, Any] = {
            "Check": grpc.unary_unary_rpc_method_handler(
                self.check, v1.CheckRequest.FromString, v1.CheckResponse.SerializeToString
            ),
            "BatchCheck": grpc.unary_unary_rpc_method_handler(
                self.batch, v1.BatchCheckRequest.FromString, v1.BatchCheckResponse.SerializeToString
            ),
            "ReportAnswers": grpc.unary_unary_rpc_method_handler(
                self.report, ReportAnswersRequest.FromString, ReportAnswersResponse.SerializeToString
            ),
            "WatchInvalidations": grpc.stream_stream_rpc_method_handler(
                self.watch, WatchInvalidationsRequest.FromString, Message.SerializeToString
            ),
        }
        service = grpc.method_handlers_generic_handler("consent.v1.DecisionService", handlers)
        self.server.add_generic_rpc_handlers((service,))
        self.server.start()

    def stop(self) -> None:
        for stream in self.streams:
            stream.out.put(None)
        self.server.stop(0).wait()
        self.pool.shutdown()

    def check(self, request: v1.CheckRequest, context: Any) -> v1.CheckResponse:
        with self.lock:
            self.checks += 1
            self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
            return answer(self.revision, allowed=self.allowed)

    def batch(self, request: v1.BatchCheckRequest, context: Any) -> v1.BatchCheckResponse:
        response = v1.BatchCheckResponse()
        for r in request.requests:
            response.results.add(response=self.check(r, context))
        return response

    def report(self, request: ReportAnswersRequest, _: Any) -> ReportAnswersResponse:
        with self.lock:
            self.reported.extend(request.answers)
        return ReportAnswersResponse()

    def watch(self, requests: Iterator[WatchInvalidationsRequest], context: Any) -> Iterator[Message]:
        if not self.watchable:
            context.abort(Code.UNIMPLEMENTED, "unknown method")
        stream = Stream()
        context.add_callback(stream.over.set)
        context.add_callback(lambda: stream.out.put(None))
        threading.Thread(target=self.hear, args=[stream, requests], daemon=True).start()
        with self.lock:
            self.streams.append(stream)
            terms = hello()
            terms.revision, terms.position, terms.from_position = self.revision, self.position, self.position
            terms.hello.lease.FromNanoseconds(self.lease)
            terms.hello.heartbeat_interval.FromNanoseconds(self.lease // 4)
        yield signed(terms)
        while (m := stream.out.get()) is not None:
            if isinstance(m, Message):
                yield m
            else:
                context.abort(m, "the server ends it")

    def hear(self, stream: Stream, requests: Iterator[WatchInvalidationsRequest]) -> None:
        with contextlib.suppress(grpc.RpcError, Exception):
            for r in requests:
                stream.cache_id = stream.cache_id or r.cache_id
                if r.applied_position:
                    stream.confirmed.append(r.applied_position)
                if r.heartbeat:
                    stream.heartbeats += 1
                    if self.answering:
                        self.tell(stream, heartbeat=r.heartbeat, server_time=time.time_ns(), policy_revision="p1")
            stream.released = not stream.over.is_set()
            stream.out.put(None)

    def tell(self, stream: Stream, slots: int = 0, **fields: Any) -> None:
        with self.lock:
            m = Message(from_position=self.position, position=self.position + slots, revision=self.revision, **fields)
            stream.out.put(signed(m))

    def change(self, subject: str, allowed: bool) -> None:
        """A change is told and then visible."""
        stream = self.streams[-1]
        with self.lock:
            terms = hello().hello
            m = Message(from_position=self.position, position=self.position + 1, revision=self.revision + 1)
            m.slots.append(slot_of(terms, "example", subject))
            self.position, self.revision, self.allowed = self.position + 1, self.revision + 1, allowed
            stream.out.put(signed(m))
        await_(lambda: stream.confirmed[-1:] == [self.position], "the confirmation")


class Suite:
    """What both clients must do."""

    server: FakeServer

    def open(self, **options: Any) -> None:
        """Makes the client."""
        raise NotImplementedError

    def do(self, call: Callable[[Any], Any]) -> Any:
        """Makes a call of the client."""
        raise NotImplementedError

    def stats(self) -> NearCacheStats:
        raise NotImplementedError

    def leased(self) -> None:
        """Waits for a lease."""
        await_(lambda: self.ask() is not None and self.stats().leased, "a lease")

    def ask(self, request: v1.CheckRequest | None = None, **terms: Any) -> tuple[bool, bool]:
        """Whether "u" is allowed, and whether the server was asked."""
        before = self.server.checks
        allowed = self.do(lambda c: c.check(request or ask(), timeout=10, **terms)).allowed
        return allowed, self.server.checks > before

    def case(self) -> Any:
        return self

    def known(self, **options: Any) -> None:
        """Opens a client that knows the decision on "u"."""
        self.open(**options)
        self.leased()
        self.ask()
        self.case().assertEqual(self.ask(), (True, False))

    def streams_beyond(self, n: int) -> None:
        await_(lambda: len(self.server.streams) > n, "another stream")

    def order(self) -> AbstractContextManager[list[str]]:
        """The order in which messages are applied and confirmed."""
        raise NotImplementedError

    def applying(self, order: list[str]) -> Any:
        hear = NearCache.hear

        def heard(near: NearCache, *args: Any) -> int:
            position = hear(near, *args)
            if position:
                order.append("applied")
            return position

        return mock.patch.object(NearCache, "hear", heard)

    def test_nothing_is_confirmed_before_it_is_applied(self) -> None:
        with self.order() as order:
            self.known()
            self.server.change("u", False)
            self.server.change("v", False)
        self.case().assertEqual(order, ["applied", "confirmed"] * 2)

    def test_it_answers_until_a_change(self) -> None:
        self.known()
        self.server.change("u", False)
        self.case().assertEqual(self.ask(), (False, True))
        self.case().assertEqual(self.ask(), (False, False))
        self.case().assertGreaterEqual(self.stats().hits, 2)
        self.case().assertEqual(self.stats().streams, 1)

    def test_batches(self) -> None:
        self.known()
        batch = v1.BatchCheckRequest(requests=[ask("u"), ask("v")])

        def run() -> tuple[list[bool], int]:
            before = self.server.checks
            results = self.do(lambda c: c.batch_check(batch, timeout=10))
            return [r.decision.allowed for r in results], self.server.checks - before

        self.case().assertEqual(run(), ([True, True], 2))
        self.case().assertEqual(run(), ([True, True], 0))
        self.server.change("v", False)
        self.case().assertEqual(run(), ([False, False], 2))

    def test_what_goes_to_the_server(self) -> None:
        self.known()
        strict = ask(consistency=v1.Consistency(fully_consistent=True))
        self.case().assertEqual(self.ask(strict), (True, True))
        for terms in ({"token": "another"}, {"metadata": {"tenant": "x"}}):
            self.case().assertEqual(self.ask(**terms), (True, True))
        self.case().assertIn("Bearer another", self.server.tokens)
        fresh = ask(consistency=v1.Consistency(at_least_as_fresh=token(70)))
        self.case().assertEqual([self.ask(fresh), self.ask(fresh)], [(True, True), (True, False)])

    def test_a_call_without_time_is_an_error_though_the_answer_is_known(self) -> None:
        self.known()
        batch = v1.BatchCheckRequest(requests=[ask()])
        for timeout in (0, -1):
            for call in (lambda c, t=timeout: c.check(ask(), t), lambda c, t=timeout: c.batch_check(batch, t)):
                with self.case().assertRaises(consentd.Error) as raised:
                    self.do(call)
                self.case().assertIs(raised.exception.code, Code.DEADLINE_EXCEEDED)
        with self.case().assertRaises(ValueError):
            self.do(lambda c: c.check(ask(), math.nan))

    def test_what_another_caller_may_ask_is_not_kept(self) -> None:
        self.open()
        self.leased()
        self.case().assertEqual(self.ask(ask("v"), token="another"), (True, True))
        self.case().assertEqual(self.ask(ask("v")), (True, True))

    def test_a_stream_that_ends_empties_it_and_another_one_comes(self) -> None:
        self.known()
        for end in (Code.PERMISSION_DENIED, Code.UNAVAILABLE, None):
            streams = len(self.server.streams)
            self.server.streams[-1].out.put(end)
            self.streams_beyond(streams)
            await_(lambda: self.stats().leased, "another lease")
            self.case().assertEqual(self.ask(), (True, True))
            self.case().assertEqual(self.ask(), (True, False))
        ids = {s.cache_id for s in self.server.streams}
        self.case().assertEqual([len(i) for i in ids], [16], "a cache has one name")

    def test_a_damaged_message_ends_the_stream(self) -> None:
        self.known()
        first = self.server.streams[-1]
        first.out.put(Message(from_position=99, position=99, revision=99))
        await_(first.over.is_set, "the end of the stream")
        await_(lambda: len(self.server.streams) > 1 and self.stats().leased, "another stream")
        self.case().assertEqual(self.ask(), (True, True))

    def test_a_server_that_does_not_answer_is_taken_for_lost(self) -> None:
        self.server.lease = SECOND // 5
        self.open()
        self.leased()
        first = self.server.streams[-1]
        self.server.answering = False
        await_(lambda: not self.stats().leased, "the end of the lease")
        self.case().assertEqual(self.ask(), (True, True))
        await_(first.over.is_set, "the end of the stream")
        self.server.answering = True
        await_(lambda: len(self.server.streams) > 1 and self.stats().leased, "another stream")

    def test_a_server_without_the_call(self) -> None:
        self.server.watchable = False
        self.open()
        for _ in range(3):
            self.case().assertEqual(self.ask(), (True, True))
        self.case().assertEqual(self.stats(), NearCacheStats())

    def test_closing_gives_the_lease_up_and_reports(self) -> None:
        self.known()
        for _ in range(4):
            self.ask()
        hits = self.stats().hits
        self.do(lambda c: c.close())
        await_(lambda: self.server.streams[-1].released, "the lease given up")
        self.case().assertEqual(sum(a.count for a in self.server.reported), hits)
        first = self.server.reported[0]
        told = (first.decision_id, first.controller, first.purpose, first.decision)
        self.case().assertEqual(told, ("d1", "example", "p", v1.Decision.DECISION_ALLOW))
        self.case().assertFalse(self.stats().leased)

    def test_it_reports_meanwhile(self) -> None:
        self.known(near_cache=NearCacheConfig(report_every=0.02))
        await_(lambda: sum(a.count for a in self.server.reported) == self.stats().hits, "the reports")

    def test_fences_have_time_for_the_lease(self) -> None:
        self.server.lease = 8 * SECOND
        self.open()
        self.leased()
        self.case().assertEqual(self.near().fence_timeout(), 24)

    def near(self) -> Any:
        raise NotImplementedError


class TestThreads(Suite, unittest.TestCase):
    def setUp(self) -> None:
        self.server = FakeServer()
        self.addCleanup(self.server.stop)

    def open(self, **options: Any) -> None:
        self.client = consentd.Client(f"127.0.0.1:{self.server.port}", **{"near_cache": True, "coalesce": False} | options)
        self.addCleanup(self.client.close)

    def do(self, call: Callable[[Any], Any]) -> Any:
        return call(self.client)

    def stats(self) -> NearCacheStats:
        return self.client.near_cache_stats()

    def near(self) -> Any:
        return self.client._core.near

    @contextlib.contextmanager
    def order(self) -> Iterator[list[str]]:
        order: list[str] = []
        put = _near_threads.Outbox.put

        def said(outbox: Any, position: int | None) -> None:
            if position:
                order.append("confirmed")
            put(outbox, position)

        with self.applying(order), mock.patch.object(_near_threads.Outbox, "put", said):
            yield order

    def test_no_thread_is_left(self) -> None:
        before = threading.active_count()
        for _ in range(5):
            self.known()
            self.client.close()
            self.client.close()
        near = [t.name for t in threading.enumerate() if t.name.startswith("consentd-near")]
        self.assertEqual(near, [])
        self.assertLess(threading.active_count(), before + 20)  # those of the fake server

    def test_without_one(self) -> None:
        self.open(near_cache=False)
        self.assertEqual(self.ask(), (True, True))
        self.assertEqual(self.stats(), NearCacheStats())


class TestTasks(Suite, unittest.TestCase):
    # One for all: gRPC complains of each loop that is closed.
    loop = asyncio.new_event_loop()

    @classmethod
    def setUpClass(cls) -> None:
        threading.Thread(target=cls.loop.run_forever, daemon=True).start()

    def setUp(self) -> None:
        self.server = FakeServer()
        self.addCleanup(self.server.stop)

    def open(self, **options: Any) -> None:
        # It is made outside of its loop.
        self.client = consentd.aio.Client(
            f"127.0.0.1:{self.server.port}", **{"near_cache": True, "coalesce": False} | options
        )
        self.addCleanup(lambda: self.do(lambda c: c.close()))

    def do(self, call: Callable[[Any], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(call(self.client), self.loop).result(30)

    def stats(self) -> NearCacheStats:
        return self.client.near_cache_stats()

    def near(self) -> Any:
        return self.client._core.near

    @contextlib.contextmanager
    def order(self) -> Iterator[list[str]]:
        order: list[str] = []
        send = _near_tasks.Stream._send

        async def said(stream: Any, request: WatchInvalidationsRequest) -> None:
            if request.applied_position:
                order.append("confirmed")
            await send(stream, request)

        with self.applying(order), mock.patch.object(_near_tasks.Stream, "_send", said):
            yield order

    def test_no_task_is_left(self) -> None:
        for _ in range(3):
            self.known()
            self.do(lambda c: c.close())
            self.do(lambda c: c.close())

        async def names() -> list[str]:
            return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("consentd-near")]

        self.assertEqual(asyncio.run_coroutine_threadsafe(names(), self.loop).result(5), [])

    def test_another_loop_is_told_so_also_of_what_is_known(self) -> None:
        self.known()
        with self.assertRaises(RuntimeError):
            asyncio.run(self.client.check(ask()))

    def test_a_loop_that_ends_without_close_ends(self) -> None:
        async def main() -> None:
            client = consentd.aio.Client(f"127.0.0.1:{self.server.port}", near_cache=True)
            await client.check(ask(), timeout=10)
            while not client.near_cache_stats().leased:
                await asyncio.sleep(0.005)

        thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        thread.start()
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())


if __name__ == "__main__":
    unittest.main()
