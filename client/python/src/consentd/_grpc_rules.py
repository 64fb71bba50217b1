"""What the methods of gRPC servers declare, and what each of their calls is decided by."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from consentd._decision import Decision
from consentd._enforce import NO_SUBJECT, UNAVAILABLE, Enforcer, NoSubjectError, Use
from consentd._guard import DeniedError

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


class Rules:
    """What methods declare, found as they are called."""

    def __init__(
        self, enforcer: Enforcer, exempt: Sequence[str], subject: Callable[[Any], str | None] | None, recheck: float
    ) -> None:
        if not recheck > 0:
            raise ValueError(f"recheck is {recheck}: must be above 0 seconds")
        self.enforcer = enforcer
        self.recheck = recheck
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


def refusal(error: Exception) -> RefusedError:
    """The status with which a call is refused."""
    if isinstance(error, DeniedError):
        return RefusedError(Code.PERMISSION_DENIED, str(error.decision))
    if isinstance(error, NoSubjectError):
        return RefusedError(Code.INVALID_ARGUMENT, str(error))
    return RefusedError(Code.UNAVAILABLE, UNAVAILABLE)


class Judged:
    """What is known of one call."""

    def __init__(self, rules: Rules, rule: Rule, context: Any) -> None:
        self.rules = rules
        self.rule = rule
        self.context = context
        #: The newest decision.
        self.decision = Decision()
        #: Why nothing passes any more.
        self.refused: RefusedError | None = None
        self._subject = ""
        self._decided = 0.0

    def subject(self, request: Any) -> str:
        """The subject of the call, which stays the same. Raises RefusedError."""
        if self._subject and (request is None or not self.rule.path):
            return self._subject
        try:
            subject = self.rule.subject(request) if self.rule.path else self.rules.known(self.rule, self.context)
        except RefusedError as refused:
            if refused.code is Code.INVALID_ARGUMENT:
                self.rules.enforcer.count(self.rule.use, "failed")
            raise
        if self._subject and subject != self._subject:
            self.rules.enforcer.count(self.rule.use, "failed")
            text = f"{'.'.join(self.rule.path)}: names another subject than the messages before"
            raise RefusedError(Code.INVALID_ARGUMENT, text)
        self._subject = subject
        return subject

    @property
    def begun(self) -> bool:
        """Whether there was a decision before."""
        return self.decision.allowed

    def note(self, decision: Decision) -> None:
        """Notes a permission."""
        self.decision, self._decided = decision, time.monotonic()

    def refuse(self, error: Exception) -> RefusedError:
        """Notes why nothing passes any more, and returns it."""
        self.refused = error if isinstance(error, RefusedError) else refusal(error)
        return self.refused

    def due(self) -> float:
        """How many seconds the newest decision holds while no message passes."""
        left = self._decided + self.rules.recheck - time.monotonic()
        if self.decision.valid_until is not None:
            until = (self.decision.valid_until - datetime.now(timezone.utc)).total_seconds()
            if until > 0:  # else the clocks of server and machine differ
                left = min(left, until)
        return max(0.0, left)


def inner_of(handler: Any) -> Any:
    """The function behind a handler."""
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def rewrapped(handler: Any, behavior: Any) -> Any:
    """The handler with another function behind it."""
    kinds: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    return make(behavior, handler.request_deserializer, handler.response_serializer)
