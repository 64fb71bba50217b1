"""Streams of checks, connections that die, several servers: the sync client and the asyncio one alike."""

from __future__ import annotations

import asyncio
import threading
import time
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

import grpc
from google.protobuf.message import DecodeError
from support import ALLOW, ASK, Fake, Way, asks, eventually, in_threads, serving, way_to

import consentd
import consentd.aio
from consentd import v1
from consentd._calm import Crowd
from consentd._retry import Retries
from consentd._servers import Signs, Turns

Outcomes = list[Any]
WANT = [True, False] * 100


def sync_checks(target: str, requests: list[v1.CheckRequest], **options: Any) -> Outcomes:
    with consentd.Client(target, **options) as client:
        return in_threads(client, requests)


def aio_checks(target: str, requests: list[v1.CheckRequest], **options: Any) -> Outcomes:
    async def all_of_them() -> Outcomes:
        async with consentd.aio.Client(target, **options) as client:
            return await gathered(client, requests)

    return asyncio.run(all_of_them())


async def gathered(client: consentd.aio.Client, requests: list[v1.CheckRequest]) -> Outcomes:
    got = await asyncio.gather(*map(client.check, requests), return_exceptions=True)
    return [
        r.code.name if isinstance(r, consentd.Error) else r.allowed if isinstance(r, consentd.Decision) else r for r in got
    ]


KINDS: tuple[Callable[..., Outcomes], ...] = (sync_checks, aio_checks)


class TestStreams(unittest.TestCase):
    def test_checks_share_messages(self) -> None:
        for checks in KINDS:
            fake = Fake()
            with self.subTest(checks.__name__), serving(fake) as target:
                self.assertEqual(checks(target, asks(200), timeout=20), WANT)
                self.assertEqual(sum(fake.messages) + fake.singles, 200)
                self.assertLess(len(fake.messages) + fake.singles, 150)

    def test_a_check_alone_is_a_call(self) -> None:
        fake = Fake()
        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            for request in asks(5):
                client.check(request)
        self.assertEqual((fake.singles, fake.messages), (5, []))

    def test_without_coalescing(self) -> None:
        for checks in KINDS:
            fake = Fake()
            with self.subTest(checks.__name__), serving(fake) as target:
                self.assertEqual(checks(target, asks(200), timeout=20, coalesce=False), WANT)
                self.assertEqual((fake.singles, fake.messages), (200, []))

    def test_a_stream_that_never_answers(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.mute = True
            with self.subTest(checks.__name__), serving(fake) as target:
                began = time.monotonic()
                self.assertEqual(checks(target, asks(20), timeout=10), WANT[:20])
                self.assertLess(time.monotonic() - began, 5)
                self.assertEqual(fake.singles, 20)

    def test_a_server_without_streams(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.streams = False
            with self.subTest(checks.__name__), serving(fake) as target:
                self.assertEqual(checks(target, asks(200), timeout=20), WANT)
                self.assertEqual(fake.singles, 200)

    def test_a_server_that_drains_its_streams(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.drain_after = 1
            with self.subTest(checks.__name__), serving(fake) as target:
                self.assertEqual(checks(target, asks(200), timeout=20), WANT)

    def test_streams_that_break_cost_one_failure_each(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.cut_after = 1
            with self.subTest(checks.__name__), serving(fake) as target:
                outcomes = checks(target, asks(200), timeout=20)
                self.assertEqual(set(outcomes) - {True, False, "UNAVAILABLE"}, set())
                fake.cut_after = 0
                self.assertEqual(checks(target, asks(200), timeout=20), WANT)

    def test_requests_of_one_broken_stream_are_repeated(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.decide = lambda _: ALLOW
            first_is_cut = mock.patch.object(fake, "_stream", first_fails(fake))
            with self.subTest(checks.__name__), serving(fake) as target, first_is_cut:
                self.assertEqual(checks(target, asks(200), timeout=20), [True] * 200)

    def test_a_deadline_on_a_stream(self) -> None:
        for checks in KINDS:
            fake = Fake()
            fake.go.clear()
            with self.subTest(checks.__name__), serving(fake) as target:
                began = time.monotonic()
                self.assertEqual(checks(target, asks(20), timeout=0.3), ["DEADLINE_EXCEEDED"] * 20)
                self.assertLess(time.monotonic() - began, 10)

    def test_an_answer_that_cannot_be_read_denies(self) -> None:
        for checks in KINDS:
            fake = Fake()
            with self.subTest(checks.__name__), serving(fake) as target:
                with mock.patch.object(v1.CheckStreamResponse, "FromString", side_effect=garbage):
                    outcomes = checks(target, asks(20), timeout=20)
                self.assertIn("INTERNAL", outcomes)
                self.assertEqual(set(outcomes) - {"INTERNAL", True, False}, set())

    def test_a_request_is_the_callers_again(self) -> None:
        """What a caller changes while its check waits changes nothing."""
        fake = Fake()
        seen: set[str] = set()

        def decide(request: v1.CheckRequest) -> v1.CheckResponse:
            seen.add(request.subject_id)
            return ALLOW

        fake.decide = decide

        async def changed(target: str) -> None:
            async with consentd.aio.Client(target, timeout=20) as client:
                requests = asks(20)
                tasks = [asyncio.create_task(client.check(r)) for r in requests]
                await asyncio.sleep(0)
                for request in requests:
                    request.subject_id = "somebody else"
                await asyncio.gather(*tasks)

        with serving(fake) as target:
            asyncio.run(changed(target))
        self.assertEqual(seen, {r.subject_id for r in asks(20)})

    def test_close_under_checks(self) -> None:
        fake = Fake()
        fake.go.clear()
        outcomes: Outcomes = []
        with serving(fake) as target:
            client = consentd.Client(target, timeout=60)
            callers = threading.Thread(target=lambda: outcomes.extend(in_threads(client, asks(50), 50)))
            callers.start()
            eventually("checks arrive", lambda: fake.singles + sum(fake.messages) > 1)
            client.close()
            callers.join(20)
            self.assertFalse(callers.is_alive())
            client.close()
        self.assertEqual(outcomes, ["CANCELLED"] * 50)

    def test_threads_and_tasks_end(self) -> None:
        fake = Fake()
        with serving(fake) as target:
            before = threading.active_count()
            for _ in range(5):
                sync_checks(target, asks(20), timeout=20)
                aio_checks(target, asks(20), timeout=20)
            eventually("the clients' threads end", lambda: threading.active_count() <= before + 40)  # 40 are the server's
            self.assertFalse([t for t in threading.enumerate() if t.name == "consentd-checks"])


def first_fails(fake: Fake) -> Callable[..., Any]:
    """A server whose first stream is cut."""
    whole, streams = fake._stream, iter([1])

    def stream(messages: Any, context: Any) -> Any:
        fake.cut_after = next(streams, 0)
        return whole(messages, context)

    return stream


def garbage(_: bytes) -> None:
    raise DecodeError("garbage")


class TestCrowd(unittest.TestCase):
    def test_more_than_are_let_in_are_answered(self) -> None:
        fake = Fake()
        with serving(fake) as target:
            self.assertEqual(aio_checks(target, asks(4200), timeout=30), [True, False] * 2100)
        self.assertLess(len(fake.messages), 100)

    def test_turns_come_in_order_and_end(self) -> None:
        async def entered() -> None:
            crowd, plan = Crowd(2), Retries(None).plan
            order: list[int] = []

            async def one(number: int, timeout: float) -> None:
                await crowd.enter(plan(timeout))
                order.append(number)

            await one(0, 60)
            await one(1, 60)
            waiting = [asyncio.create_task(one(n, 60)) for n in (2, 3, 4)]
            late = asyncio.create_task(one(5, 0.05))
            with self.assertRaises(consentd.Error) as caught:
                await late
            self.assertEqual(caught.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)
            self.assertEqual(order, [0, 1])
            waiting[0].cancel()
            await asyncio.gather(waiting[0], return_exceptions=True)
            crowd.leave()
            await waiting[1]
            self.assertEqual(order, [0, 1, 3])
            crowd.close()
            with self.assertRaises(consentd.Error) as caught:
                await waiting[2]
            self.assertEqual(caught.exception.code, grpc.StatusCode.CANCELLED)

        asyncio.run(entered())

    def test_who_is_cancelled_as_their_turn_comes_passes_it_on(self) -> None:
        async def passed_on() -> None:
            crowd, plan = Crowd(1), Retries(None).plan
            await crowd.enter(plan(60))
            first, second = (asyncio.create_task(crowd.enter(plan(60))) for _ in range(2))
            await asyncio.sleep(0)
            crowd.leave()
            first.cancel()
            await asyncio.wait_for(second, 20)
            self.assertTrue(first.cancelled())

        asyncio.run(passed_on())


class TestConnections(unittest.TestCase):
    def test_a_slow_link_answers_at_the_first_call(self) -> None:
        for checks in KINDS:
            fake = Fake()
            with self.subTest(checks.__name__), serving(fake) as target, way_to(target) as way:
                way.late = 0.4  # far more than the wait between connections
                self.assertEqual(checks(way.address, [ASK], timeout=10), [False])
                self.assertEqual(way.connections, 1)

    def test_a_connection_that_went_dead(self) -> None:
        """Behind a proxy that acknowledges what it gets nothing ends, and a new connection would do."""
        for recovers in (sync_recovers, aio_recovers):
            fake = Fake()
            with self.subTest(recovers.__name__), serving(fake) as target, way_to(target) as way:
                with mock.patch("consentd._servers.SILENCE", 0.3):
                    self.assertLess(recovers(way, way.stick), 10)
                self.assertEqual(way.connections, 2)

    def test_a_port_that_accepts_and_says_nothing(self) -> None:
        for recovers in (sync_recovers, aio_recovers):
            fake = Fake()
            with self.subTest(recovers.__name__), serving(fake) as target, way_to(target) as way:
                way.silent = True
                with mock.patch("consentd._servers.SILENCE", 0.3):
                    self.assertLess(recovers(way, way.speak, first=False), 10)

    def test_silence(self) -> None:
        now = [0.0]
        signs = Signs(lambda: now[0])
        signs.asked()
        now[0] = 2.9
        self.assertFalse(signs.give_up())
        now[0] = 3.0
        signs.heard()
        self.assertFalse(signs.give_up())
        signs.asked()
        now[0] = 6.0
        self.assertTrue(signs.give_up())
        signs.asked()
        now[0] = 10.9
        self.assertFalse(signs.give_up())  # a server that is slow is not connected to all the time
        now[0] = 11.0
        self.assertTrue(signs.give_up())


def sync_recovers(way: Way, fault: Callable[[], None], first: bool = True) -> float:
    """How many seconds it takes from a fault to an answer, with calls that wait for 0.1 s."""
    with consentd.Client(way.address, timeout=0.1) as client:
        if first:
            eventually("the first answer", lambda: answers(client))
        else:
            answers(client)
        fault()
        began = time.monotonic()
        eventually("an answer after the fault", lambda: answers(client))
        return time.monotonic() - began


def answers(client: consentd.Client) -> bool:
    try:
        client.check(ASK)
        return True
    except consentd.Error:
        return False


def aio_recovers(way: Way, fault: Callable[[], None], first: bool = True) -> float:
    async def answered(client: consentd.aio.Client) -> bool:
        try:
            await client.check(ASK)
            return True
        except consentd.Error:
            return False

    async def recovers() -> float:
        async with consentd.aio.Client(way.address, timeout=0.1) as client:
            while not await answered(client) and first:
                pass
            fault()
            began = time.monotonic()
            while not await answered(client):
                if time.monotonic() - began > 20:
                    break
            return time.monotonic() - began

    return asyncio.run(recovers())


class TestServers(unittest.TestCase):
    def test_turns(self) -> None:
        now = [0.0]
        turns = Turns(["a", "b", "c"], lambda: now[0])
        self.assertEqual([turns.next() for _ in range(4)], ["a", "b", "c", "a"])
        self.assertTrue(turns.rest("b"))
        self.assertEqual([turns.next() for _ in range(4)], ["c", "a", "c", "a"])
        turns.rest("a")
        self.assertFalse(turns.rest("c"))
        self.assertEqual(len({turns.next() for _ in range(3)}), 3)  # all rest: all are tried
        now[0] = 1.5
        self.assertEqual(len({turns.next() for _ in range(3)}), 3)

    def test_calls_go_to_those_that_answer(self) -> None:
        for checks in KINDS:
            one, other = Fake(), Fake()
            with self.subTest(checks.__name__), serving(one) as a, serving(other) as b:
                self.assertEqual(checks(f"{a},{b}", asks(200), timeout=20), WANT)
                self.assertGreater(one.singles + sum(one.messages), 20)
                self.assertGreater(other.singles + sum(other.messages), 20)
                self.assertEqual(checks(f"127.0.0.1:1,{a}", asks(200), timeout=20), WANT)

    def test_one_that_says_it_does_not_serve(self) -> None:
        one, other = Fake(), Fake()
        one.health = b"\x08\x02"
        with serving(one) as a, serving(other) as b, consentd.Client(f"{a},{b}", timeout=20) as client:
            for request in asks(20):
                client.check(request)
            self.assertEqual((one.singles, other.singles), (0, 20))
            one.health = b"\x08\x01"

            def asked() -> bool:
                client.check(ASK)
                return one.singles > 0

            eventually("it is asked once it serves", asked)

    def test_the_client_of_several_is_a_session(self) -> None:
        seen: list[str] = []
        one, other = Fake(), Fake()

        def decide(request: v1.CheckRequest) -> v1.CheckResponse:
            seen.append(request.consistency.at_least_as_fresh)
            return ALLOW

        one.decide = other.decide = decide
        with serving(one) as a, serving(other) as b, consentd.Client(f"{a},{b}", timeout=20) as client:
            client.check(ASK)
            client.session().record_events(v1.RecordEventsRequest())
            client.check(ASK)
        self.assertEqual(seen, ["", "t1"])


if __name__ == "__main__":
    unittest.main()
