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
is taken again for each message that comes or goes, so that a withdrawal ends the stream with PERMISSION_DENIED before the
next one. That is a call each, unless the client has a near cache. All messages of a stream are about one subject; one that
names another ends it (INVALID_ARGUMENT).
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from consentd._enforce import NO_SUBJECT, UNAVAILABLE, Enforcer, NoSubjectError, Use, deciding
from consentd._errors import Error
from consentd._guard import DeniedError

__all__ = ["AsyncConsentInterceptor", "ConsentInterceptor"]

Code = grpc.StatusCode


class RefusedError(Exception):
    """Why a call is refused."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Rule:
    """What a method declares."""

    use: Use
    #: Leads to the subject in a request; empty: the interceptor's subject function tells it.
    path: tuple[str, ...] = ()
    #: Why the method is always refused.
    fault: str = ""

    def subject(self, request: Any) -> str:
        """The subject of a request. Raises RefusedError."""
        at = request
        for name in self.path:
            at = getattr(at, name)
        if not at:
            raise RefusedError(Code.INVALID_ARGUMENT, f"{'.'.join(self.path)}: is required: it names the subject")
        return str(at)


class _Rules:
    """What methods declare, found as they are called."""

    def __init__(self, enforcer: Enforcer, exempt: Sequence[str], subject: Callable[[Any], str | None] | None) -> None:
        self.enforcer = enforcer
        self._exempt = frozenset(exempt)
        self._subject = subject
        self._rules: dict[str, Rule] = {}

    def of(self, method: str) -> Rule | None:
        """The rule of a method; None: it uses nobody's data. Raises RefusedError."""
        rule = self._rules.get(method)
        if rule is None:
            rule = self._rules[method] = self._declared(method)
        if rule.fault:
            self.enforcer.count(rule.use, "undeclared")
            raise RefusedError(Code.INTERNAL, rule.fault)
        return rule if rule.use.purpose else None

    def _declared(self, method: str) -> Rule:
        service, _, name = method.removeprefix("/").partition("/")
        bare = Rule(Use(method, ""))
        if service in self._exempt or service.startswith("grpc."):
            return bare
        pool = descriptor_pool.Default()  # type: ignore[no-untyped-call,unused-ignore]
        try:
            descriptor = pool.FindMethodByName(f"{service}.{name}")
        except KeyError:
            return replace(
                bare, fault=f"{method} is in no proto file that is loaded: exempt its service if it needs no purpose"
            )
        declared = _purpose_of(pool, descriptor)
        if declared is None:
            return replace(
                bare, fault=f"{method} declares no purpose: set option (consent.v1.purpose), or exempt its service"
            )
        if not declared.name:
            return bare  # it says that it uses no subject's data
        path = tuple(declared.subject_field.split(".")) if declared.subject_field else ()
        if not _leads_to_text(descriptor.input_type, path):
            wrong = f"subject_field {declared.subject_field!r} leads to no string field of {descriptor.input_type.full_name}"
            return replace(bare, fault=f"{method}: {wrong}")
        return Rule(Use(method, declared.name, tuple(declared.data_categories)), path)

    def known(self, rule: Rule, context: Any) -> str:
        """The subject of a call that does not say it. Raises RefusedError."""
        if self._subject is None:
            raise RefusedError(
                Code.INTERNAL, "the method names no subject_field, and the interceptor has no subject function"
            )
        found = self._subject(context)
        if not found:
            self.enforcer.count(rule.use, "failed")
            raise RefusedError(Code.UNAUTHENTICATED, NO_SUBJECT)
        return found


def _purpose_of(pool: Any, method: Any) -> Any:
    """The option consent.v1.purpose of a method; None: it has none."""
    try:
        extension = pool.FindExtensionByName("consent.v1.purpose")
    except KeyError:
        return None  # no proto file that is loaded imports the option
    options = method.GetOptions()
    return options.Extensions[extension] if options.HasExtension(extension) else None


def _leads_to_text(message: Descriptor | None, path: tuple[str, ...]) -> bool:
    field: FieldDescriptor | None = None
    for name in path:
        field = None if message is None else message.fields_by_name.get(name)
        if field is None or field.is_repeated:
            return False
        message = field.message_type
    return field is None or field.type == FieldDescriptor.TYPE_STRING


def _refusal(error: Exception) -> RefusedError:
    """The status with which a call is refused."""
    if isinstance(error, DeniedError):
        return RefusedError(Code.PERMISSION_DENIED, str(error.decision))
    if isinstance(error, NoSubjectError):
        return RefusedError(Code.INVALID_ARGUMENT, str(error))
    return RefusedError(Code.UNAVAILABLE, UNAVAILABLE)


class ConsentInterceptor(grpc.ServerInterceptor):  # type: ignore[misc,type-arg,unused-ignore]
    """For grpc.server. ``subject`` tells, from the ServicerContext, the subject of calls whose method names no field for it;
    None or empty: nobody can tell. ``exempt`` are services, by full name, that need declare nothing."""

    def __init__(
        self, enforcer: Enforcer, *, subject: Callable[[Any], str | None] | None = None, exempt: Sequence[str] = ()
    ) -> None:
        if enforcer.awaits:
            raise TypeError("the client is of asyncio, the server is not: give a consentd.Client")
        self._rules = _Rules(enforcer, exempt, subject)

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        try:
            rule = self._rules.of(handler_call_details.method)
        except RefusedError as refused:
            return _rewrapped(handler, _refusing(handler, refused))
        return handler if rule is None else _rewrapped(handler, self._enforcing(handler, rule))

    def _enforcing(self, handler: Any, rule: Rule) -> Callable[[Any, Any], Any]:
        inner = _inner(handler)

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
            yield from call.outgoing(inner(request, context))

        return stream if handler.response_streaming else answer


class _Call:
    """One call, in the thread that runs it; its messages may be read by another."""

    def __init__(self, rules: _Rules, rule: Rule, context: Any) -> None:
        self._rules = rules
        self._rule = rule
        self._context = context
        self._subject = ""
        self._refused: RefusedError | None = None

    def decide(self, request: Any = None) -> None:
        """Takes the decision, or takes it again. Raises RefusedError."""
        try:
            subject = _named(self._rules, self._rule, self._context, request, self._subject)
            self._subject = subject
            self.decision = self._rules.enforcer.allow(self._rule.use, subject)
        except RefusedError as refused:
            self._refused = refused
            raise
        except (NoSubjectError, Error) as error:
            self._refused = _refusal(error)
            raise self._refused from None

    def require(self) -> None:
        """Ends a call that was refused, whatever its handler made of that."""
        if self._refused is not None:
            _abort(self._context, self._refused)

    def incoming(self, requests: Iterator[Any]) -> Iterator[Any]:
        """The messages that the handler may see, of which the first has been decided on."""
        if not self._rule.path:
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
        for request in requests:
            try:
                self.decide(request)
            except RefusedError as refused:
                _abort(self._context, refused)
            yield request

    def outgoing(self, responses: Iterator[Any]) -> Iterator[Any]:
        """The messages that may leave."""
        while True:
            with deciding(self.decision):
                response = next(responses, None)
            self.require()
            if response is None:
                return
            try:
                self.decide()
            except RefusedError as refused:
                _abort(self._context, refused)
            yield response


def _named(rules: _Rules, rule: Rule, context: Any, request: Any, before: str) -> str:
    """The subject of a call, which stays the same. Raises RefusedError."""
    if before and (request is None or not rule.path):
        return before
    try:
        subject = rule.subject(request) if rule.path else rules.known(rule, context)
    except RefusedError as refused:
        if refused.code is Code.INVALID_ARGUMENT:
            rules.enforcer.count(rule.use, "failed")
        raise
    if before and subject != before:
        text = f"{'.'.join(rule.path)}: names another subject than the messages before"
        raise RefusedError(Code.INVALID_ARGUMENT, text)
    return subject


def _abort(context: Any, refused: RefusedError) -> NoReturn:
    context.abort(refused.code, refused.text)
    raise refused  # abort does not return


def _inner(handler: Any) -> Any:
    """The function behind a handler."""
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def _rewrapped(handler: Any, behavior: Any) -> Any:
    """The handler with another function behind it."""
    kinds: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    return make(behavior, handler.request_deserializer, handler.response_serializer)


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
        self, enforcer: Enforcer, *, subject: Callable[[Any], str | None] | None = None, exempt: Sequence[str] = ()
    ) -> None:
        self._rules = _Rules(enforcer, exempt, subject)

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        try:
            rule = self._rules.of(handler_call_details.method)
            if rule is None:
                return handler
            inner = _inner(handler)
            if not inspect.iscoroutinefunction(inner) and not inspect.isasyncgenfunction(inner):
                raise RefusedError(
                    Code.INTERNAL, f"{handler_call_details.method} is enforced, and its handler is no async function"
                )
        except RefusedError as refused:
            return _rewrapped(handler, _refusing_async(handler, refused))
        return _rewrapped(handler, self._enforcing(handler, rule))

    def _enforcing(self, handler: Any, rule: Rule) -> Any:
        inner = _inner(handler)

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


class _AsyncCall:
    """One call, in the task that runs it."""

    def __init__(self, rules: _Rules, rule: Rule, context: Any) -> None:
        self._rules = rules
        self._rule = rule
        self._context = context
        self._subject = ""
        self._refused: RefusedError | None = None
        self.requests: AsyncIterator[Any] | None = None

    async def decide(self, request: Any = None) -> None:
        """Takes the decision, or takes it again. Raises RefusedError."""
        try:
            subject = _named(self._rules, self._rule, self._context, request, self._subject)
            self._subject = subject
            self.decision = await self._rules.enforcer.allow_async(self._rule.use, subject)
        except RefusedError as refused:
            self._refused = refused
            raise
        except (NoSubjectError, Error) as error:
            self._refused = _refusal(error)
            raise self._refused from None

    async def again(self, request: Any = None) -> None:
        """Takes the decision again, and ends the call where it is refused."""
        try:
            await self.decide(request)
        except RefusedError as refused:
            await self._context.abort(refused.code, refused.text)

    async def require(self) -> None:
        """Ends a call that was refused, whatever its handler made of that."""
        if self._refused is not None:
            await self._context.abort(self._refused.code, self._refused.text)

    async def incoming(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The messages that the handler may see, of which the first has been decided on."""
        first = None
        if self._rule.path:
            first = await anext(aiter(requests), None)
            if first is None:
                raise RefusedError(Code.INVALID_ARGUMENT, "a first message is required: it names the subject")
        await self.decide(first)
        self.requests = self._checked(requests, first)
        return self.requests

    async def _checked(self, requests: AsyncIterator[Any], first: Any) -> AsyncIterator[Any]:
        if first is not None:
            yield first
        async for request in requests:
            await self.again(request)
            yield request


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
