"""Enforces purposes in gRPC servers, by interceptors. Methods say in the proto file for which purpose they run (import
consent/v1/options.proto):

    rpc SendNewsletter(SendNewsletterRequest) returns (SendNewsletterResponse) {
      option (consent.v1.purpose) = {name: "marketing_email", subject_field: "user_id"};
    }

    server = grpc.server(pool, interceptors=[ConsentInterceptor(enforcer)])
    server = grpc.aio.server(interceptors=[AsyncConsentInterceptor(enforcer)])

Guarantees: a handler runs only after an ALLOW. A method that declares nothing is refused (INTERNAL), but for gRPC's own, such
as health, and for services that are exempt. A denial is PERMISSION_DENIED with the reasons, which do not name the subject; no
decision is UNAVAILABLE. The handler finds the decision and its obligations by consentd.current_decision().

Streams: the first decision is taken before the handler runs, where the subject is in the request from the first message. It
is taken again for each message that comes or goes, and while the handler waits for one: at the decision's valid_until, and
every two seconds. So a withdrawal ends the stream with PERMISSION_DENIED. That is a call each, unless the client has a near
cache. A handler that waits for something else is ended by its next message. All messages of a stream are about one subject;
one that names another ends it (INVALID_ARGUMENT).
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, NoReturn

import grpc
import grpc.aio

from consentd._enforce import Enforcer, NoSubjectError, deciding
from consentd._errors import Error
from consentd._grpc_rules import Code, Judged, RefusedError, Rule, Rules, inner_of, rewrapped

__all__ = ["AsyncConsentInterceptor", "ConsentInterceptor"]

#: After how many seconds the decision on a stream is taken again while no message comes.
RECHECK = 2.0


class ConsentInterceptor(grpc.ServerInterceptor):  # type: ignore[misc,type-arg,unused-ignore]
    """For grpc.server. ``subject`` tells, from the ServicerContext, the subject of calls whose method names no field for it;
    None or empty: nobody can tell. ``exempt`` are services, by full name, that need declare nothing. ``recheck`` is after how
    many seconds the decision on a stream is taken again while its handler waits for a message."""

    def __init__(
        self,
        enforcer: Enforcer,
        *,
        subject: Callable[[Any], str | None] | None = None,
        exempt: Sequence[str] = (),
        recheck: float = RECHECK,
    ) -> None:
        if enforcer.awaits:
            raise TypeError("the client is of asyncio, the server is not: give a consentd.Client")
        self._rules = Rules(enforcer, exempt, subject, recheck)

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        try:
            rule = self._rules.of(handler_call_details.method)
        except RefusedError as refused:
            return rewrapped(handler, _refusing(handler, refused))
        return handler if rule is None else rewrapped(handler, self._enforcing(handler, rule))

    def _enforcing(self, handler: Any, rule: Rule) -> Callable[[Any, Any], Any]:
        inner = inner_of(handler)

        def begin(request: Any, context: Any) -> tuple[_Call, Any]:
            call = _Call(self._rules, rule, context)
            try:
                if handler.request_streaming:
                    return call, call.incoming(request)
                call.decide(request)
                return call, request
            except RefusedError as refused:
                _abort(context, refused)

        def answer(request: Any, context: Any) -> Any:
            call, request = begin(request, context)
            with deciding(call.decision):
                response = inner(request, context)
            call.require()
            return response

        def stream(request: Any, context: Any) -> Iterator[Any]:
            call, request = begin(request, context)
            with deciding(call.decision):
                responses = inner(request, context)
            yield from call.outgoing(responses)

        return stream if handler.response_streaming else answer


class _Call(Judged):
    """One call, in the thread that runs its handler; messages may be read by another one of the handler's."""

    def decide(self, request: Any = None) -> None:
        """Takes the decision, or takes it again. Raises RefusedError."""
        try:
            again = self.begun
            self.note(self.rules.enforcer.allow(self.rule.use, self.subject(request), again))
        except (RefusedError, NoSubjectError, Error) as error:
            raise self.refuse(error) from None

    def again(self, request: Any = None) -> None:
        """Takes the decision again, and ends the call where it is refused."""
        try:
            self.decide(request)
        except RefusedError as refused:
            _abort(self.context, refused)

    def require(self) -> None:
        """Ends a call that was refused, whatever its handler made of that."""
        if self.refused is not None:
            _abort(self.context, self.refused)

    def incoming(self, requests: Iterator[Any]) -> Iterator[Any]:
        """The messages that the handler may see, of which the first has been decided on."""
        if not self.rule.path:
            self.decide()
            return self._checked(requests)
        first = next(requests, None)
        if first is None:
            raise RefusedError(Code.INVALID_ARGUMENT, "a first message is required: it names the subject")
        self.decide(first)
        return self._checked(requests, first)

    def _checked(self, requests: Iterator[Any], first: Any = None) -> Iterator[Any]:
        if first is not None:
            yield first
        pump = _Pump(requests)
        self.context.add_callback(pump.stop)
        try:
            while (request := self._awaited(pump)) is not None:
                yield request
        finally:
            pump.stop()

    def _awaited(self, pump: _Pump) -> Any:
        """The next message, decided on; None: there is none. The decision is taken again while none comes."""
        pump.ask()
        while True:
            try:
                request = pump.got.get(timeout=self.due())
            except queue.Empty:
                self.again()
                continue
            if request is None and not self.context.is_active():
                return next(pump.requests, None)  # the call is over: gRPC says so at once, as it would without us
            if request is not None:
                self.again(request)
            return request

    def outgoing(self, responses: Iterator[Any]) -> Iterator[Any]:
        """The messages that may leave."""
        while True:
            with deciding(self.decision):
                response = next(responses, None)
            self.require()
            if response is None:
                return
            self.again()
            yield response


class _Pump:
    """Reads messages in a thread of its own, one when it is asked, so that who waits for it can do other things too."""

    def __init__(self, requests: Iterator[Any]) -> None:
        self.requests = requests
        self._asked = threading.Semaphore(0)
        self._stopped = False
        self._thread: threading.Thread | None = None
        #: What it read; None at the end.
        self.got: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask(self) -> None:
        """Asks for a message."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="consentd-enforced-stream", daemon=True)
            self._thread.start()
        self._asked.release()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped = True
        self._asked.release()
        self.got.put(None)  # who waits, or will, is not left to wait

    def _run(self) -> None:
        try:
            while self._asked.acquire() and not self._stopped:
                request = next(self.requests, None)
                self.got.put(request)
                if request is None:
                    return
        except Exception:  # the call was cancelled, or is over: there is no further message
            self.got.put(None)


def _abort(context: Any, refused: RefusedError) -> NoReturn:
    context.abort(refused.code, refused.text)
    raise refused  # abort does not return


def _refusing(handler: Any, refused: RefusedError) -> Any:
    def answer(_: Any, context: Any) -> Any:
        _abort(context, refused)

    def stream(_: Any, context: Any) -> Iterator[Any]:
        _abort(context, refused)
        yield None  # it is a generator

    return stream if handler.response_streaming else answer


class AsyncConsentInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """For grpc.aio.server; as ConsentInterceptor. Handlers must be coroutine functions or asynchronous generators: others are
    refused (INTERNAL)."""

    def __init__(
        self,
        enforcer: Enforcer,
        *,
        subject: Callable[[Any], str | None] | None = None,
        exempt: Sequence[str] = (),
        recheck: float = RECHECK,
    ) -> None:
        self._rules = Rules(enforcer, exempt, subject, recheck)

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        try:
            rule = self._rules.of(handler_call_details.method)
            if rule is None:
                return handler
            inner = inner_of(handler)
            if not inspect.iscoroutinefunction(inner) and not inspect.isasyncgenfunction(inner):
                raise RefusedError(
                    Code.INTERNAL, f"{handler_call_details.method} is enforced, and its handler is no async function"
                )
        except RefusedError as refused:
            return rewrapped(handler, _refusing_async(handler, refused))
        return rewrapped(handler, self._enforcing(handler, rule))

    def _enforcing(self, handler: Any, rule: Rule) -> Any:
        inner = inner_of(handler)

        async def begin(request: Any, context: Any) -> tuple[_AsyncCall, Any]:
            call = _AsyncCall(self._rules, rule, context)
            try:
                if handler.request_streaming:
                    return call, await call.incoming(request)
                await call.decide(request)
                return call, request
            except RefusedError as refused:
                await context.abort(refused.code, refused.text)
                raise  # abort does not return

        async def answer(request: Any, context: Any) -> Any:
            call, request = await begin(request, context)
            with deciding(call.decision):
                response = await inner(request, _Context(context, call))
            await call.require()
            return response

        async def stream(request: Any, context: Any) -> None:
            call, request = await begin(request, context)
            with deciding(call.decision):
                guarded = _Context(context, call)
                if inspect.isasyncgenfunction(inner):
                    async for response in inner(request, guarded):
                        await guarded.write(response)
                else:
                    await inner(request, guarded)
            await call.require()

        return stream if handler.response_streaming else answer


class _AsyncCall(Judged):
    """One call, in the task that runs it."""

    requests: AsyncIterator[Any] | None = None

    async def decide(self, request: Any = None) -> None:
        """Takes the decision, or takes it again. Raises RefusedError."""
        try:
            again = self.begun
            self.note(await self.rules.enforcer.allow_async(self.rule.use, self.subject(request), again))
        except (RefusedError, NoSubjectError, Error) as error:
            raise self.refuse(error) from None

    async def again(self, request: Any = None) -> None:
        """Takes the decision again, and ends the call where it is refused."""
        try:
            await self.decide(request)
        except RefusedError as refused:
            await self.context.abort(refused.code, refused.text)

    async def require(self) -> None:
        """Ends a call that was refused, whatever its handler made of that."""
        if self.refused is not None:
            await self.context.abort(self.refused.code, self.refused.text)

    async def incoming(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The messages that the handler may see, of which the first has been decided on."""
        first = None
        if self.rule.path:
            first = await anext(aiter(requests), None)
            if first is None:
                raise RefusedError(Code.INVALID_ARGUMENT, "a first message is required: it names the subject")
        await self.decide(first)
        self.requests = self._checked(requests, first)
        return self.requests

    async def _checked(self, requests: AsyncIterator[Any], first: Any) -> AsyncIterator[Any]:
        if first is not None:
            yield first
        while (request := await self._awaited(aiter(requests))) is not None:
            yield request

    async def _awaited(self, requests: AsyncIterator[Any]) -> Any:
        """The next message, decided on; None: there is none. The decision is taken again while none comes."""

        async def read() -> Any:
            return await anext(requests, None)

        reading = asyncio.ensure_future(read())
        try:
            while not reading.done():
                await asyncio.wait([reading], timeout=self.due())
                if not reading.done():
                    await self.again()
            request = reading.result()
        finally:
            reading.cancel()
        if request is not None:
            await self.again(request)
        return request


class _Context:
    """A ServicerContext whose messages are decided on."""

    def __init__(self, context: Any, call: _AsyncCall) -> None:
        self._context = context
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def read(self) -> Any:
        """The next message, decided on."""
        if self._call.requests is None:
            return await self._context.read()
        return await anext(self._call.requests, grpc.aio.EOF)

    async def write(self, message: Any) -> None:
        """Sends a message, decided on."""
        await self._call.require()
        await self._call.again()
        await self._context.write(message)


def _refusing_async(handler: Any, refused: RefusedError) -> Any:
    async def answer(_: Any, context: Any) -> Any:
        await context.abort(refused.code, refused.text)

    return answer
