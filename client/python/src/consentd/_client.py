"""The sync client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType

import grpc

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


class Client:
    """Talks to one consentd. Its methods may be called from many threads at once.

    ``target`` is host:port, dns:///host:port or unix:///path. Without options the client speaks plaintext to loopback
    addresses and Unix sockets, and TLS with the system's roots to all else. ``credentials``, such as
    ``grpc.ssl_channel_credentials(roots, key, chain)``, are for TLS of another kind, such as with a client certificate.
    ``token`` returns the token or the API key that calls carry; it is asked for each attempt, must not wait, and where it
    fails the call fails: UNAUTHENTICATED. ``insecure`` allows plaintext to other machines: subjects' ids, decisions and the
    token can then be read on the way, and changed. ``timeout`` is what calls without one of their own may take, in seconds;
    0, less or None: DEFAULT_TIMEOUT.

    It does not wait for a connection: ValueError is a fault of the target or the options, and an unreachable server shows
    as UNAVAILABLE in the first call. Close it, or use it in a ``with``.

    The timeout of a call is in seconds, all its attempts together.
    """

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
            self._channel = grpc.insecure_channel(c.target, c.options)
        else:
            self._channel = grpc.secure_channel(c.target, c.credentials, c.options)
        self._calls = {m.path: self._channel.unary_unary(m.path, m.encode, m.decode) for m in METHODS}
        self._retries = Retries(timeout)
        self._token = token

    def close(self) -> None:
        """Closes the connection; calls under way fail with CANCELLED. It may be called again."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def session(self) -> Session:
        """A session: its checks see its own writes, whichever node answers."""
        return Session(self)

    def check(self, request: v1.CheckRequest, timeout: float | None = None) -> Decision:
        """Decides one purpose for one subject. A denial is an answer, no error."""
        return decision_of(self._call(CHECK, request, timeout))

    def is_allowed(self, request: v1.CheckRequest, timeout: float | None = None) -> bool:
        """Whether a check allows; False where it fails, for whatever reason, which is logged. Obligations that come with the
        permission are for those who use check."""
        try:
            return self.check(request, timeout).allowed
        except Exception as error:
            return denied(error)

    def batch_check(self, request: v1.BatchCheckRequest, timeout: float | None = None) -> list[Result]:
        """Decides up to 1,000 requests (more: the server's INVALID_ARGUMENT); returns their results in their order."""
        return results_of(request, self._call(BATCH_CHECK, request, timeout))

    def list_purposes(self, request: v1.ListPurposesRequest, timeout: float | None = None) -> dict[str, Decision]:
        """Decides all purposes that the controller declares or prohibits, for one subject; sorted by purpose."""
        return purposes_of(self._call(LIST_PURPOSES, request, timeout))

    def record_events(self, request: v1.RecordEventsRequest, timeout: float | None = None) -> v1.RecordEventsResponse:
        """Records one subject's events, all or none; new_event makes one. Once it returns they are durable.

        It may be repeated: the events' ids are idempotency keys, so events recorded by an attempt whose answer was lost are
        counted as duplicates. outcomes_of says what became of each event: what is on record may outrank a late withdrawal,
        and a misspelt purpose is recorded all the same.
        """
        return self._call(RECORD_EVENTS, request, timeout)

    def link_subjects(self, request: v1.LinkSubjectsRequest, timeout: float | None = None) -> v1.LinkSubjectsResponse:
        """Makes two ids of a controller one person; new_link makes the request. Every id of a person is answered
        alike, by what was said under all of them.

        It is durable, and may be repeated with its event id, as record_events. The answer names all ids of the person;
        outcome_of says what became of the link. FAILED_PRECONDITION says why the two cannot be one person, and what to do.
        """
        return self._call(LINK_SUBJECTS, request, timeout)

    def unlink_subjects(self, request: v1.UnlinkSubjectsRequest, timeout: float | None = None) -> v1.UnlinkSubjectsResponse:
        """Parts two ids that were linked; new_unlink makes the request. Each has what was said under it again. For the
        rest it is as link_subjects. FAILED_PRECONDITION where no link of the two stands."""
        return self._call(UNLINK_SUBJECTS, request, timeout)

    def get_subject(self, request: v1.GetSubjectRequest, timeout: float | None = None) -> v1.GetSubjectResponse:
        """A subject's state as policies read it, and the ids of their person. One for whom nothing was recorded is not
        known; that is no error."""
        return self._call(GET_SUBJECT, request, timeout)

    def list_events(self, request: v1.ListEventsRequest, timeout: float | None = None) -> Iterator[v1.LedgerEntry]:
        """Yields the ledger of the person whom the id names from the request's page on, in the order in which the events
        were recorded, and reads the pages as it goes. A link comes once, and each entry says under which id it was said.
        A timeout is for all pages; without one each page has the default."""
        plan = None if timeout is None else self._retries.plan(timeout)
        pages = Pages(request)
        while True:
            page = self._call(LIST_EVENTS, pages.request, None if plan is None else plan.remaining())
            yield from page.entries
            if not pages.turn(page):
                return

    def get_policy(self, request: v1.GetPolicyRequest, timeout: float | None = None) -> v1.GetPolicyResponse:
        """Describes the active policies."""
        return self._call(GET_POLICY, request, timeout)

    def list_controllers(
        self, request: v1.ListControllersRequest, timeout: float | None = None
    ) -> v1.ListControllersResponse:
        """The controllers of the active policies and the purposes that they declare."""
        return self._call(LIST_CONTROLLERS, request, timeout)

    def _call(self, method: Method[Q, A], request: Q, timeout: float | None) -> A:
        plan = self._retries.plan(timeout)
        while True:
            try:
                return self._attempt(method, request, plan)
            except grpc.RpcError as failure:
                wait = plan.wait_after(Error.of_rpc(failure))
            time.sleep(wait)

    def _attempt(self, method: Method[Q, A], request: Q, plan: Plan) -> A:
        left = plan.remaining()
        metadata = bearing(self._token)
        try:
            response: A | None = self._calls[method.path](request, timeout=left, metadata=metadata)
        except ValueError:  # what gRPC raises for a closed channel, and for nothing else
            raise Error.closed() from None
        return plan.answered(response)


class Session:
    """Calls of one client that belong together: a check sees what was recorded through the session before, on whichever node
    it is answered, because the session carries the newest consistency token of its writes. A consistency that a request
    sets itself is kept. A session belongs to the store of its first answer: its calls raise StoreMismatchError where the
    servers show that they do not share it. Its methods may be called from many threads at once; Client.session makes one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._fresh = Freshness()

    def check(self, request: v1.CheckRequest, timeout: float | None = None) -> Decision:
        """As Client.check."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            decision = self._client.check(demanding, timeout)
        self._fresh.hear([decision.consistency_token])
        return decision

    def is_allowed(self, request: v1.CheckRequest, timeout: float | None = None) -> bool:
        """As Client.is_allowed."""
        try:
            return self.check(request, timeout).allowed
        except Exception as error:
            return denied(error)

    def batch_check(self, request: v1.BatchCheckRequest, timeout: float | None = None) -> list[Result]:
        """As Client.batch_check."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            results = self._client.batch_check(demanding, timeout)
        self._fresh.hear(r.decision.consistency_token for r in results)
        return results

    def list_purposes(self, request: v1.ListPurposesRequest, timeout: float | None = None) -> dict[str, Decision]:
        """As Client.list_purposes."""
        demanding = self._fresh.demand(request)
        with self._fresh.judging(request, demanding):
            purposes = self._client.list_purposes(demanding, timeout)
        self._fresh.hear(d.consistency_token for d in purposes.values())
        return purposes

    def record_events(self, request: v1.RecordEventsRequest, timeout: float | None = None) -> v1.RecordEventsResponse:
        """As Client.record_events; what follows in this session sees it."""
        response = self._client.record_events(request, timeout)
        self._fresh.note(response)
        return response

    def link_subjects(self, request: v1.LinkSubjectsRequest, timeout: float | None = None) -> v1.LinkSubjectsResponse:
        """As Client.link_subjects; what follows in this session sees it."""
        response = self._client.link_subjects(request, timeout)
        self._fresh.note(response)
        return response

    def unlink_subjects(self, request: v1.UnlinkSubjectsRequest, timeout: float | None = None) -> v1.UnlinkSubjectsResponse:
        """As Client.unlink_subjects; what follows in this session sees it."""
        response = self._client.unlink_subjects(request, timeout)
        self._fresh.note(response)
        return response
