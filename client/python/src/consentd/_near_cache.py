"""Answers checks within this process where the server has decided the same before and nothing has changed since."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from google.protobuf.message import EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from consentd import v1
from consentd._decision import Decision, Obligation, Result
from consentd._near_reports import NearReports
from consentd._near_session import MAX_SERVER_SECONDS, Clock, Count, Entry, Grant, NearSession, system_clock
from consentd._near_wire import SECOND, nanoseconds, parse_token
from consentd.v1.decision_service_pb2 import WatchInvalidationsResponse

#: Bounds what one decision takes, request and answer in their encoded forms; larger ones are not kept.
_MAX_BYTES = 4 << 10

_LEASES_PER_FENCE = 3

_DECIDED = (v1.Decision.DECISION_ALLOW, v1.Decision.DECISION_DENY)
_POLICY_ERROR = v1.ReasonCode.REASON_CODE_POLICY_ERROR


@dataclass(frozen=True)
class NearCacheConfig:
    """Configures a near cache. Raises ValueError for what makes no sense."""

    #: Bounds how many decisions are kept, of about 2 KiB each.
    max_entries: int = 65_536
    #: How many seconds pass between reports to the server of how many checks were answered by which decision, for its
    #: decision log and its record of processing; None: it is never told.
    report_every: float | None = 5.0

    def __post_init__(self) -> None:
        if self.max_entries < 1:
            raise ValueError(f"max_entries is {self.max_entries}: must be at least 1")
        if self.report_every is not None and not 0 < self.report_every < float("inf"):
            raise ValueError(f"report_every is {self.report_every}: must be above 0 seconds, or None")


@dataclass(frozen=True)
class NearCacheStats:
    """What became of checks since the start; each request of a batch is one. All zero without a near cache."""

    #: Checks that were answered here, and those that the server had to answer.
    hits: int = 0
    misses: int = 0
    #: How many streams of invalidations there have been.
    streams: int = 0
    #: Whether checks can be answered here at the moment.
    leased: bool = False


class Ticket(NamedTuple):
    """What admit wants with the server's answer. It is taken before the request leaves."""

    session: NearSession
    key: bytes
    #: The token that the answer must reflect; empty: none.
    demanded: str


class Watcher(Protocol):
    """Keeps a stream under way for a near cache."""

    def start(self) -> None:
        """Begins to watch, in the first call."""

    def close(self) -> Awaitable[None] | None:
        """Ends that for good; in asyncio once it was awaited."""


class NearCache:
    """A near cache. It answers nothing until somebody watches for it: see _near_threads and _near_tasks. Its methods may be
    called from many threads at once."""

    def __init__(self, config: NearCacheConfig, clock: Clock | None = None) -> None:
        """Raises ValueError where this system has no clock for it, and where Python runs without its lock."""
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            raise ValueError("a near cache needs Python's global lock: it rests on the order in which threads see writes")
        self.config = config
        self.clock = clock or system_clock()
        #: Names this cache to the server.
        self.id = secrets.token_bytes(16)
        #: Who watches; None: nobody yet.
        self.watcher: Watcher | None = None
        #: Sees each message before it is applied, if set: tests plant faults there.
        self.tap: Callable[[NearSession, WatchInvalidationsResponse], None] | None = None
        self.reports = NearReports(config.report_every is not None)
        #: The stream under way; None: no decision may be used.
        self.session: NearSession | None = None
        # The lease of the newest stream in seconds, kept beyond its end: a fence may wait for this very cache. 0: none yet.
        self._lease = 0.0
        self._hits, self._misses = Count(), Count()
        self._streams = 0
        self._counting = threading.Lock()
        # The process that it watches in, by the forks that led to it; None: it never did.
        self._home: int | None = None

    def lookup(self, request: v1.CheckRequest) -> Decision | None:
        """The decision on a request, if it may be used now; None: ask the server.

        The order of reading is what makes an answer right: first the lease, then seen and the floor, last the clock.
        NearSession has the argument.
        """
        session = self._present()
        key = None if session is None else key_of(request)
        if session is None or key is None:
            return None
        grant = session.granted
        at_least = session.demand(request.consistency) if request.HasField("consistency") else 0
        if grant is not None and at_least is not None:
            entry = session.find(key, grant, at_least)
            if entry is not None and grant.holds(self.clock, entry.valid_until):
                return self._answered(entry)
        self._misses.add()
        return None

    def ticket(self, request: v1.CheckRequest, batch: v1.BatchCheckRequest | None = None) -> Ticket | None:
        """What admit wants, taken before the request leaves; None: its answer is not to be kept."""
        session = self._present()
        key = None if session is None else key_of(request)
        demanding = request if batch is None else batch
        return None if session is None or key is None else Ticket(session, key, demanding.consistency.at_least_as_fresh)

    def admit(self, ticket: Ticket | None, request: v1.CheckRequest, response: v1.CheckResponse, decision: Decision) -> None:
        """Keeps the server's answer. It may arrive after later changes were told: the revision in the token, not the time,
        says what it is worth. What the caller has changed of the request meanwhile makes it worth nothing."""
        if ticket is None or ticket.session is not self.session:
            return
        ticket.session.accept(ticket.demanded)
        if not _keepable(ticket.key, request, response):
            return
        session, token = ticket.session, parse_token(response.consistency_token)
        if token is None or token.store_id != session.store_id:
            return
        until = response.valid_until
        ends = nanoseconds(until.seconds, until.nanos) if response.HasField("valid_until") else 0
        gone = session.keep(Entry(ticket.key, owned(decision), token.revision, session.slot(request), ends))
        if gone is not None:
            self.reports.retire(gone)

    def lookup_all(self, batch: v1.BatchCheckRequest) -> list[Result] | None:
        """The results of a batch, if all are known and were right at one instant; None: ask the server for all.

        The server decides a batch by one set of policies, at one instant. One that was put together from answers of the
        cache and of the server, or from answers of the cache alone that were right one after the other, would not keep that.
        """
        session = self._present()
        if session is None or not batch.requests:
            return None
        grant = session.granted
        at_least = session.demand(batch.consistency if batch.HasField("consistency") else None)
        if grant is not None and at_least is not None:
            entries = _found(session, grant, batch)
            soonest = min((e.valid_until for e in entries or () if e.valid_until), default=0)
            if entries and session.at_once(entries, at_least) and grant.holds(self.clock, soonest):
                return [Result(self._answered(e)) for e in entries]
        for _ in batch.requests:
            self._misses.add()
        return None

    def tickets(self, batch: v1.BatchCheckRequest) -> list[Ticket | None]:
        """What admit_all wants, taken before the requests leave."""
        return [self.ticket(r, batch) for r in batch.requests]

    def admit_all(
        self,
        tickets: list[Ticket | None],
        batch: v1.BatchCheckRequest,
        response: v1.BatchCheckResponse,
        results: list[Result],
    ) -> None:
        """Keeps the answers of a batch, but for its errors."""
        for ticket, request, outcome, result in zip(tickets, batch.requests, response.results, results, strict=True):
            if result.error is None and outcome.HasField("response"):
                self.admit(ticket, request, outcome.response, result.decision)

    def fence_timeout(self) -> float:
        """How many seconds a fenced write may take by the lease that the server grants; 0: not known yet. A fence takes two
        leases at most, with their margins; the write itself needs some time too."""
        return _LEASES_PER_FENCE * self._lease

    def close(self) -> Awaitable[None] | None:
        """Gives the lease up and ends the stream; lookups miss from then on. The asyncio client awaits what it returns."""
        return None if self.watcher is None else self.watcher.close()

    def _present(self) -> NearSession | None:
        """The stream under way, in the process that watches; where there is none somebody begins to watch."""
        session = self.session
        if session is None and self.watcher is not None:
            self.watcher.start()
        return session if self._home == _forks.count else None

    def _answered(self, entry: Entry) -> Decision:
        self._hits.add()
        entry.hit = True
        entry.answers.add()
        return owned(entry.decision)

    def begin(self, session: NearSession) -> None:
        """Goes by a stream from now on."""
        self._streams += 1
        self._lease = session.lease / SECOND
        self._home = _forks.count
        self.session = session

    def end(self) -> None:
        """The stream is over: no decision is used from now on."""
        session, self.session = self.session, None
        if session is not None:
            self.reports.retire(*session.table.all())

    def hear(self, session: NearSession, m: WatchInvalidationsResponse) -> int:
        """Applies a message and returns the position to confirm; 0: none."""
        if self.tap is not None:
            self.tap(session, m)
        session.apply(m)
        return 0 if m.position == m.from_position else m.position

    def stats(self) -> NearCacheStats:
        """The counts."""
        session = self.session
        grant = None if session is None else session.granted
        leased = grant is not None and grant.holds(self.clock, 0)
        with self._counting:
            hits, misses = self._hits.total(), self._misses.total()
        return NearCacheStats(hits, misses, self._streams, leased and not self.inherited())

    def inherited(self) -> bool:
        """Whether it watches in the process that this one was forked off. Nobody does in this one, so it must not answer
        from what its parent knew."""
        return self._home is not None and self._home != _forks.count


class _Forks:
    """Counts the forks that led to this process since the module was loaded."""

    def __init__(self) -> None:
        self.count = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.count += 1


_forks = _Forks()


def _found(session: NearSession, grant: Grant, batch: v1.BatchCheckRequest) -> list[Entry] | None:
    """An entry for each request by the policies of the grant; None unless all are there. A request with a consistency of its
    own is the server's to refuse."""
    entries = []
    for request in batch.requests:
        key = None if request.HasField("consistency") else key_of(request)
        entry = None if key is None else session.find(key, grant, 0)
        if entry is None:
            return None
        entries.append(entry)
    return entries


def key_of(request: v1.CheckRequest) -> bytes | None:
    """What a decision depends on: all of its request but consistency, as it goes over the wire. Fields that this version does
    not know are part of it. None: the request cannot be encoded, which is the call's to say."""
    try:
        if not request.HasField("consistency"):
            return request.SerializeToString(deterministic=True)
        bare = v1.CheckRequest()
        bare.CopyFrom(request)
        bare.ClearField("consistency")
        return bare.SerializeToString(deterministic=True)
    except (EncodeError, ValueError, RecursionError):
        return None


def owned(decision: Decision) -> Decision:
    """The decision, or a copy where it has what its receiver could change: parameters of obligations."""
    if not any(o.parameters for o in decision.obligations):
        return decision
    return replace(decision, obligations=tuple(Obligation(o.code, _copy(o.parameters)) for o in decision.obligations))


def _copy(value: Any) -> Any:
    """Copies what JSON can say."""
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list) else value


def _keepable(key: bytes, request: v1.CheckRequest, response: v1.CheckResponse) -> bool:
    """Whether an answer may be given again. One that this version does not understand whole may say that it must not."""
    until = response.valid_until
    return (
        response.decision in _DECIDED
        and not response.degraded
        and all(r.code != _POLICY_ERROR for r in response.reasons)
        and (not response.HasField("valid_until") or (0 < until.seconds < MAX_SERVER_SECONDS and 0 <= until.nanos < SECOND))
        and len(key) + response.ByteSize() <= _MAX_BYTES
        and not UnknownFieldSet(response)
        and not _has_unknown(request)
        and key_of(request) == key
    )


def _has_unknown(message: Message) -> bool:
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()  # type: ignore[no-untyped-call,unused-ignore]
    return known.ByteSize() != message.ByteSize()
