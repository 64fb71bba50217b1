"""Lets a call through only where the caller's subject allows its purpose."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, cast

import grpc

from consentd import v1
from consentd._decision import Decision
from consentd._errors import Error
from consentd._guard import DeniedError

P = ParamSpec("P")
R = TypeVar("R")

#: What callers are told where there is no decision: that is not their fault, and none of their business.
UNAVAILABLE = "consent cannot be checked at the moment"
#: What callers are told where nobody can tell about whom the data are.
NO_SUBJECT = "who the data are about cannot be told"


class Checker(Protocol):
    """Decides: a client, a session, or what a test puts in their place; of asyncio where check is a coroutine function."""

    @property
    def check(self) -> Callable[[v1.CheckRequest], Any]:
        """Decides one purpose for one subject; raises Error where there is no decision."""


@dataclass(frozen=True)
class Enforced:
    """A call that was let through or not."""

    #: The route, the view, the function or the gRPC method.
    where: str
    purpose: str
    #: What became of it: "allowed" let it through, "denied" is the server's denial, "failed" a check without an answer or a
    #: subject that could not be told, "undeclared" a gRPC method that declares no purpose and was refused.
    outcome: Literal["allowed", "denied", "failed", "undeclared"]


@dataclass(frozen=True)
class Use:
    """A use of personal data."""

    where: str
    purpose: str
    categories: Sequence[str] = ()


class NoSubjectError(Exception):
    """Nobody can tell about whom the data are."""


class Enforcer:
    """Enforces purposes. It is immutable, and may be used from many threads and tasks at once.

    ``checker`` decides, by the policies of ``controller``. ``observe`` is told of every outcome; it must be quick.

    Guarantees: what is enforced runs only after an ALLOW. A denial, an error and a subject that cannot be told keep it from
    running. The decision that let it run is current_decision() within it, with the obligations to meet.
    """

    def __init__(self, checker: Checker, controller: str, observe: Callable[[Enforced], None] | None = None) -> None:
        if not controller:
            raise ValueError("controller: give the id that policies declare")
        self._checker = checker
        self._controller = controller
        self._observe = observe
        #: Whether the checker is of asyncio.
        self.awaits = inspect.iscoroutinefunction(checker.check)

    def allow(self, use: Use, subject: str | None, again: bool = False) -> Decision:
        """The permission for a use. Raises DeniedError, NoSubjectError, or Error where there is no decision. A use that goes
        on, and is asked for again, does not count as another that was allowed."""
        if self.awaits:
            raise TypeError("the client is of asyncio, what asks it is not: give a consentd.Client")
        request = self._request(use, subject)
        with self._counting(use):
            return self._permitted(use, self._checker.check(request), again)

    async def allow_async(self, use: Use, subject: str | None, again: bool = False) -> Decision:
        """As allow, in an event loop. A client that is not of asyncio is asked in a thread, so that the loop goes on."""
        request = self._request(use, subject)
        with self._counting(use):
            if self.awaits:
                return self._permitted(use, await self._checker.check(request), again)
            return self._permitted(use, await asyncio.to_thread(self._checker.check, request), again)

    def count(self, use: Use, outcome: Literal["allowed", "denied", "failed", "undeclared"]) -> None:
        """Tells of an outcome."""
        if self._observe is not None:
            self._observe(Enforced(use.where, use.purpose, outcome))

    def _request(self, use: Use, subject: str | None) -> v1.CheckRequest:
        if not subject or not isinstance(subject, str):
            self.count(use, "failed")
            raise NoSubjectError(NO_SUBJECT)
        return v1.CheckRequest(
            controller=self._controller, subject_id=subject, purpose=use.purpose, data_categories=use.categories
        )

    @contextmanager
    def _counting(self, use: Use) -> Iterator[None]:
        try:
            yield
        except DeniedError:
            raise
        except BaseException:
            self.count(use, "failed")
            raise

    def _permitted(self, use: Use, decision: Decision, again: bool) -> Decision:
        if not decision.allowed:
            self.count(use, "denied")
            raise DeniedError(decision)
        if not again:
            self.count(use, "allowed")
        return decision


_current: ContextVar[Decision] = ContextVar("consentd_decision", default=Decision())  # noqa: B039 # it is frozen


def current_decision() -> Decision:
    """The decision that let the call run in which this is called, with its obligations; the empty one, which denies, outside
    of what is enforced."""
    return _current.get()


def become_current(decision: Decision) -> None:
    """Makes a decision the current one for the rest of the context."""
    _current.set(decision)


@contextmanager
def deciding(decision: Decision) -> Iterator[None]:
    """Makes a decision the current one."""
    before = _current.set(decision)
    try:
        yield
    finally:
        _current.reset(before)


def enforce(
    checker: Checker,
    *,
    controller: str,
    purpose: str,
    subject: str | Callable[..., str | None],
    categories: Sequence[str] = (),
    observe: Callable[[Enforced], None] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Runs a function only where a person allows the purpose, for the data categories that it uses:

        @consentd.enforce(client, controller="example", purpose="marketing_email", subject="user_id")
        def send(user_id: str, text: str) -> None:
            obligations = consentd.current_decision().obligations

    ``subject`` is the name of the parameter that holds the person's id, or a function of the call's arguments that returns
    it. The decorated function raises DeniedError where the server denies, Error where there is no decision and where the
    subject is missing (INVALID_ARGUMENT). A function of asyncio needs a client of asyncio, and the reverse. TypeError:
    generators, which would run on after a withdrawal; call guard for each step of theirs.
    """
    enforcer = Enforcer(checker, controller, observe)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        use = Use(function.__qualname__, purpose, tuple(categories))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{use.where} is a generator, which would run on after a withdrawal: call guard for each step")
        find = _subject_of(function, subject)
        if inspect.iscoroutinefunction(function):
            if not enforcer.awaits:
                raise TypeError(f"{use.where} is a coroutine function: give a consentd.aio.Client")
            return cast("Callable[P, R]", _awaiting(enforcer, use, find, function))
        if enforcer.awaits:
            raise TypeError(f"{use.where} is no coroutine function: give a consentd.Client")

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with _named():
                decision = enforcer.allow(use, find(*args, **kwargs))
            with deciding(decision):
                return function(*args, **kwargs)

        return run

    return decorate


def _awaiting(enforcer: Enforcer, use: Use, find: Callable[..., str | None], function: Any) -> Any:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with _named():
            decision = await enforcer.allow_async(use, find(*args, **kwargs))
        with deciding(decision):
            return await function(*args, **kwargs)

    return run


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except NoSubjectError as error:
        raise Error(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None


def _subject_of(function: Callable[..., Any], subject: str | Callable[..., str | None]) -> Callable[..., str | None]:
    """Finds the subject of a call."""
    if not isinstance(subject, str):
        return subject
    signature = inspect.signature(function)
    if subject not in signature.parameters:
        raise TypeError(f"{function.__qualname__} has no parameter {subject!r}")

    def find(*args: Any, **kwargs: Any) -> str | None:
        call = signature.bind(*args, **kwargs)
        call.apply_defaults()
        return cast("str | None", call.arguments[subject])

    return find
