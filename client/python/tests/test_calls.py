"""What calls carry, take and return; values that cross processes; processes and loops that a client does not survive."""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import forks
import grpc
from google.protobuf import json_format
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support import ALLOW, ASK, DENY, Fake, asks, in_threads, serving

import consentd
import consentd.aio
from consentd import Call, Decision, DeniedError, Error, Obligation, Reason, Result, StoreMismatchError, Violation, otel, v1
from consentd._decision import decision_of
from consentd._retry import FENCE_TIMEOUT, MAX_TIMEOUT, Retries

NOW = datetime.now(timezone.utc)
VALUES: tuple[Any, ...] = (
    Error(grpc.StatusCode.INVALID_ARGUMENT, "no", (Violation("purpose", "is bad"),), 1.5),
    StoreMismatchError("a server refuses the token"),
    DeniedError(Decision(reasons=(Reason("CONSENT_WITHDRAWN", "x §1", "?"),), id="d")),
    Decision(
        True, (Reason("A"),), "CONSENT", (Obligation("B", {"c": [1, {"d": None}]}),), ("e",), datetime.now(timezone.utc)
    ),
    Result(error=Error(grpc.StatusCode.UNAVAILABLE, "down")),
)


def parts(value: Any) -> Any:
    """What of a value must survive."""
    if isinstance(value, Error):
        return type(value), str(value), {k: v for k, v in vars(value).items() if not k.startswith("_")}
    if isinstance(value, Result):
        return value.decision, parts(value.error)
    return value


def raising(value: Exception) -> None:
    raise value


class TestValues(unittest.TestCase):
    def test_they_are_pickled_and_copied(self) -> None:
        for value in VALUES:
            for made in (copy.copy(value), copy.deepcopy(value), *self.pickled(value)):
                self.assertEqual(parts(made), parts(value))

    @staticmethod
    def pickled(value: Any) -> list[Any]:
        return [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]  # noqa: S301

    def test_errors_cross_processes(self) -> None:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            for value in VALUES[:3]:
                with self.assertRaises(type(value)) as caught:
                    pool.apply_async(raising, (value,)).get(30)
                self.assertEqual(parts(caught.exception), parts(value))

    def test_clients_are_not_copied(self) -> None:
        for client in (consentd.Client("127.0.0.1:1"), consentd.aio.Client("127.0.0.1:1")):
            for copied in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaisesRegex(TypeError, "a client is not copied"):
                    copied(client)

    def test_parameters_of_obligations_are_json(self) -> None:
        given: dict[str, Any] = {"a": 30, "b": 1.5, "c": ["x", {"d": None}, []], "e": True, "f": {}, "g": ""}
        response = v1.CheckResponse(obligations=[v1.Obligation(code="OBLIGATION_CODE_AGGREGATE_ONLY")])
        response.obligations[0].parameters.update(given)
        got = decision_of(response).obligations[0].parameters
        self.assertEqual(got, json_format.MessageToDict(response.obligations[0].parameters))
        self.assertEqual(got, given)


class TestTimeouts(unittest.TestCase):
    def test_the_longest(self) -> None:
        clock = lambda: 5.0  # noqa: E731
        for timeout in (math.inf, 1e300, 2**70, MAX_TIMEOUT + 1):
            self.assertEqual(Retries(timeout, clock).plan(None).remaining(), MAX_TIMEOUT)
            self.assertEqual(Retries(None, clock).plan(timeout).remaining(), MAX_TIMEOUT)
        with self.assertRaises(Error):
            Retries(None, clock).plan(-math.inf).remaining()

    def test_what_is_none(self) -> None:
        for timeout, kind in ((math.nan, ValueError), ("1", TypeError), (True, TypeError), (1j, TypeError)):
            with self.subTest(timeout), self.assertRaises(kind):
                consentd.Client("127.0.0.1:1", timeout=timeout)  # type: ignore[arg-type]
            with consentd.Client("127.0.0.1:1") as client, self.assertRaises(kind):
                client.is_allowed(ASK, timeout)  # type: ignore[arg-type]

    def test_calls_with_the_longest(self) -> None:
        async def checked(target: str) -> None:
            async with consentd.aio.Client(target, timeout=math.inf) as client:
                await asyncio.gather(*map(client.check, asks(10)))

        with serving(Fake()) as target:
            with consentd.Client(target, timeout=math.inf) as client:
                self.assertEqual(in_threads(client, asks(10)), [True, False] * 5)
            asyncio.run(checked(target))

    def test_a_fenced_write_has_time(self) -> None:
        fake = Fake()
        fenced, plain = v1.RecordEventsRequest(fence=True), v1.RecordEventsRequest()

        async def recorded(target: str) -> None:
            async with consentd.aio.Client(target) as client:
                await client.record_events(fenced)

        with serving(fake) as target:
            with consentd.Client(target) as client:
                client.record_events(plain)
                client.record_events(fenced)
                client.session().record_events(fenced)
                client.record_events(fenced, timeout=2)
            with consentd.Client(target, timeout=30) as client:
                client.record_events(fenced)
            asyncio.run(recorded(target))
        for got, want in zip(fake.remaining, (1, FENCE_TIMEOUT, FENCE_TIMEOUT, 2, 30, FENCE_TIMEOUT), strict=True):
            # libraries round up
            self.assertTrue(want - 0.9 < got < want + 0.5, (got, want))


class TestForks(unittest.TestCase):
    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_forks(self) -> None:
        names = unittest.defaultTestLoader.getTestCaseNames(forks.TestForks)
        self.assertEqual(len(names), 3)
        for name in names:
            with self.subTest(name):
                test = subprocess.run(  # noqa: S603 # names of tests
                    [sys.executable, "-m", "unittest", "-q", f"forks.TestForks.{name}"],
                    cwd=Path(__file__).parent,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                self.assertEqual(test.returncode, 0, test.stderr)
                self.assertRegex(test.stderr, "Ran 1 test")


class TestLoops(unittest.TestCase):
    def test_a_second_loop_raises(self) -> None:
        with serving(Fake()) as target:
            client = consentd.aio.Client(target, timeout=20)  # outside of any
            session = client.session()
            one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
            self.assertFalse(one.run_until_complete(client.is_allowed(ASK)))
            for call in (client.check, client.is_allowed, session.is_allowed):
                with self.assertRaisesRegex(RuntimeError, "another event loop"):
                    other.run_until_complete(call(ASK))
            with self.assertRaisesRegex(RuntimeError, "another event loop"):
                other.run_until_complete(client.close())
            one.run_until_complete(client.close())
            one.close()
            other.close()

    def test_faults_of_the_program_are_raised(self) -> None:
        with consentd.Client("127.0.0.1:1", timeout=0.2) as client:
            for call in (client.is_allowed, client.session().is_allowed):
                with self.assertRaises(TypeError):
                    call("no message")  # type: ignore[arg-type]
                with self.assertLogs("consentd", logging.WARNING):
                    self.assertFalse(call(ASK))
        client = consentd.Client("127.0.0.1:1", token=lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        with client, self.assertLogs("consentd", logging.WARNING):
            self.assertFalse(client.is_allowed(ASK))


class TestHelpers(unittest.TestCase):
    def test_guard(self) -> None:
        fake = Fake()
        ran: list[Any] = []

        async def guarded(target: str) -> None:
            async with consentd.aio.Client(target, timeout=20) as client:
                async with client.guard(ASK) as obligations:
                    ran.append(obligations)
                fake.decide = lambda _: DENY
                with self.assertRaises(DeniedError):
                    async with client.guard(ASK):
                        ran.append("no")

        allowed = v1.CheckResponse(
            decision="DECISION_ALLOW", obligations=[v1.Obligation(code="OBLIGATION_CODE_AGGREGATE_ONLY")]
        )
        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            fake.decide = lambda _: allowed
            for caller in (client, client.session()):
                with caller.guard(ASK) as obligations:
                    ran.append(obligations)
            fake.decide = lambda _: DENY
            with self.assertRaises(DeniedError) as caught, client.guard(ASK):
                ran.append("no")
            self.assertEqual(caught.exception.code, grpc.StatusCode.PERMISSION_DENIED)
            self.assertEqual(caught.exception.decision.reasons[0].code, "CONSENT_WITHDRAWN")
            fake.decide = lambda _: allowed
            with self.assertRaises(ZeroDivisionError), client.guard(ASK):
                raise ZeroDivisionError  # what the block raises comes out
            asyncio.run(guarded(target))
        with consentd.Client("127.0.0.1:1", timeout=0.2) as client, self.assertRaises(Error), client.guard(ASK):
            ran.append("no")
        self.assertEqual(ran, [(Obligation("AGGREGATE_ONLY"),)] * 3)

    def test_batches_of_any_size(self) -> None:
        fake = Fake()
        requests = asks(2500)

        async def checked(target: str) -> list[Result]:
            async with consentd.aio.Client(target, timeout=20) as client:
                return await client.batch_check(v1.BatchCheckRequest(requests=requests))

        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            for results in (client.batch_check(v1.BatchCheckRequest(requests=requests)), asyncio.run(checked(target))):
                self.assertEqual([bool(r) for r in results], [True, False] * 1250)
        self.assertEqual(sorted(fake.batches), [500] * 2 + [1000] * 4)

    def test_filter(self) -> None:
        fake = Fake()
        people = ["user-0", "user-1", "broken-0", "user-2"]

        def ask(person: str) -> v1.CheckRequest:
            return v1.CheckRequest(controller="example", subject_id=person, purpose="ai_training")

        async def chosen(target: str) -> list[str]:
            async with consentd.aio.Client(target, timeout=20) as client:
                self.assertEqual(await client.filter([], ask), [])
                return await client.filter(iter(people), ask)

        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            with self.assertLogs("consentd", logging.WARNING) as logs:
                self.assertEqual(client.filter(people, ask), ["user-0", "user-2"])
                self.assertEqual(client.session().filter(people, ask), ["user-0", "user-2"])
                self.assertEqual(asyncio.run(chosen(target)), ["user-0", "user-2"])
            self.assertEqual(len(logs.output), 3)
            self.assertEqual(client.filter([], ask), [])
            self.assertEqual(client.filter(asks(3)), asks(3)[::2])
            with self.assertRaises(TypeError):
                client.filter(people)
        with consentd.Client("127.0.0.1:1", timeout=0.2) as client, self.assertRaises(Error):
            client.filter(people, ask)

    def test_explain(self) -> None:
        fake = Fake()
        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            request = v1.ExplainRequest(check=ASK)
            self.assertEqual(client.explain(request).decision.decision, v1.Decision.DECISION_DENY)
            session = client.session()
            session.record_events(v1.RecordEventsRequest())
            self.assertEqual(session.explain(request).trace, "t1")
            self.assertFalse(request.check.HasField("consistency"))
            request.at.GetCurrentTime()
            self.assertEqual(session.explain(request).trace, "")


class TestCarried(unittest.TestCase):
    def test_metadata_and_tokens(self) -> None:
        fake = Fake()

        async def checked(target: str) -> None:
            async with consentd.aio.Client(target, metadata={"x-app": "mailer"}, token=lambda: "all") as client:
                await client.check(ASK, metadata=[("x-request", "7"), ("x-data-bin", b"\0")], token="own")

        with serving(fake) as target:
            with consentd.Client(target, metadata={"x-app": "mailer"}, token=lambda: "all", timeout=20) as client:
                client.check(ASK)
                client.check(ASK, metadata=[("x-request", "7"), ("x-data-bin", b"\0")], token="own")
            asyncio.run(checked(target))
        self.assertEqual((fake.metadata[0]["x-app"], fake.metadata[0]["authorization"]), ("mailer", "Bearer all"))
        for seen in fake.metadata[1:]:
            self.assertEqual((seen["x-app"], seen["authorization"]), ("mailer", "Bearer own"))
            self.assertEqual((seen["x-request"], seen["x-data-bin"]), ("7", b"\0"))

    def test_they_share_no_stream(self) -> None:
        fake = Fake()
        with serving(fake) as target, consentd.Client(target, timeout=20) as client:
            threads = [threading.Thread(target=client.check, args=(ASK,), kwargs={"token": f"t{i}"}) for i in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
        self.assertEqual((fake.singles, fake.messages), (20, []))
        self.assertEqual({m["authorization"] for m in fake.metadata}, {f"Bearer t{i}" for i in range(20)})

    def test_what_no_header_may_be(self) -> None:
        for metadata, kind in (
            ({"X-App": "a"}, ValueError), ({"x app": "a"}, ValueError), ({"grpc-x": "a"}, ValueError),
            ({"x": "a\n"}, ValueError), ({"x": "ä"}, ValueError),
            ({"x": b"a"}, TypeError), ({"x-bin": "a"}, TypeError), ({1: "a"}, TypeError),
        ):  # fmt: skip
            with self.subTest(metadata), self.assertRaises(kind):
                consentd.Client("127.0.0.1:1", metadata=metadata)  # type: ignore[arg-type]
            with consentd.Client("127.0.0.1:1") as client, self.assertRaises(kind):
                client.is_allowed(ASK, metadata=metadata)  # type: ignore[arg-type]


class TestObservers(unittest.TestCase):
    def observed(self, observer: Callable[[Call], object]) -> None:
        fake = Fake()

        async def checked(target: str) -> None:
            async with consentd.aio.Client(target, timeout=20, observer=observer) as client:
                await client.is_allowed(ASK)

        with serving(fake) as target:
            with consentd.Client(target, timeout=20, observer=observer) as client:
                fake.decide = lambda _: ALLOW
                client.check(ASK)
                fake.decide = lambda _: DENY
                client.session().is_allowed(ASK)
                client.batch_check(v1.BatchCheckRequest(requests=[ASK]))
                client.record_events(v1.RecordEventsRequest())
                with self.assertRaises(Error):
                    client.get_subject(v1.GetSubjectRequest(), timeout=0)
            asyncio.run(checked(target))

    def test_calls_are_told(self) -> None:
        calls: list[Call] = []
        before = time.time_ns()
        self.observed(calls.append)
        self.assertEqual(
            [(c.method, c.purpose, c.outcome) for c in calls],
            [
                ("check", "ai_training", "ALLOW"),
                ("check", "ai_training", "DENY"),
                ("batch_check", "", "OK"),
                ("record_events", "", "OK"),
                ("get_subject", "", "DEADLINE_EXCEEDED"),
                ("check", "ai_training", "DENY"),
            ],
        )
        for call in calls:
            self.assertTrue(before <= call.began_ns <= time.time_ns() and 0 <= call.seconds < 20, call)

    def test_one_that_fails_changes_nothing(self) -> None:
        def fails(_: Call) -> None:
            raise OSError("the collector is gone")

        with self.assertLogs("consentd", logging.ERROR) as logs:
            self.observed(fails)
        self.assertEqual(len(logs.output), 6)

    def test_opentelemetry(self) -> None:
        spans, reader, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(spans))
        self.observed(otel.observer(tracers, MeterProvider([reader])))
        got = [(s.name, dict(s.attributes or {}), s.status.is_ok) for s in spans.get_finished_spans()]
        self.assertEqual(got[0], ("consentd.check", {"consentd.outcome": "ALLOW", "consentd.purpose": "ai_training"}, True))
        self.assertEqual(got[4], ("consentd.get_subject", {"consentd.outcome": "DEADLINE_EXCEEDED"}, False))
        measured: Any = reader.get_metrics_data()
        points = measured.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
        self.assertEqual(sum(point.count for point in points), 6)


if __name__ == "__main__":
    unittest.main()
