"""Enforcement in gRPC servers, with real servers, over code that the proto files' own generator made."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from checkers import DENIAL, EMAIL, AsyncChecker, Checker
from test_near_watch import FakeServer, await_

import consentd
from consentd import Enforced, Enforcer, current_decision, v1
from consentd.grpc import AsyncConsentInterceptor, ConsentInterceptor

HERE = Path(__file__).parent
UNAVAILABLE = "consent cannot be checked at the moment"
Code = grpc.StatusCode


def generated() -> tuple[Any, Any]:
    """The modules of mail.proto."""
    out = tempfile.mkdtemp()
    protos = ["consent/v1/options.proto", "mail.proto"]
    include = [f"-I{HERE.parents[2] / 'proto'}", f"-I{HERE}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *include, f"--python_out={out}", f"--grpc_python_out={out}"]
    subprocess.run([*command, *protos], check=True)  # noqa: S603
    sys.path.insert(0, out)
    return importlib.import_module("mail_pb2"), importlib.import_module("mail_pb2_grpc")


messages, services = generated()

METHODS = ("Send", "Nested", "Known", "Free", "Wrong", "Missing", "Silent", "Down", "Up", "Both", "KnownBoth", "SilentBoth")


def to(user: str = "", nested: str = "", text: str = "") -> Any:
    return messages.Request(user_id=user, user={"id": nested} if nested else None, text=text)


class Log:
    """What the handlers did."""

    def __init__(self) -> None:
        self.began = 0
        self.taken: list[str] = []
        self.decisions: list[str] = []

    def begin(self) -> None:
        self.began += 1
        self.decisions.append(current_decision().id)


class Handlers:
    """Handlers of all kinds, which do not care whether they are stopped."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        return self.unary

    def unary(self, request: Any, _: Any) -> Any:
        self.log.begin()
        return to(text="sent")

    def Down(self, _: Any, __: Any) -> Iterator[Any]:  # noqa: N802
        self.log.begin()
        for _ in range(3):
            self.log.decisions.append(current_decision().id)
            yield to(text="sent")

    def Up(self, requests: Iterator[Any], _: Any) -> Any:  # noqa: N802
        self.log.begin()
        self.take(requests)
        return to(text=f"took {len(self.log.taken)}")

    def Both(self, requests: Iterator[Any], _: Any) -> Iterator[Any]:  # noqa: N802
        self.log.begin()
        yield to(text="hello")
        self.take(requests)
        yield to(text=f"took {len(self.log.taken)}")

    KnownBoth = SilentBoth = Both

    def take(self, requests: Iterator[Any]) -> None:
        """Swallows whatever goes wrong, as a careless handler does."""
        try:
            for request in requests:
                self.log.taken.append(request.text)
        except Exception:
            self.log.taken.append("swallowed")


class AsyncHandlers:
    """The same for asyncio: by generators, and by the context's read and write."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        return self.unary

    async def unary(self, request: Any, _: Any) -> Any:
        self.log.begin()
        return to(text="sent")

    async def Down(self, _: Any, context: Any) -> None:  # noqa: N802
        self.log.begin()
        for _ in range(3):
            self.log.decisions.append(current_decision().id)
            await context.write(to(text="sent"))

    async def Up(self, requests: AsyncIterator[Any], context: Any) -> Any:  # noqa: N802
        self.log.begin()
        await self.take_read(context)
        return to(text=f"took {len(self.log.taken)}")

    async def Both(self, requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.log.begin()
        yield to(text="hello")
        try:
            async for request in requests:
                self.log.taken.append(request.text)
        except Exception:
            self.log.taken.append("swallowed")
        yield to(text=f"took {len(self.log.taken)}")

    KnownBoth = SilentBoth = Both

    async def take_read(self, context: Any) -> None:
        try:
            while (request := await context.read()) is not grpc.aio.EOF:
                self.log.taken.append(request.text)
        except Exception:
            self.log.taken.append("swallowed")


def subject_of(context: Any) -> str | None:
    return dict(context.invocation_metadata()).get("user")


class Rows:
    """What each kind of server is asked, and must answer: a call's messages are texts of what came back, then its code."""

    stub: Any
    channel: Any
    events: list[Enforced]
    checker: Checker
    log: Log

    def connect(self, port: int) -> None:
        """Asks the server at this port from now on. (gRPC's client for asyncio tells of its own failed write where the server
        has ended the stream, so it would not do.)"""
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = services.MailStub(self.channel)

    def ask(self, method: str, *requests: Any, known: str = "") -> tuple[list[str], grpc.StatusCode, str]:
        call, got = getattr(self.stub, method), list[str]()
        request = iter(requests) if method in ("Up", "Both", "KnownBoth", "SilentBoth") else requests[0]
        try:
            response = call(request, metadata=[("user", known)], timeout=10)
            for m in [response] if isinstance(response, messages.Request) else response:
                got.append(m.text)
        except grpc.RpcError as error:
            return got, error.code(), error.details() or ""
        return got, Code.OK, ""

    def row(self, method: str, *requests: Any, want: list[str], code: grpc.StatusCode = Code.OK, known: str = "") -> str:
        """Asks, and returns the details of what was refused."""
        self.log.__init__()  # type: ignore[misc]
        got, status, details = self.ask(method, *requests, known=known)
        case: Any = self
        case.assertEqual((got, status), (want, code), f"{method}: {details}")
        return details

    def took(self, taken: list[str]) -> None:
        """What the handler took, which may end after the call."""
        case: Any = self
        end = time.monotonic() + 5
        while self.log.taken != taken and time.monotonic() < end:
            threading.Event().wait(0.001)
        case.assertEqual(self.log.taken, taken)

    def test_methods_run_only_where_their_purpose_is_allowed(self) -> None:
        case: Any = self
        sent = ["sent"]
        self.row("Send", to("yes"), want=sent)
        case.assertEqual(self.log.decisions, ["d1"])
        case.assertEqual(list(self.checker.asked[0].data_categories), [EMAIL])
        case.assertEqual(self.row("Send", to("no"), want=[], code=Code.PERMISSION_DENIED), DENIAL)
        case.assertEqual(self.row("Send", to("down"), want=[], code=Code.UNAVAILABLE), UNAVAILABLE)
        self.row("Send", to("", "yes"), want=[], code=Code.INVALID_ARGUMENT, known="yes")
        self.row("Nested", to("no", "yes"), want=sent)
        self.row("Nested", to("yes"), want=[], code=Code.INVALID_ARGUMENT)
        self.row("Known", to(), want=sent, known="yes")
        self.row("Known", to("yes"), want=[], code=Code.UNAUTHENTICATED)
        self.row("Free", to("no"), want=sent)
        asked = len(self.checker.asked)
        for method in ("Wrong", "Missing", "Silent"):
            for _ in range(2):  # what a method declares is remembered
                self.row(method, to("yes"), want=[], code=Code.INTERNAL)
                case.assertEqual(self.log.began, 0)
        self.row("SilentBoth", to("yes"), want=[], code=Code.INTERNAL)
        case.assertEqual(len(self.checker.asked), asked)
        outcomes = [e.outcome for e in self.events]
        case.assertEqual(outcomes[:6], ["allowed", "denied", "failed", "failed", "allowed", "failed"])
        case.assertEqual(outcomes[6:], ["allowed", "failed"] + ["undeclared"] * 7)
        case.assertEqual(self.events[0], Enforced("/mail.v1.Mail/Send", "p", "allowed"))

    def test_streams_are_decided_on_before_their_handlers_run(self) -> None:
        case: Any = self
        for method in ("Down", "Up", "Both"):
            for user, code in (("no", Code.PERMISSION_DENIED), ("down", Code.UNAVAILABLE), ("", Code.INVALID_ARGUMENT)):
                self.row(method, to(user), want=[], code=code)
                case.assertEqual(self.log.began, 0, f"the handler of {method} ran for {user!r}")
        for method in ("Up", "Both"):
            self.row(method, want=[], code=Code.INVALID_ARGUMENT)  # nobody is named
            case.assertEqual(self.log.began, 0)
        self.row("KnownBoth", to("yes"), want=[], code=Code.PERMISSION_DENIED, known="no")
        case.assertEqual(self.log.began, 0)

    def test_streams_that_are_allowed(self) -> None:
        case: Any = self
        self.row("Down", to("yes"), want=["sent"] * 3)
        case.assertEqual(self.log.decisions, ["d1"] * 4)
        self.row("Up", to("yes", text="a"), to("yes", text="b"), want=["took 2"])
        self.row("Both", to("yes", text="a"), to("yes", text="b"), want=["hello", "took 2"])
        case.assertEqual(self.log.taken, ["a", "b"])
        self.row("KnownBoth", to("x"), to("y"), want=["hello", "took 2"], known="yes")

    def test_a_withdrawal_ends_a_stream(self) -> None:
        """By the next message, in either direction, whatever the handler makes of it."""
        case: Any = self
        for method, requests, left, want, taken in (
            ("Down", [to("yes")], 2, ["sent"], []),
            ("Up", [to("yes", text="a"), to("yes", text="b")], 1, [], ["a", "swallowed"]),
            ("Both", [to("yes", text="a"), to("yes", text="b")], 1, [], []),
            ("Both", [to("yes", text="a"), to("yes", text="b")], 2, ["hello"], ["a", "swallowed"]),
            ("Both", [to("yes", text="a"), to("yes", text="b")], 3, ["hello"], ["a", "b"]),
            ("KnownBoth", [to(text="a")], 2, ["hello"], ["swallowed"]),
        ):
            self.checker.left = left
            self.row(method, *requests, want=want, code=Code.PERMISSION_DENIED, known="yes")
            self.took(taken)
            case.assertEqual(self.log.began, 1)
        self.checker.left = 1_000_000

    def serve(self, recheck: float) -> None:
        """Starts another server, whose interceptor decides again after so many seconds."""
        raise NotImplementedError

    def test_a_withdrawal_ends_a_stream_on_which_nothing_comes(self) -> None:
        case: Any = self
        for valid_for, recheck in ((0.0, 0.02), (0.05, 3600.0)):
            self.serve(recheck)
            self.log.__init__()  # type: ignore[misc]
            self.checker.left, self.checker.valid_for = 3, valid_for
            over = threading.Event()

            def waits(over: threading.Event = over) -> Iterator[Any]:
                yield to("yes", text="a")
                over.wait(30)

            with case.assertRaises(grpc.RpcError) as ended:
                self.stub.Up(waits(), timeout=20)
            over.set()
            case.assertIs(ended.exception.code(), Code.PERMISSION_DENIED)
            self.took(["a", "swallowed"])
            case.assertEqual(self.checker.left, 0)
        case.assertEqual([e.outcome for e in self.events], ["allowed", "denied"] * 2)

    def test_a_stream_is_about_one_person(self) -> None:
        self.row("Up", to("yes", text="a"), to("no", text="b"), want=[], code=Code.INVALID_ARGUMENT)
        self.took(["a", "swallowed"])
        self.row("Both", to("yes", text="a"), to("", text="b"), want=["hello"], code=Code.INVALID_ARGUMENT)


class TestServer(Rows, unittest.TestCase):
    def setUp(self) -> None:
        self.events, self.checker, self.log = [], Checker(), Log()
        self.enforcer = Enforcer(self.checker, "example", self.events.append)
        self.serve(3600.0)

    def serve(self, recheck: float) -> None:
        pool = futures.ThreadPoolExecutor(4)
        guard = ConsentInterceptor(self.enforcer, subject=subject_of, recheck=recheck)
        server = grpc.server(pool, interceptors=[guard])
        services.add_MailServicer_to_server(Handlers(self.log), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.connect(port)
        self.addCleanup(pool.shutdown)
        self.addCleanup(lambda: server.stop(0).wait())
        self.addCleanup(self.channel.close)

    def test_no_thread_is_left(self) -> None:
        for user in ("yes", "no"):
            for method in ("Up", "Both"):
                self.ask(method, to("yes", text="a"), to(user, text="b"))

        def left() -> list[str]:
            return [t.name for t in threading.enumerate() if t.name == "consentd-enforced-stream"]

        await_(lambda: not left(), "the end of the threads")

    def test_what_it_is_not_for(self) -> None:
        with self.assertRaises(TypeError):
            ConsentInterceptor(Enforcer(AsyncChecker(), "example"))
        with self.assertRaises(ValueError):
            ConsentInterceptor(self.enforcer, recheck=0)
        unknown = self.channel.unary_unary("/mail.v1.Mail/Unknown")
        with self.assertRaises(grpc.RpcError) as error:
            unknown(b"", timeout=10)
        self.assertIs(error.exception.code(), Code.UNIMPLEMENTED)


class TestAsyncServer(Rows, unittest.TestCase):
    def setUp(self) -> None:
        checker = AsyncChecker()
        self.events, self.checker, self.log = [], checker.inner, Log()
        self.enforcer = Enforcer(checker, "example", self.events.append)
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever)
        thread.start()
        self.addCleanup(self.loop.close)
        self.addCleanup(thread.join)
        self.addCleanup(lambda: self.loop.call_soon_threadsafe(self.loop.stop))
        self.serve(3600.0)

    def serve(self, recheck: float, handlers: Any = None) -> None:
        handlers = handlers or AsyncHandlers(self.log)

        async def start() -> tuple[Any, int]:
            guard = AsyncConsentInterceptor(self.enforcer, subject=subject_of, recheck=recheck)
            server = grpc.aio.server(interceptors=[guard])
            services.add_MailServicer_to_server(handlers, server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            return server, port

        server, port = asyncio.run_coroutine_threadsafe(start(), self.loop).result()
        self.connect(port)
        self.addCleanup(lambda: asyncio.run_coroutine_threadsafe(server.stop(0), self.loop).result())
        self.addCleanup(self.channel.close)

    def test_handlers_that_are_not_async_are_refused(self) -> None:
        self.serve(3600.0, Handlers(self.log))
        for method in ("Send", "Down", "Up", "Both"):
            self.row(method, to("yes"), want=[], code=Code.INTERNAL)
            self.assertEqual(self.log.began, 0)


class TestWithNearCache(unittest.TestCase):
    def test_each_message_is_decided_on_without_a_call(self) -> None:
        class Endless(Handlers):
            def Down(self, _: Any, __: Any) -> Iterator[Any]:  # noqa: N802
                while True:
                    yield to(text="sent")

        decides = FakeServer()
        self.addCleanup(decides.stop)
        client = consentd.Client(f"127.0.0.1:{decides.port}", near_cache=True, timeout=10)
        self.addCleanup(client.close)
        ask = v1.CheckRequest(controller="example", subject_id="u", purpose="p")
        await_(lambda: client.check(ask) and client.near_cache_stats().hits > 0, "the near cache")
        server = grpc.server(futures.ThreadPoolExecutor(2), interceptors=[ConsentInterceptor(Enforcer(client, "example"))])
        services.add_MailServicer_to_server(Endless(Log()), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(0).wait())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            before, answers = decides.checks, services.MailStub(channel).Down(to("u"), timeout=30)
            for _ in range(50):
                next(answers)
            self.assertEqual(decides.checks, before)
            decides.change("u", False)
            with self.assertRaises(grpc.RpcError) as ended:
                for _ in answers:
                    pass
            self.assertIs(ended.exception.code(), Code.PERMISSION_DENIED)


if __name__ == "__main__":
    unittest.main()
