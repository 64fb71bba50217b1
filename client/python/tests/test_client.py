"""What the conformance suite cannot see from outside: schedules by a clock of ours, targets, truth values, cancellation."""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
import unittest
import uuid
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import get_args

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

import consentd
import consentd.aio
from consentd import (
    Decision,
    Error,
    EventWarning,
    Outcome,
    Result,
    new_event,
    new_link,
    new_unlink,
    outcome_of,
    outcomes_of,
    v1,
)
from consentd._events import Kind
from consentd._freshness import Freshness, store_of
from consentd._retry import DEFAULT_TIMEOUT, Retries
from consentd._target import connection

ASK = v1.CheckRequest(controller="example", subject_id="u", purpose="ai_training")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def unavailable(delay: float = 0.0) -> Error:
    return Error(grpc.StatusCode.UNAVAILABLE, "down", retry_delay=delay)


class TestTruth(unittest.TestCase):
    def test_a_denial_is_false(self) -> None:
        self.assertFalse(Decision())
        self.assertFalse(Decision().allowed)
        self.assertTrue(Decision(allowed=True))
        self.assertFalse(Result())
        self.assertTrue(Result(decision=Decision(allowed=True)))
        self.assertFalse(Result(decision=Decision(allowed=True), error=unavailable()))

    def test_text(self) -> None:
        self.assertEqual(str(Decision()), "DENY")
        self.assertEqual(
            str(Decision(allowed=True, reasons=(consentd.Reason("A", "x §1"), consentd.Reason("B")))), "ALLOW: A (x §1), B"
        )


class TestRetries(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def waits(self, errors: list[Error], timeout: float | None = None, rand: float = 0.0) -> tuple[list[float], Error | None]:
        """The waits after these failures, one after the other, and what is raised in the end."""
        plan = Retries(None, self.clock, lambda: rand).plan(timeout)
        waits: list[float] = []
        for error in errors:
            try:
                waits.append(plan.wait_after(error))
            except Error as raised:
                return waits, raised
            self.clock.now += waits[-1]
        return waits, None

    def test_schedule(self) -> None:
        waits, raised = self.waits([unavailable()] * 9)
        self.assertEqual(waits, [0.0125, 0.025, 0.05])
        self.assertEqual(raised and raised.code, grpc.StatusCode.UNAVAILABLE)
        waits, _ = self.waits([unavailable()] * 9, rand=1.0)
        self.assertEqual(waits, [0.025, 0.05, 0.1])

    def test_the_servers_wait_is_added(self) -> None:
        self.assertEqual(self.waits([unavailable(0.3)]), ([0.3125], None))

    def test_a_wait_beyond_the_deadline_is_not_begun(self) -> None:
        waits, raised = self.waits([unavailable(2)])
        self.assertEqual((waits, raised and raised.retry_delay), ([], 2))
        self.assertEqual(self.waits([unavailable(2)], timeout=60), ([2.0125], None))

    def test_nothing_else_is_repeated(self) -> None:
        for code in grpc.StatusCode:
            if code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK):
                waits, raised = self.waits([Error(code, "no", retry_delay=0.001)])
                self.assertEqual((waits, raised and raised.code), ([], code))

    def test_a_cancellation_at_the_deadline_is_its_passing(self) -> None:
        plan = Retries(None, self.clock).plan(2)
        self.clock.now += 1.999
        with self.assertRaises(Error) as caught:
            plan.wait_after(Error(grpc.StatusCode.CANCELLED, "RST_STREAM"))
        self.assertEqual(caught.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_the_time_is_all_attempts_together(self) -> None:
        plan = Retries(None, self.clock).plan(None)
        self.assertEqual(plan.remaining(), DEFAULT_TIMEOUT)
        self.clock.now += 0.75
        self.assertEqual(plan.remaining(), 0.25)
        self.clock.now += 0.25
        with self.assertRaises(Error) as caught:
            plan.remaining()
        self.assertEqual(caught.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_defaults(self) -> None:
        for given, want in ((None, DEFAULT_TIMEOUT), (0, DEFAULT_TIMEOUT), (-1, DEFAULT_TIMEOUT), (3.0, 3.0)):
            self.assertEqual(Retries(given, self.clock).plan(None).remaining(), want)

    def test_the_budget_is_spent_and_restored(self) -> None:
        retries = Retries(None, self.clock, lambda: 0.0)

        def attempts() -> int:
            plan = retries.plan(60)
            for count in range(1, 9):
                try:
                    plan.wait_after(unavailable())
                except Error:
                    return count
            return 9

        self.assertEqual([attempts() for _ in range(20)][-1], 1)
        for _ in range(1000):
            retries.plan(None).answered("an answer")
        self.assertEqual(attempts(), 4)


class TestTargets(unittest.TestCase):
    def test_local(self) -> None:
        for target in (
            "localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "dns:///localhost:1",
            "unix:///s", "unix:s", "unix-abstract:s",
        ):  # fmt: skip
            with self.subTest(target):
                made = connection(target, None, False)
                self.assertIsNone(made.credentials)
                self.assertIn(("grpc.enable_http_proxy", 0), made.options)

    def test_remote(self) -> None:
        for target in (
            "example.org:1", "10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[2001:db8::1]:1", "localhost.example.org:1",
            "dns:///10.0.0.1:1", "dns://127.0.0.1/example.org:1", "xds:///localhost:1",
        ):  # fmt: skip
            with self.subTest(target):
                self.assertIsNotNone(connection(target, None, False).credentials)
                self.assertIsNone(connection(target, None, True).credentials)

    def test_refused(self) -> None:
        for target in (
            "", "localhost", ":1", "localhost:", "::1:1", "[::1:1", "a:b:1", "[]:1", "dns:///", "dns:///localhost",
            "unix://s",
        ):  # fmt: skip
            with self.subTest(target), self.assertRaisesRegex(ValueError, "want host:port"):
                connection(target, None, False)
        with self.assertRaisesRegex(ValueError, "contradict"):
            connection("localhost:1", grpc.ssl_channel_credentials(), True)


class TestEvents(unittest.TestCase):
    def test_kinds(self) -> None:
        event = new_event("support", v1.ConsentEvent(purpose="ai_training", status="CONSENT_STATUS_WITHDRAWN"))
        self.assertEqual(event.consent.status, v1.ConsentStatus.CONSENT_STATUS_WITHDRAWN)
        self.assertEqual(new_event("s", v1.OptOutEvent()).WhichOneof("kind"), "opt_out")
        self.assertIsNone(new_event("s").WhichOneof("kind"))
        with self.assertRaises(TypeError):
            new_event("s", ASK)  # type: ignore[arg-type]

    def test_ids(self) -> None:
        ids = {new_event("s").id for _ in range(1000)}
        self.assertEqual(len(ids), 1000)
        for text in ids:
            self.assertEqual((uuid.UUID(text).version, uuid.UUID(text).variant), (7, uuid.RFC_4122))


def token_of(store: int, version: int = 1, rest: int = 12) -> str:
    """A consistency token of a store."""
    return base64.urlsafe_b64encode(bytes([version]) + bytes([store] * 16) + bytes(rest)).decode().rstrip("=")


class TestFreshness(unittest.TestCase):
    def test_the_callers_message_is_not_changed(self) -> None:
        fresh = Freshness()
        self.assertIs(fresh.demand(ASK), ASK)
        fresh.note(v1.RecordEventsResponse(consistency_token="t"))
        self.assertEqual(fresh.demand(ASK).consistency.at_least_as_fresh, "t")
        self.assertFalse(ASK.HasField("consistency"))

    def test_tokens_that_cannot_be_read_are_of_no_store(self) -> None:
        good = token_of(7)
        self.assertEqual(store_of(good), bytes([7] * 16))
        self.assertEqual(store_of(token_of(7, version=2, rest=16)), bytes([7] * 16))
        unknown = (token_of(7, version=2), token_of(7, rest=16), token_of(7, version=3), token_of(7, version=3, rest=16))
        for text in ("", "t1", *unknown, good + "=", good[:-1], good[:-1] + "+", good + "A"):
            self.assertIsNone(store_of(text), text)

    def test_an_answer_of_another_store(self) -> None:
        fresh = Freshness()
        fresh.hear(["t1", token_of(1), token_of(1), ""])
        with self.assertRaises(consentd.StoreMismatchError) as raised:
            fresh.hear([token_of(1), token_of(2)])
        self.assertIs(raised.exception.code, grpc.StatusCode.FAILED_PRECONDITION)
        fresh.hear([token_of(1)])
        self.assertIs(fresh.demand(ASK), ASK)

    def test_nothing_meets_writes_to_two_stores(self) -> None:
        fresh = Freshness()
        fresh.note(v1.RecordEventsResponse(consistency_token=token_of(1), revision=9))
        with self.assertRaises(consentd.StoreMismatchError):
            fresh.note(v1.RecordEventsResponse(consistency_token=token_of(2), revision=1))
        with self.assertRaises(consentd.StoreMismatchError):
            fresh.demand(ASK)

    def test_a_token_that_the_caller_chose(self) -> None:
        refusal = Error(
            grpc.StatusCode.INVALID_ARGUMENT, "no", (consentd.Violation("consistency.at_least_as_fresh", "of another store"),)
        )
        fresh = Freshness()
        fresh.hear([token_of(1)])
        for token, kind in ((token_of(1), consentd.StoreMismatchError), (token_of(2), Error), ("garbage", Error)):
            chosen = v1.CheckRequest(consistency=v1.Consistency(at_least_as_fresh=token))
            with self.assertRaises(Error) as raised, fresh.judging(chosen, fresh.demand(chosen)):
                raise refusal
            self.assertIs(type(raised.exception), kind, token)


class TestOutcomes(unittest.TestCase):
    def test_what_became_of_events(self) -> None:
        at = datetime(2026, 1, 2, 12, 0, 0, 999_999, timezone.utc)
        stamp = Timestamp()
        stamp.FromDatetime(at)
        answer = v1.RecordEventsResponse(
            outcomes=[
                v1.EventOutcome(
                    effect="EVENT_EFFECT_SUPERSEDED",
                    superseded_by="sms-7",
                    superseded_by_kind="consent",
                    superseded_by_occurred_at=stamp,
                ),
                v1.EventOutcome(
                    effect="EVENT_EFFECT_COUNTED",
                    warnings=[
                        v1.EventWarning(
                            code="EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED",
                            purpose="sale",
                            nearest="sale_of_data",
                            message="?",
                        )
                    ],
                ),
            ]
        )
        late, misspelt = outcomes_of(answer)
        self.assertEqual(late, Outcome("SUPERSEDED", "sms-7", "consent", at))
        warning = EventWarning("PURPOSE_NOT_DECLARED", "sale", "sale_of_data", "?")
        self.assertEqual(misspelt, Outcome("COUNTED", warnings=(warning,)))
        self.assertEqual(str(misspelt), "COUNTED; PURPOSE_NOT_DECLARED: sale (nearest: sale_of_data)")
        self.assertEqual(outcomes_of(v1.RecordEventsResponse()), ())
        odd = v1.EventOutcome(superseded_by="x", superseded_by_occurred_at=Timestamp(nanos=1_000_000_000))
        self.assertEqual(str(outcomes_of(v1.RecordEventsResponse(outcomes=[odd]))[0]), "UNSPECIFIED by the event x")

    def test_every_kind_can_be_made(self) -> None:
        fields = v1.Event.DESCRIPTOR.oneofs_by_name["kind"].fields
        read_back = {"LinkEvent", "UnlinkEvent"}  # link_subjects and unlink_subjects record them
        self.assertEqual(
            {kind.__name__ for kind in get_args(Kind)}, {f.message_type.name for f in fields if f.message_type} - read_back
        )
        for field in fields:
            name = field.message_type.name if field.message_type else ""
            kind = getattr(v1, name)()
            self.assertEqual(new_event("support", kind).WhichOneof("kind"), field.name)


class TestPeople(unittest.TestCase):
    def test_requests(self) -> None:
        link = new_link("login", controller="example", subject_id="account:1", linked_id="cookie:1", fence=True)
        unlink = new_unlink(
            "support", controller="example", subject_id="account:1", linked_id="cookie:1", evidence="urn:case:1"
        )
        for request, source in ((link, "login"), (unlink, "support")):
            self.assertEqual(
                (request.controller, request.subject_id, request.linked_id), ("example", "account:1", "cookie:1")
            )
            self.assertEqual((request.source, uuid.UUID(request.event_id).version), (source, 7))
            age = datetime.now(timezone.utc) - request.occurred_at.ToDatetime(timezone.utc)
            self.assertLess(abs(age.total_seconds()), 60)
        self.assertEqual((link.fence, link.evidence), (True, ""))
        self.assertEqual((unlink.fence, unlink.evidence), (False, "urn:case:1"))
        self.assertNotEqual(link.event_id, unlink.event_id)

    def test_what_became_of_a_link(self) -> None:
        late = v1.EventOutcome(effect="EVENT_EFFECT_SUPERSEDED", superseded_by="l2", superseded_by_kind="unlink")
        self.assertEqual(outcome_of(v1.LinkSubjectsResponse(outcome=late)), Outcome("SUPERSEDED", "l2", "unlink"))
        again = v1.UnlinkSubjectsResponse(outcome=v1.EventOutcome(effect="EVENT_EFFECT_DUPLICATE"))
        self.assertEqual(str(outcome_of(again)), "DUPLICATE")

    def test_a_session_keeps_the_newest_token_of_all_its_writes(self) -> None:
        fresh = Freshness()
        fresh.note(v1.UnlinkSubjectsResponse(consistency_token="t3", revision=3))
        fresh.note(v1.LinkSubjectsResponse(consistency_token="t2", revision=2))
        self.assertEqual(fresh.demand(ASK).consistency.at_least_as_fresh, "t3")
        fresh.note(v1.LinkSubjectsResponse(consistency_token="t4", revision=4))
        self.assertEqual(fresh.demand(ASK).consistency.at_least_as_fresh, "t4")


class Hanging(grpc.GenericRpcHandler):
    """A server that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.go = threading.Event()

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def hang(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.arrived.set()
            self.go.wait()
            return b""

        return grpc.unary_unary_rpc_method_handler(hang)


@contextmanager
def hanging() -> Iterator[tuple[str, Hanging]]:
    handler = Hanging()
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", handler
    finally:
        handler.go.set()
        server.stop(None).wait()


class TestFailures(unittest.TestCase):
    def test_is_allowed_logs_what_it_swallows(self) -> None:
        with consentd.Client("127.0.0.1:1", timeout=0.2) as client, self.assertLogs("consentd", logging.WARNING) as logs:
            self.assertFalse(client.is_allowed(ASK))
            self.assertFalse(client.session().is_allowed(ASK))
        self.assertIn("UNAVAILABLE", logs.output[0])
        self.assertEqual(len(logs.output), 2)

    def test_a_cancelled_task_is_cancelled(self) -> None:
        async def cancelled(cause: Callable[[consentd.aio.Client, asyncio.Task[Decision]], object], target: str) -> Decision:
            async with consentd.aio.Client(target, timeout=60) as client:
                task = asyncio.create_task(client.check(ASK))
                await asyncio.to_thread(handler.arrived.wait)
                cause(client, task)
                return await task

        with hanging() as (target, handler), self.assertRaises(asyncio.CancelledError):
            asyncio.run(cancelled(lambda _, task: task.cancel(), target))

    def test_a_client_that_closes_cancels_no_task(self) -> None:
        async def closed(target: str) -> None:
            client = consentd.aio.Client(target, timeout=60)
            task = asyncio.create_task(client.check(ASK))
            await asyncio.to_thread(handler.arrived.wait)
            await client.close()
            with self.assertRaises(Error) as caught:
                await task
            self.assertEqual(caught.exception.code, grpc.StatusCode.CANCELLED)
            await client.close()

        with hanging() as (target, handler):
            asyncio.run(closed(target))


class Bearers(grpc.GenericRpcHandler):
    """Answers every call, and keeps what it carried."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        self.seen.append([str(value) for key, value in details.invocation_metadata if key == "authorization"])
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


class TestTokens(unittest.TestCase):
    def test_calls_carry_it(self) -> None:
        handler = Bearers()
        server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        tokens = iter(["one", "two", "three"])

        async def both() -> None:
            async with consentd.aio.Client(target, token=lambda: next(tokens)) as client:
                await client.check(ASK)

        try:
            with consentd.Client(target, token=lambda: next(tokens)) as client:
                client.check(ASK)
                client.session().check(ASK)
            asyncio.run(both())
            with consentd.Client(target) as client:
                client.check(ASK)
        finally:
            server.stop(None).wait()
        self.assertEqual(handler.seen, [["Bearer one"], ["Bearer two"], ["Bearer three"], []])

    def test_one_that_cannot_be(self) -> None:
        def fails() -> str:
            raise OSError("no such file")

        for token in (fails, lambda: "", lambda: "hunter2\n", lambda: "hunter 2", lambda: "hünter2"):
            with self.subTest(token=token), consentd.Client("127.0.0.1:1", token=token) as client:
                with self.assertRaises(Error) as raised:
                    client.check(ASK)
                self.assertEqual(raised.exception.code, grpc.StatusCode.UNAUTHENTICATED)
                self.assertNotIn("unter", str(raised.exception))
                self.assertFalse(client.is_allowed(ASK))


if __name__ == "__main__":
    unittest.main()
