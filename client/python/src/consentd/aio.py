"""The client for asyncio: what consentd.Client is, with coroutines.

    async with consentd.aio.Client("127.0.0.1:7070") as client:
        decision = await client.check(request)

A client belongs to the event loop of its first call: in another all calls raise RuntimeError, is_allowed too. A task that is
cancelled raises asyncio.CancelledError, as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import grpc

from consentd import v1
from consentd._aiotransport import Transport
from consentd._api import (
    BATCH_CHECK,
    BATCHES_AT_ONCE,
    EXPLAIN,
    GET_POLICY,
    GET_SUBJECT,
    LINK_SUBJECTS,
    LIST_CONTROLLERS,
    LIST_EVENTS,
    LIST_PURPOSES,
    RECORD_EVENTS,
    UNLINK_SUBJECTS,
    A,
    Method,
    Pages,
    Q,
    batch_of,
    chunks,
    denied,
    itself,
    require,
)
from consentd._decision import Decision, Obligation, Result, allowed_of, decision_of, purposes_of, results_of
from consentd._errors import Error
from consentd._freshness import Freshness
from consentd._guard import permitted
from consentd._near_cache import NearCache, NearCacheConfig, NearCacheStats
from consentd._near_tasks import watched
from consentd._observe import Observer, observed
from consentd._retry import fence_timeout
from consentd._target import connection
from consentd._terms import Carried, Metadata, Terms, pairs, terms

__all__ = ["Client", "Session"]

T = TypeVar("T")


class _Core:
    """What a client and its sessions share."""

    def __init__(self, transport: Transport, observer: Observer | None) -> None:
        self.transport = transport
        self.observer = observer
        #: Answers checks within this process; None: it does not. It is closed with the client.
        self.near: NearCache | None = None

    def observing(self, method: str, purpose: str = "") -> AbstractContextManager[Callable[[Any], None]]:
        if self.observer is None:
            return _UNOBSERVED
        return observed(self.observer, method, purpose)

    async def call(self, name: str, method: Method[Q, A], request: Q, own: Terms) -> A:
        with self.observing(name):
            return await self.transport.call(method, request, own)

    async def decide(self, request: v1.CheckRequest, own: Terms) -> Decision:
        near = self.near if own.plain else None  # who has a token of their own may have other rights
        if near is None:
            return decision_of(await self.transport.check(request, own))
        self.transport.enter()
        self.transport.retries.plan(own.timeout).remaining()  # no time, or none that makes sense: an error, known or not
        known = near.lookup(request)
        if known is not None:
            return known
        ticket = near.ticket(request)
        response = await self.transport.check(request, own)
        decision = decision_of(response)
        near.admit(ticket, request, response, decision)
        return decision

    async def decide_all(self, batch: v1.BatchCheckRequest, own: Terms) -> list[Result]:
        """Decides a batch that a server takes."""
        near = self.near if own.plain else None  # who has a token of their own may have other rights
        if near is None:
            return results_of(batch, await self.transport.call(BATCH_CHECK, batch, own))
        self.transport.enter()
        self.transport.retries.plan(own.timeout).remaining()  # no time, or none that makes sense: an error, known or not
        known = near.lookup_all(batch)
        if known is not None:
            return known
        tickets = near.tickets(batch)
        response = await self.transport.call(BATCH_CHECK, batch, own)
        results = results_of(batch, response)
        near.admit_all(tickets, batch, response, results)
        return results

    def fenced(self, request: Any, own: Terms) -> Terms:
        """The terms of a write: one with fence has time enough for it."""
        return fence_timeout(request, own, self.transport.retries, self.near)


def _nobody(_: Any) -> None:
    """Is told what nobody wants to know."""


_UNOBSERVED: AbstractContextManager[Callable[[Any], None]] = nullcontext(_nobody)


class _Calls:
    """The calls that clients and sessions have. ``_fresh`` is what their checks must reflect; None: nothing."""

    _core: _Core
    _fresh: Freshness | None

    async def check(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> Decision:
        """As consentd.Client.check."""
        own = terms(timeout, metadata, token)
        require(request, v1.CheckRequest)
        with self._core.observing("check", request.purpose) as note:
            fresh = self._fresh
            if fresh is None:
                decision = await self._core.decide(request, own)
            else:
                demanding = fresh.demand(request)
                with fresh.judging(request, demanding):
                    decision = await self._core.decide(demanding, own)
                fresh.hear([decision.consistency_token])
            note(decision)
        return decision

    async def is_allowed(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> bool:
        """As consentd.Client.is_allowed."""
        try:
            return (await self.check(request, timeout, metadata=metadata, token=token)).allowed
        except Error as error:
            return denied(error)

    @asynccontextmanager
    async def guard(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> AsyncGenerator[tuple[Obligation, ...]]:
        """As consentd.Client.guard."""
        yield permitted(await self.check(request, timeout, metadata=metadata, token=token))

    async def batch_check(
        self,
        request: v1.BatchCheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> list[Result]:
        """As consentd.Client.batch_check."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        with self._core.observing("batch_check"):
            if fresh is None:
                return await self._in_parts(request, own)
            demanding = fresh.demand(request)
            with fresh.judging(request, demanding):
                results = await self._in_parts(demanding, own)
            fresh.hear(r.decision.consistency_token for r in results)
        return results

    async def _in_parts(self, batch: v1.BatchCheckRequest, own: Terms) -> list[Result]:
        parts = chunks(batch)
        if len(parts) == 1:
            return await self._core.decide_all(batch, own)
        slots = asyncio.Semaphore(BATCHES_AT_ONCE)

        async def decided(part: v1.BatchCheckRequest) -> list[Result]:
            async with slots:
                return await self._core.decide_all(part, own)

        tasks = [asyncio.create_task(decided(part)) for part in parts]
        try:
            return [r for results in await asyncio.gather(*tasks) for r in results]
        finally:
            for task in tasks:
                task.cancel()  # those that are left where one failed

    async def filter(
        self,
        items: Iterable[T],
        ask: Callable[[T], v1.CheckRequest] = itself,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> list[T]:
        """As consentd.Client.filter."""
        kept: Sequence[T] = list(items)
        if not kept:
            return []
        results = await self.batch_check(batch_of(map(ask, kept)), timeout, metadata=metadata, token=token)
        return [item for item, allowed in zip(kept, allowed_of(results, denied), strict=True) if allowed]

    async def list_purposes(
        self,
        request: v1.ListPurposesRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> dict[str, Decision]:
        """As consentd.Client.list_purposes."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        if fresh is None:
            return purposes_of(await self._core.call("list_purposes", LIST_PURPOSES, request, own))
        demanding = fresh.demand(request)
        with fresh.judging(request, demanding):
            purposes = purposes_of(await self._core.call("list_purposes", LIST_PURPOSES, demanding, own))
        fresh.hear(d.consistency_token for d in purposes.values())
        return purposes

    async def explain(
        self,
        request: v1.ExplainRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.ExplainResponse:
        """As consentd.Client.explain."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        if fresh is None:
            return await self._core.call("explain", EXPLAIN, request, own)
        demanding = fresh.demand_explained(request)
        with fresh.judging(request.check, demanding.check):
            response = await self._core.call("explain", EXPLAIN, demanding, own)
        fresh.hear([response.decision.consistency_token])
        return response

    async def record_events(
        self,
        request: v1.RecordEventsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.RecordEventsResponse:
        """As consentd.Client.record_events."""
        return await self._write("record_events", RECORD_EVENTS, request, terms(timeout, metadata, token))

    async def link_subjects(
        self,
        request: v1.LinkSubjectsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.LinkSubjectsResponse:
        """As consentd.Client.link_subjects."""
        return await self._write("link_subjects", LINK_SUBJECTS, request, terms(timeout, metadata, token))

    async def unlink_subjects(
        self,
        request: v1.UnlinkSubjectsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.UnlinkSubjectsResponse:
        """As consentd.Client.unlink_subjects."""
        return await self._write("unlink_subjects", UNLINK_SUBJECTS, request, terms(timeout, metadata, token))

    async def _write(self, name: str, method: Method[Q, A], request: Q, own: Terms) -> A:
        response = await self._core.call(name, method, request, self._core.fenced(request, own))
        if self._fresh is not None:
            self._fresh.note(response)  # type: ignore[arg-type] # the writes' responses
        return response


class Client(_Calls):
    """As consentd.Client, for the tasks of one event loop: that of its first call. It may be made outside of a loop."""

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: Callable[[], str] | None = None,
        metadata: Metadata | None = None,
        insecure: bool = False,
        timeout: float | None = None,
        coalesce: bool = True,
        observer: Observer | None = None,
        near_cache: bool | NearCacheConfig = False,
    ) -> None:
        made = connection(target, credentials, insecure)
        transport = Transport(made, Carried(pairs(metadata), token), timeout, coalesce)
        self._core = _Core(transport, observer)
        if near_cache:
            config = near_cache if isinstance(near_cache, NearCacheConfig) else NearCacheConfig()
            self._core.near = watched(NearCache(config), transport)
        self._fresh = Freshness() if len(made.hosts) > 1 else None

    async def close(self) -> None:
        """As consentd.Client.close."""
        if self._core.near is not None and not self._core.transport.left:
            released = self._core.near.close()
            if released is not None:
                await released
        await self._core.transport.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not copied: make one where it is used")

    def near_cache_stats(self) -> NearCacheStats:
        """How many checks the near cache has answered, and how many it could not; all zero without one."""
        near = self._core.near
        return NearCacheStats() if near is None else near.stats()

    def session(self) -> Session:
        """As consentd.Client.session."""
        return Session(self._core, self._fresh or Freshness())

    async def get_subject(
        self,
        request: v1.GetSubjectRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.GetSubjectResponse:
        """As consentd.Client.get_subject."""
        return await self._core.call("get_subject", GET_SUBJECT, request, terms(timeout, metadata, token))

    async def list_events(
        self,
        request: v1.ListEventsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> AsyncIterator[v1.LedgerEntry]:
        """As consentd.Client.list_events."""
        own = terms(timeout, metadata, token)
        transport = self._core.transport
        plan = None if timeout is None else transport.retries.plan(timeout)
        pages = Pages(request)
        while True:
            with self._core.observing("list_events"):
                page = await transport.call(LIST_EVENTS, pages.request, own, plan and plan.rest())
            for entry in page.entries:
                yield entry
            if not pages.turn(page):
                return

    async def get_policy(
        self,
        request: v1.GetPolicyRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.GetPolicyResponse:
        """As consentd.Client.get_policy."""
        return await self._core.call("get_policy", GET_POLICY, request, terms(timeout, metadata, token))

    async def list_controllers(
        self,
        request: v1.ListControllersRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.ListControllersResponse:
        """As consentd.Client.list_controllers."""
        return await self._core.call("list_controllers", LIST_CONTROLLERS, request, terms(timeout, metadata, token))


class Session(_Calls):
    """As consentd.Session, for the tasks of one event loop."""

    def __init__(self, core: _Core, fresh: Freshness) -> None:
        self._core = core
        self._fresh = fresh
