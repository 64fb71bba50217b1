"""The sync client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import grpc

from consentd import v1
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
from consentd._near_threads import watched
from consentd._observe import Observer, observed
from consentd._retry import fence_timeout
from consentd._target import connection
from consentd._terms import Carried, Metadata, Terms, pairs, terms
from consentd._transport import Transport

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

    def call(self, name: str, method: Method[Q, A], request: Q, own: Terms) -> A:
        with self.observing(name):
            return self.transport.call(method, request, own)

    def decide(self, request: v1.CheckRequest, own: Terms) -> Decision:
        near = self.near if own.plain else None  # who has a token of their own may have other rights
        if near is None:
            return decision_of(self.transport.check(request, own))
        self.transport.enter()
        self.transport.retries.plan(own.timeout).remaining()  # no time, or none that makes sense: an error, known or not
        known = near.lookup(request)
        if known is not None:
            return known
        ticket = near.ticket(request)
        response = self.transport.check(request, own)
        decision = decision_of(response)
        near.admit(ticket, request, response, decision)
        return decision

    def decide_all(self, batch: v1.BatchCheckRequest, own: Terms) -> list[Result]:
        """Decides a batch that a server takes."""
        near = self.near if own.plain else None  # who has a token of their own may have other rights
        if near is None:
            return results_of(batch, self.transport.call(BATCH_CHECK, batch, own))
        self.transport.enter()
        self.transport.retries.plan(own.timeout).remaining()  # no time, or none that makes sense: an error, known or not
        known = near.lookup_all(batch)
        if known is not None:
            return known
        tickets = near.tickets(batch)
        response = self.transport.call(BATCH_CHECK, batch, own)
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

    def check(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> Decision:
        """Decides one purpose for one subject. A denial is an answer, no error."""
        own = terms(timeout, metadata, token)
        require(request, v1.CheckRequest)
        with self._core.observing("check", request.purpose) as note:
            fresh = self._fresh
            if fresh is None:
                decision = self._core.decide(request, own)
            else:
                demanding = fresh.demand(request)
                with fresh.judging(request, demanding):
                    decision = self._core.decide(demanding, own)
                fresh.hear([decision.consistency_token])
            note(decision)
        return decision

    def is_allowed(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> bool:
        """Whether a check allows; False where it raises Error, which is logged. Faults of the program, such as a TypeError,
        are raised. Obligations that come with the permission are for those who use check or guard."""
        try:
            return self.check(request, timeout, metadata=metadata, token=token).allowed
        except Error as error:
            return denied(error)

    @contextmanager
    def guard(
        self,
        request: v1.CheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> Generator[tuple[Obligation, ...]]:
        """Runs a block only where the use is allowed, and gives it the obligations that come with the permission: what the
        block must also do. Raises DeniedError where it is denied, Error where there is no decision.

            with client.guard(request) as obligations:
                send(mail, unsubscribe=any(o.code == "INCLUDE_UNSUBSCRIBE" for o in obligations))
        """
        yield permitted(self.check(request, timeout, metadata=metadata, token=token))

    def batch_check(
        self,
        request: v1.BatchCheckRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> list[Result]:
        """Decides many requests and returns their results in their order. Up to 1,000 go in one call, which decides all
        requests of a subject on one state; more go in several, four at a time, each within the timeout, and the first
        failure is raised."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        with self._core.observing("batch_check"):
            if fresh is None:
                return self._in_parts(request, own)
            demanding = fresh.demand(request)
            with fresh.judging(request, demanding):
                results = self._in_parts(demanding, own)
            fresh.hear(r.decision.consistency_token for r in results)
        return results

    def _in_parts(self, batch: v1.BatchCheckRequest, own: Terms) -> list[Result]:
        parts = chunks(batch)
        if len(parts) == 1:
            return self._core.decide_all(batch, own)

        def decided(part: v1.BatchCheckRequest) -> list[Result]:
            return self._core.decide_all(part, own)

        with ThreadPoolExecutor(BATCHES_AT_ONCE, "consentd-batch") as pool:
            return [r for results in pool.map(decided, parts) for r in results]

    def filter(
        self,
        items: Iterable[T],
        ask: Callable[[T], v1.CheckRequest] = itself,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> list[T]:
        """Those of the items whose requests are allowed, in their order; ``ask`` makes the request of one, which otherwise is
        a request itself. They go in batches, as batch_check's do. An item whose own check failed is left out, which is
        logged; where a whole call fails Error is raised: that nobody can be asked does not mean that nobody agrees.

            recipients = client.filter(users, lambda u: v1.CheckRequest(controller="example", subject_id=u, purpose="p"))
        """
        kept: Sequence[T] = list(items)
        if not kept:
            return []
        results = self.batch_check(batch_of(map(ask, kept)), timeout, metadata=metadata, token=token)
        return [item for item, allowed in zip(kept, allowed_of(results, denied), strict=True) if allowed]

    def list_purposes(
        self,
        request: v1.ListPurposesRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> dict[str, Decision]:
        """Decides all purposes that the controller declares or prohibits, for one subject; sorted by purpose."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        if fresh is None:
            return purposes_of(self._core.call("list_purposes", LIST_PURPOSES, request, own))
        demanding = fresh.demand(request)
        with fresh.judging(request, demanding):
            purposes = purposes_of(self._core.call("list_purposes", LIST_PURPOSES, demanding, own))
        fresh.hear(d.consistency_token for d in purposes.values())
        return purposes

    def explain(
        self,
        request: v1.ExplainRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.ExplainResponse:
        """Makes a decision again and tells its story: what counted, what nearly did, what would change it. It is for people
        and audits; its texts are not to be parsed."""
        own = terms(timeout, metadata, token)
        fresh = self._fresh
        if fresh is None:
            return self._core.call("explain", EXPLAIN, request, own)
        demanding = fresh.demand_explained(request)
        with fresh.judging(request.check, demanding.check):
            response = self._core.call("explain", EXPLAIN, demanding, own)
        fresh.hear([response.decision.consistency_token])
        return response

    def record_events(
        self,
        request: v1.RecordEventsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.RecordEventsResponse:
        """Records one subject's events, all or none; new_event makes one. Once it returns they are durable.

        It may be repeated: the events' ids are idempotency keys, so events recorded by an attempt whose answer was lost are
        counted as duplicates. outcomes_of says what became of each event: what is on record may outrank a late withdrawal,
        and a misspelt purpose is recorded all the same.

        With ``fence`` it returns when no near cache answers from the older state any more, which takes up to two leases where
        one is cut off: without a timeout it gets 6 s, or the client's if that is more. DEADLINE_EXCEEDED then says that
        the events are recorded, or may be, and some cache may not know yet; repeat the call with the same events.
        """
        return self._write("record_events", RECORD_EVENTS, request, terms(timeout, metadata, token))

    def link_subjects(
        self,
        request: v1.LinkSubjectsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.LinkSubjectsResponse:
        """Makes two ids of a controller one person; new_link makes the request. Every id of a person is answered
        alike, by what was said under all of them.

        It is durable, and may be repeated with its event id, as record_events. The answer names all ids of the person;
        outcome_of says what became of the link. FAILED_PRECONDITION says why the two cannot be one person, and what to do.
        """
        return self._write("link_subjects", LINK_SUBJECTS, request, terms(timeout, metadata, token))

    def unlink_subjects(
        self,
        request: v1.UnlinkSubjectsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.UnlinkSubjectsResponse:
        """Parts two ids that were linked; new_unlink makes the request. Each has what was said under it again. For the
        rest it is as link_subjects. FAILED_PRECONDITION where no link of the two stands."""
        return self._write("unlink_subjects", UNLINK_SUBJECTS, request, terms(timeout, metadata, token))

    def _write(self, name: str, method: Method[Q, A], request: Q, own: Terms) -> A:
        response = self._core.call(name, method, request, self._core.fenced(request, own))
        if self._fresh is not None:
            self._fresh.note(response)  # type: ignore[arg-type] # the writes' responses
        return response


class Client(_Calls):
    """Talks to consentd. Its methods may be called from many threads at once.

    ``target`` is host:port, several of them separated by commas, dns:///host:port or unix:///path. Without options the client
    speaks plaintext to loopback addresses and Unix sockets, and TLS with the system's roots to all else. Servers that a
    target lists are asked in turn, but for those that cannot be had or whose health is not SERVING; they must share a store,
    and the client is one session then: its checks see what it wrote.

    ``credentials``, such as ``grpc.ssl_channel_credentials(roots, key, chain)``, are for TLS of another kind, such as with a
    client certificate. ``token`` returns the token or the API key that calls carry; it is asked for each attempt and for each
    stream of checks (one a minute), must not wait, and where it fails the call fails: UNAUTHENTICATED. ``metadata`` goes with
    each call. ``insecure`` allows plaintext to other machines: subjects' ids, decisions and the token can then be read on the
    way, and changed. ``timeout`` is what calls without one of their own may take, in seconds; 0, less or None:
    DEFAULT_TIMEOUT. ``observer`` is told of each call. ``coalesce=False`` makes each check a call of its own; else checks
    that are under way at the same time share the messages of a stream, but for those with metadata or a token of their own.

    ``near_cache`` answers checks within this process where the server has decided the same before and nothing has changed
    since; NearCacheConfig says how. ValueError on systems other than Linux.

    It connects in the first call: ValueError and TypeError are faults of the target or the options, and an unreachable
    server shows as UNAVAILABLE in calls. Close it, or use it in a ``with``. It belongs to the process that makes its first
    call: in one that is forked off later all calls raise RuntimeError.

    The timeout of a call is in seconds, all its attempts together; more than MAX_TIMEOUT, and infinity, means that.
    ``metadata`` and ``token`` of a call go with it alone, the token instead of the client's.
    """

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

    def close(self) -> None:
        """Closes the connection; calls under way fail with CANCELLED. It may be called again. In a process that was forked
        off it does nothing."""
        if self._core.near is not None and not self._core.transport.left:
            self._core.near.close()
        self._core.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not copied: make one where it is used")

    def near_cache_stats(self) -> NearCacheStats:
        """How many checks the near cache has answered, and how many it could not; all zero without one."""
        near = self._core.near
        return NearCacheStats() if near is None else near.stats()

    def session(self) -> Session:
        """A session: its checks see its own writes, whichever node answers."""
        return Session(self._core, self._fresh or Freshness())

    def get_subject(
        self,
        request: v1.GetSubjectRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.GetSubjectResponse:
        """A subject's state as policies read it, and the ids of their person. One for whom nothing was recorded is not
        known; that is no error."""
        return self._core.call("get_subject", GET_SUBJECT, request, terms(timeout, metadata, token))

    def list_events(
        self,
        request: v1.ListEventsRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> Iterator[v1.LedgerEntry]:
        """Yields the ledger of the person whom the id names from the request's page on, in the order in which the events
        were recorded, and reads the pages as it goes. A link comes once, and each entry says under which id it was said.
        A timeout is for all pages; without one each page has the default."""
        own = terms(timeout, metadata, token)
        transport = self._core.transport
        plan = None if timeout is None else transport.retries.plan(timeout)
        pages = Pages(request)
        while True:
            with self._core.observing("list_events"):
                page = transport.call(LIST_EVENTS, pages.request, own, plan and plan.rest())
            yield from page.entries
            if not pages.turn(page):
                return

    def get_policy(
        self,
        request: v1.GetPolicyRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.GetPolicyResponse:
        """Describes the active policies."""
        return self._core.call("get_policy", GET_POLICY, request, terms(timeout, metadata, token))

    def list_controllers(
        self,
        request: v1.ListControllersRequest,
        timeout: float | None = None,
        *,
        metadata: Metadata | None = None,
        token: str | None = None,
    ) -> v1.ListControllersResponse:
        """The controllers of the active policies and the purposes that they declare."""
        return self._core.call("list_controllers", LIST_CONTROLLERS, request, terms(timeout, metadata, token))


class Session(_Calls):
    """Calls of one client that belong together: a check sees what was recorded through the session before, on whichever node
    it is answered, because the session carries the newest consistency token of its writes. A consistency that a request
    sets itself is kept. A session belongs to the store of its first answer: its calls raise StoreMismatchError where the
    servers show that they do not share it. Its methods may be called from many threads at once; Client.session makes one. The
    sessions of a client over several servers see all its writes."""

    def __init__(self, core: _Core, fresh: Freshness) -> None:
        self._core = core
        self._fresh = fresh
