"""Servers that answer as a test says, and a way to them that breaks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress

import grpc

import consentd
from consentd import v1

ASK = v1.CheckRequest(controller="example", subject_id="u", purpose="ai_training")
ALLOW = v1.CheckResponse(decision="DECISION_ALLOW", reasons=[v1.Reason(code="REASON_CODE_BASIS_HOLDS")], decision_id="d")
DENY = v1.CheckResponse(decision="DECISION_DENY", reasons=[v1.Reason(code="REASON_CODE_CONSENT_WITHDRAWN")])

Decide = Callable[[v1.CheckRequest], v1.CheckResponse]


def eventually(what: str, holds: Callable[[], bool], within: float = 20.0) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.005)


def by_subject(request: v1.CheckRequest) -> v1.CheckResponse:
    """Allows those whose id ends in an even digit."""
    return ALLOW if request.subject_id[-1] in "02468" else DENY


class Fake(grpc.GenericRpcHandler):
    """A server of decisions. What it got is kept; the hooks are the tests' to replace."""

    def __init__(self) -> None:
        self.decide: Decide = by_subject
        self.streams = True
        self.mute = False  # streams take checks and answer none
        self.lock = threading.Lock()
        self.messages: list[int] = []  # how many checks each message of a stream had
        self.batches: list[int] = []
        self.singles = 0
        self.metadata: list[dict[str, str | bytes]] = []
        self.remaining: list[float] = []
        self.go = threading.Event()
        self.go.set()
        self.health = b"\x08\x01"
        self.drain_after = 0  # messages of a stream after which it asks for another one; 0: never
        self.cut_after = 0  # messages of a stream after which it fails; 0: never

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        with self.lock:
            self.metadata.append(dict(details.invocation_metadata))
        name = details.method.rsplit("/", 1)[1]
        if name == "CheckStream":
            return grpc.stream_stream_rpc_method_handler(self._stream) if self.streams else None
        if name == "Watch":
            return grpc.unary_stream_rpc_method_handler(self._watch)
        return grpc.unary_unary_rpc_method_handler(getattr(self, "_" + name))

    def _note(self, context: grpc.ServicerContext) -> None:
        with self.lock:
            self.remaining.append(context.time_remaining() or 0.0)

    def _Check(self, data: bytes, context: grpc.ServicerContext) -> bytes:  # noqa: N802
        self._note(context)
        with self.lock:
            self.singles += 1
        self.go.wait()
        return self.decide(v1.CheckRequest.FromString(data)).SerializeToString()

    def _BatchCheck(self, data: bytes, context: grpc.ServicerContext) -> bytes:  # noqa: N802
        requests = v1.BatchCheckRequest.FromString(data).requests
        with self.lock:
            self.batches.append(len(requests))
        results = [v1.BatchCheckResult(response=self.decide(r)) for r in requests]
        for r, result in zip(requests, results, strict=True):
            if r.subject_id == "broken-0":
                result.error.code = 14
        return v1.BatchCheckResponse(results=results).SerializeToString()

    def _Explain(self, data: bytes, context: grpc.ServicerContext) -> bytes:  # noqa: N802
        check = v1.ExplainRequest.FromString(data).check
        token = check.consistency.at_least_as_fresh
        return v1.ExplainResponse(decision=self.decide(check), trace=token).SerializeToString()

    def _RecordEvents(self, data: bytes, context: grpc.ServicerContext) -> bytes:  # noqa: N802
        self._note(context)
        return v1.RecordEventsResponse(consistency_token="t1", revision=1).SerializeToString()

    def _watch(self, data: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        said = None
        while context.is_active():
            if said != self.health:
                said = self.health
                yield said
            time.sleep(0.01)

    def _stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for count, data in enumerate(messages, 1):
            checks = v1.CheckStreamRequest.FromString(data).checks
            with self.lock:
                self.messages.append(len(checks))
            if self.mute:
                continue
            self.go.wait()
            if count == self.cut_after:
                context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
            results = [v1.StreamedResult(id=c.id, response=self.decide(c.check)) for c in checks]
            yield v1.CheckStreamResponse(results=results, draining=count == self.drain_after).SerializeToString()


@contextmanager
def serving(fake: grpc.GenericRpcHandler, threads: int = 40) -> Iterator[str]:
    """Serves, and gives the address."""
    server = grpc.server(futures.ThreadPoolExecutor(threads), handlers=[fake], options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        if isinstance(fake, Fake):
            fake.go.set()
        server.stop(None).wait()


class Way:
    """A TCP proxy, one connection after the other told apart."""

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.silent = False  # new connections are accepted, and nothing is ever said on them
        self.late = 0.0  # how many seconds the first answer on a connection takes
        self._stuck: set[int] = set()  # connections on which nothing comes through any more
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stick(self) -> None:
        """What is connected now hears nothing any more, and is acknowledged all the same; later connections work."""
        self._stuck = set(range(self.connections))

    def speak(self) -> None:
        """Has new connections work."""
        self.silent = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                number, self.connections = self.connections, self.connections + 1
                self._sockets.append(client)
                if self.silent:
                    self._stuck.add(number)
                server = socket.create_connection(self._to)
                self._sockets.append(server)
                threading.Thread(target=self._pass, args=(number, client, server, 0.0), daemon=True).start()
                threading.Thread(target=self._pass, args=(number, server, client, self.late), daemon=True).start()

    def _pass(self, number: int, source: socket.socket, to: socket.socket, late: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(late)  # a slow link is what is tested
                late = 0.0
                if number not in self._stuck:
                    to.sendall(data)

    def close(self) -> None:
        for s in [self._listener, *self._sockets]:
            with suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()


@contextmanager
def way_to(target: str) -> Iterator[Way]:
    """A way to a server."""
    way = Way(target)
    try:
        yield way
    finally:
        way.close()


def asks(count: int) -> list[v1.CheckRequest]:
    """Requests for as many subjects, every second of whom is allowed by by_subject."""
    return [v1.CheckRequest(controller="example", subject_id=f"u{i}", purpose="ai_training") for i in range(count)]


def in_threads(client: consentd.Client, requests: list[v1.CheckRequest], threads: int = 32) -> list[bool | str]:
    """What becomes of checks in threads: allowed or not, or the error's code."""

    def one(request: v1.CheckRequest) -> bool | str:
        try:
            return client.check(request).allowed
        except consentd.Error as error:
            return error.code.name

    with futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, requests))
