"""What is known by one stream of invalidations, and the decisions that are kept under it."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from consentd import v1
from consentd._decision import Decision
from consentd._near_wire import SECOND, NearProtocolError, checksum_of, nanoseconds, parse_token, slot_of
from consentd.v1.decision_service_pb2 import WatchInvalidationsResponse

_MAX_LEASE = 10 * SECOND
_MAX_SLOTS = 1 << 20
_STORE_ID_BYTES, _SLOT_KEY_BYTES = 16, 32
# Up to the year 2242 no sum with a lease overflows anywhere.
MAX_SERVER_SECONDS = 1 << 33
# The part by which the server's clock may run faster than this machine's.
_DRIFT_PART = 16
_BEATS_KEPT = 16
# How many tokens a stream remembers: sessions that each demand their newest write are few at a time.
_ACCEPTED = 256
# How many entries that are of use one that comes may pass over before one of them must go.
_CHANCES = 8


class Reading(NamedTuple):
    """What the clocks show, in nanoseconds."""

    boot: int
    wall: int


class Clock:
    """The clocks by which a lease ends: that of the time since the machine was started, and the wall clock.

    CLOCK_BOOTTIME never steps and goes on while the machine is suspended, so that it alone would do for a machine. The wall
    clock beside it can only end a lease early: it tells of a process that was checkpointed and restored, and of a virtual
    machine whose host set its wall clock after a pause. A step of it ends a lease without need, or is of no matter.
    """

    __slots__ = ("boot", "wall")

    def __init__(self, boot: Callable[[], int], wall: Callable[[], int]) -> None:
        self.boot = boot
        self.wall = wall

    def read(self) -> Reading:
        """Both."""
        return Reading(self.boot(), self.wall())


def system_clock() -> Clock:
    """This machine's clocks. Raises ValueError where the system has no clock by which a lease can be kept safely."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        raise ValueError(
            "a near cache needs CLOCK_BOOTTIME, as Linux has it: the monotonic clock of this system may stand still while it"
            " sleeps, and withdrawals of that time would not be seen; use the client without near_cache here"
        )
    return Clock(partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME), time.time_ns)


class Grant:
    """A lease. Immutable."""

    __slots__ = ("policy", "sent", "server_time", "until_boot", "until_wall")

    def __init__(self, sent: Reading, lease: int, server_time: int, policy: str) -> None:
        #: When the heartbeat was about to be sent, and when the lease ends by each clock.
        self.sent = sent
        self.until_boot = sent.boot + lease
        self.until_wall = sent.wall + lease
        #: What the server's clock showed later than sent, nanoseconds since the epoch.
        self.server_time = server_time
        #: The digest of the policies in force.
        self.policy = policy

    def holds(self, clock: Clock, valid_until: int) -> bool:
        """Whether the lease holds and a decision's time has not come (0: it has none), by clocks that are read now."""
        now = clock.boot()
        if now >= self.until_boot or clock.wall() >= self.until_wall:
            return False
        since = now - self.sent.boot
        return not valid_until or self.server_time + since + since // _DRIFT_PART < valid_until


class Count:
    """Counts calls of ``add`` without losing any, from many threads and without a lock: a step of a C iterator is one."""

    __slots__ = ("_read", "_reads", "add")

    def __init__(self) -> None:
        self.add: Callable[[], int] = itertools.count().__next__
        self._reads = 0
        self._read = 0

    def total(self) -> int:
        """How often add was called. One thread at a time."""
        n = self.add() - self._reads
        self._reads += 1
        return n

    def fresh(self) -> int:
        """How often add was called since the last time. One thread at a time."""
        before, self._read = self._read, self.total()
        return self._read - before


class Entry:
    """A decision that is kept. Immutable but for used, hit and answers."""

    __slots__ = ("answers", "decision", "hit", "key", "policy", "revision", "slot", "used", "valid_until")

    def __init__(self, key: bytes, decision: Decision, revision: int, slot: int, valid_until: int) -> None:
        #: The request without consistency, encoded.
        self.key = key
        self.decision = decision
        self.policy = decision.policy_revision
        #: That of the state behind the decision.
        self.revision = revision
        #: That of its subject.
        self.slot = slot
        #: Nanoseconds since the epoch; 0: no end.
        self.valid_until = valid_until
        #: Whether it was of use since put last looked for room.
        self.used = False
        #: Whether it ever answered a check.
        self.hit = False
        #: The checks that it answered.
        self.answers = Count()


class Table:
    """Entries by their keys, as many as fit. ``get`` takes no lock; in all else one thread at a time."""

    def __init__(self, max_entries: int) -> None:
        self._max = max_entries
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.get = self._entries.get

    def put(self, entry: Entry, current: Callable[[Entry], bool]) -> Entry | None:
        """Puts an entry in the place of the same request's, or makes room: the oldest goes that is not current or was not of
        use since it was last passed over. Returns what was thrown away."""
        with self._lock:
            gone = self._entries.pop(entry.key, None)
            if gone is None and len(self._entries) >= self._max:
                gone = self._evict(current)
            self._entries[entry.key] = entry
            return gone

    def _evict(self, current: Callable[[Entry], bool]) -> Entry:
        for _ in range(_CHANCES):
            oldest = next(iter(self._entries.values()))
            if not oldest.used or not current(oldest):
                break
            oldest.used = False
            self._entries.move_to_end(oldest.key)
        return self._entries.popitem(last=False)[1]

    def all(self) -> list[Entry]:
        """The entries."""
        with self._lock:
            return list(self._entries.values())


class NearSession:
    """What is known by one stream. A new stream begins with nothing: what an earlier one was told says nothing of what
    happened in between.

    Lookups take no lock; the order of writes and reads makes them right (under Python's global lock threads see each other's
    writes in their order). The receiver (apply) raises the floors, then seen, and then stores granted. A lookup reads the
    other way round: granted, seen, the floor, and last the clock. So

    - who reads a lease finds the floors of all that was told before it was granted;
    - who reads seen finds the floors of all changes up to it: an entry at or above its floor is as good as one read at seen;
    - who reads an older lease, and so perhaps older floors, learns from the clock, read after them, whether it has run out. A
      fence that returned before the lookup began waited for this cache to confirm, which it does after apply, or for its
      lease to run out by the server's clock, which is later than by this one.

    So the clock is never read before the floor, the floor never before seen, granted is read once, and nothing is confirmed
    before it is applied.
    """

    def __init__(self, m: WatchInvalidationsResponse, max_entries: int) -> None:
        """Begins with the first message of a stream. Raises NearProtocolError for what makes no sense."""
        self.lease = _lease_of(m)
        self.hello = m.hello
        self.store_id = m.hello.store_id
        #: How often heartbeats are sent, in seconds.
        self.interval = nanoseconds(m.hello.heartbeat_interval.seconds, m.hello.heartbeat_interval.nanos) / SECOND
        #: Per slot the revision below which no decision counts.
        self.floors = [m.revision] * m.hello.slot_count
        #: A revision up to which all changes were told.
        self.seen = m.revision
        #: The newest lease; None: none yet.
        self.granted: Grant | None = None
        self.table = Table(max_entries)
        # Tokens that the server has answered on, by their revisions.
        self._accepted = [""] * _ACCEPTED
        # Those of the last message; the receiver's own.
        self._position = m.position
        self.policy = m.policy_revision
        # The number of the newest heartbeat, and when the last ones were about to be sent. Guarded by _lock.
        self._lock = threading.Lock()
        self._last = 0
        self.sent: dict[int, Reading] = {}

    def beat(self, now: Reading) -> int:
        """Numbers a heartbeat that is about to be sent; now was read before that."""
        with self._lock:
            self._last += 1
            self.sent[self._last] = now
            self.sent.pop(self._last - _BEATS_KEPT, None)
            return self._last

    def apply(self, m: WatchInvalidationsResponse) -> None:
        """Takes a message. NearProtocolError: the stream cannot be trusted any more."""
        self._check(m)
        floors, revision = self.floors, m.revision
        for slot in m.slots:
            floors[slot] = revision
        self.seen = revision
        self._position = m.position
        self.policy = m.policy_revision or self.policy
        self._grant(m)

    def _check(self, m: WatchInvalidationsResponse) -> None:
        slots = len(m.slots)
        if (
            m.checksum != checksum_of(m)
            or m.HasField("hello")
            or m.from_position != self._position
            or m.position < self._position
            or m.revision < self.seen
            or slots > m.position - self._position
            or (slots > 0 and m.revision == self.seen)
            or any(slot >= len(self.floors) for slot in m.slots)
        ):
            raise NearProtocolError("a message is missing, repeated or damaged")

    def _grant(self, m: WatchInvalidationsResponse) -> None:
        """Takes the lease that m carries, or the new policies into the lease that there is."""
        old = self.granted
        if m.heartbeat == 0:
            if old is not None and old.policy != self.policy:
                self.granted = Grant(old.sent, self.lease, old.server_time, self.policy)
            return
        with self._lock:
            sent = self.sent.get(m.heartbeat)
        late = sent is None or (old is not None and sent.boot < old.sent.boot)
        if sent is None or late or not 0 <= m.server_time < MAX_SERVER_SECONDS * SECOND:
            raise NearProtocolError("an echo of a heartbeat that was never sent, or long ago")
        self.granted = Grant(sent, self.lease, m.server_time, self.policy)

    def demand(self, consistency: v1.Consistency | None) -> int | None:
        """The revision that a decision must reflect; None: only the server can tell."""
        if consistency is None:
            return 0
        kind = consistency.WhichOneof("requirement")
        if kind == "minimize_latency":
            return 0 if consistency.minimize_latency else None
        if kind == "at_least_as_fresh":
            text = consistency.at_least_as_fresh
            token = parse_token(text)
            if token is not None and token.store_id == self.store_id and self._accepted[token.revision % _ACCEPTED] == text:
                return token.revision
        return None

    def accept(self, text: str) -> None:
        """Remembers that the server has answered on a state that reflects a token, within this stream. Until then only the
        server can tell: where the store lost its newest changes, others have taken their revisions. The stream ends where
        that happens."""
        token = parse_token(text)
        if token is not None and token.store_id == self.store_id:
            self._accepted[token.revision % _ACCEPTED] = text

    def find(self, key: bytes, grant: Grant, at_least: int) -> Entry | None:
        """The entry of a request whose policies are those of the grant and whose state no change has overtaken."""
        entry = self.table.get(key)
        if entry is None or not self.current(entry, grant, at_least):
            return None
        entry.used = True
        return entry

    def current(self, entry: Entry, grant: Grant, at_least: int) -> bool:
        """Whether an entry's policies are in force and its state is the newest that was told, and reflects at_least. An entry
        that no change up to seen has touched is as good as one read at seen."""
        seen = self.seen  # before the floor
        revision = entry.revision
        return (
            entry.policy == grant.policy
            and revision >= self.floors[entry.slot]
            and (revision >= at_least or seen >= at_least)
        )

    def at_once(self, entries: Sequence[Entry], at_least: int) -> bool:
        """Whether all entries show the state at one revision, the newest that was told, and it reflects at_least. One that
        was read at a newer one does not: a change that was not told yet may lie between it and the others."""
        seen = self.seen  # before the floors
        return seen >= at_least and all(self.floors[e.slot] <= e.revision <= seen for e in entries)

    def keep(self, entry: Entry) -> Entry | None:
        """Puts an entry into the table, unless a change has overtaken it already. Returns what was thrown away."""
        grant = self.granted
        if entry.revision < self.floors[entry.slot]:
            return None
        return self.table.put(entry, lambda old: grant is not None and self.current(old, grant, 0))

    def slot(self, request: v1.CheckRequest) -> int:
        """The hash slot of a request's subject."""
        return slot_of(self.hello, request.controller, request.subject_id)


def _lease_of(m: WatchInvalidationsResponse) -> int:
    """The lease that a hello offers, in nanoseconds, once all of it was looked at."""
    hello, count = m.hello, m.hello.slot_count
    if m.checksum != checksum_of(m):
        raise NearProtocolError("the hello is damaged")
    lease = nanoseconds(hello.lease.seconds, hello.lease.nanos)
    if (
        not m.HasField("hello")
        or len(hello.store_id) != _STORE_ID_BYTES
        or len(hello.slot_key) != _SLOT_KEY_BYTES
        or not 0 < count <= _MAX_SLOTS
        or count & (count - 1)
        or not 0 < lease <= _MAX_LEASE
        or nanoseconds(hello.heartbeat_interval.seconds, hello.heartbeat_interval.nanos) <= 0
        or m.position != m.from_position
        or not m.policy_revision
        or m.heartbeat
        or m.slots
    ):
        raise NearProtocolError("the hello is out of bounds")
    return lease
