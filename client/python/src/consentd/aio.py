"""The client for asyncio: what consentd.Client is, with coroutines.

    async with consentd.aio.Client("127.0.0.1:7070") as client:
        decision = await client.check(request)

Make a client inside the event loop that uses it. A task that is cancelled raises asyncio.CancelledError, as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType

import grpc
import grpc.aio

from consentd import v1
from consentd._api import (
    BATCH_CHECK,
    CHECK,
    GET_POLICY,
    GET_SUBJECT,
    LINK_SUBJECTS,
    LIST_CONTROLLERS,
    LIST_EVENTS,
    LIST_PURPOSES,
    METHODS,
    RECORD_EVENTS,
    UNLINK_SUBJECTS,
    A,
    Method,
    Pages,
    Q,
    denied,
)
from consentd._decision import Decision, Result, decision_of, purposes_of, results_of
from consentd._errors import Error
from consentd._freshness import Freshness
from consentd._retry import Plan, Retries
from consentd._target import bearing, connection

__all__ = ["Client", "Session"]


class Client:
    """As consentd.Client, for the tasks of one event loop."""

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: Callable[[], str] | None = None,
        insecure: bool = False,
        timeout: float | None = None,
    ) -> None:
        c = connection(target, credentials, insecure)
        if c.credentials is None:
            self._channel = grpc.aio.insecure_channel(c.target, c.options)
        else:
            self._channel = grpc.aio.secure_channel(c.target, c.credentials, c.options)
        self._calls = {m.path: self._channel.unary_unary(m.path, m.encode, m.decode) for m in METHODS}
        self._retries = Retries(timeout)
        self._token = token
        self._closed = False

    async def close(self) -> None:
        """Closes the connection; calls under way fail with CANCELLED. It may be called again."""
        self._closed = True
        await self._channel.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def session(self) -> Session:
        """As consentd.Client.session."""
        return Session(self)

    async def check(self, request: v1.CheckRequest, timeout: float | None = None) -> Decision:
        """As consentd.Client.check."""
        return decision_of(await self._call(CHECK, request, timeout))

    async def is_allowed(self, request: v1.CheckRequest, timeout: float | None = None) -> bool:
        """As consentd.Client.is_allowed."""
        try:
            return (await self.check(request, timeout)).allowed
        except Exception as error:
            return denied(error)

    async def batch_check(self, request: v1.BatchCheckRequest, timeout: float | None = None) -> list[Result]:
        """As consentd.Client.batch_check."""
        return results_of(request, await self._call(BATCH_CHECK, request, timeout))

    async def list_purposes(self, request: v1.ListPurposesRequest, timeout: float | None = None) -> dict[str, Decision]:
        """As consentd.Client.list_purposes."""
        return purposes_of(await self._call(LIST_PURPOSES, request, timeout))

    async def record_events(self, request: v1.RecordEventsRequest, timeout: float | None = None) -> v1.RecordEventsResponse:
        """As consentd.Client.record_events."""
        return await self._call(RECORD_EVENTS, request, timeout)

    async def link_subjects(self, request: v1.LinkSubjectsRequest, timeout: float | None = None) -> v1.LinkSubjectsResponse:
        """As consentd.Client.link_subjects."""
        return await self._call(LINK_SUBJECTS, request, timeout)

    async def unlink_subjects(
        self, request: v1.UnlinkSubjectsRequest, timeout: float | None = None
    ) -> v1.UnlinkSubjectsResponse:
        """As consentd.Client.unlink_subjects."""
        return await self._call(UNLINK_SUBJECTS, request, timeout)

    async def get_subject(self, request: v1.GetSubjectRequest, timeout: float | None = None) -> v1.GetSubjectResponse:
        """As consentd.Client.get_subject."""
        return await self._call(GET_SUBJECT, request, timeout)

    async def list_events(self, request: v1.ListEventsRequest, timeout: float | None = None) -> AsyncIterator[v1.LedgerEntry]:
        """As consentd.Client.list_events."""
        plan = None if timeout is None else self._retries.plan(timeout)
        pages = Pages(request)
        while True:
            page = await self._call(LIST_EVENTS, pages.request, None if plan is None else plan.remaining())
            for entry in page.entries:
                yield entry
            if not pages.turn(page):
                return

    async def get_policy(self, request: v1.GetPolicyRequest, timeout: float | None = None) -> v1.GetPolicyResponse:
        """As consentd.Client.get_policy."""
        return await self._call(GET_POLICY, request, timeout)

    async def list_controllers(
        self, request: v1.ListControllersRequest, timeout: float | None = None
    ) -> v1.ListControllersResponse:
        """As consentd.Client.list_controllers."""
        return await self._call(LIST_CONTROLLERS, request, timeout)

    async def _call(self, method: Method[Q, A], request: Q, timeout: float | None) -> A:
        plan = self._retries.plan(timeout)
        while True:
            try:
                return await self._attempt(method, request, plan)
            except grpc.RpcError as failure:
                wait = plan.wait_after(Error.of_rpc(failure))
            await asyncio.sleep(wait)

    async def _attempt(self, method: Method[Q, A], request: Q, plan: Plan) -> A:
        left = plan.remaining()
        metadata = bearing(self._token)
        if self._closed:
            raise Error.closed()
        try:
            response: A | None = await self._calls[method.path](request, timeout=left, metadata=metadata)
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise Error.closed() from None  # gRPC cancels the calls under way; nobody cancelled the task
            raise
        return plan.answered(response)


def _being_cancelled() -> bool:
    """Whether somebody asked the current task to end; Python 3.10 cannot tell, and then it is no."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is not None and cancelling() > 0


class Session:
    """As consentd.Session, for the tasks of one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._fresh = Freshness()

    async def check(self, request: v1.CheckRequest, timeout: float | None = None) -> Decision:
        """As consentd.Client.check."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            decision = await self._client.check(demanding, timeout)
        self._fresh.hear([decision.consistency_token])
        return decision

    async def is_allowed(self, request: v1.CheckRequest, timeout: float | None = None) -> bool:
        """As consentd.Client.is_allowed."""
        try:
            return (await self.check(request, timeout)).allowed
        except Exception as error:
            return denied(error)

    async def batch_check(self, request: v1.BatchCheckRequest, timeout: float | None = None) -> list[Result]:
        """As consentd.Client.batch_check."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            results = await self._client.batch_check(demanding, timeout)
        self._fresh.hear(r.decision.consistency_token for r in results)
        return results

    async def list_purposes(self, request: v1.ListPurposesRequest, timeout: float | None = None) -> dict[str, Decision]:
        """As consentd.Client.list_purposes."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            purposes = await self._client.list_purposes(demanding, timeout)
        self._fresh.hear(d.consistency_token for d in purposes.values())
        return purposes

    async def record_events(self, request: v1.RecordEventsRequest, timeout: float | None = None) -> v1.RecordEventsResponse:
        """As consentd.Session.record_events."""
        response = await self._client.record_events(request, timeout)
        self._fresh.note(response)
        return response

    async def link_subjects(self, request: v1.LinkSubjectsRequest, timeout: float | None = None) -> v1.LinkSubjectsResponse:
        """As consentd.Session.link_subjects."""
        response = await self._client.link_subjects(request, timeout)
        self._fresh.note(response)
        return response

    async def unlink_subjects(
        self, request: v1.UnlinkSubjectsRequest, timeout: float | None = None
    ) -> v1.UnlinkSubjectsResponse:
        """As consentd.Session.unlink_subjects."""
        response = await self._client.unlink_subjects(request, timeout)
        self._fresh.note(response)
        return response
