"""What the tests of the near cache share: a server's messages, made by hand, and clocks that stand still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp

from consentd import Decision, v1
from consentd._decision import decision_of
from consentd._near_cache import NearCache, NearCacheConfig, Ticket
from consentd._near_session import Clock, NearSession
from consentd._near_wire import SECOND, checksum_of, token_text
from consentd.v1.decision_service_pb2 import WatchHello, WatchInvalidationsResponse

STORE = bytes(16)
LEASE = 2 * SECOND
#: What the server's clock shows when the tests' clocks show 0.
SERVER_TIME = 1_000_000 * SECOND
MILLISECOND = SECOND // 1000

Message = WatchInvalidationsResponse


class Clocks:
    """Both clocks, in nanoseconds; they move when a test says so."""

    def __init__(self) -> None:
        self.boot = 5 * SECOND
        self.wall = 1_700_000_000 * SECOND

    def clock(self) -> Clock:
        return Clock(lambda: self.boot, lambda: self.wall)

    def pass_(self, nanoseconds: int) -> None:
        self.boot += nanoseconds
        self.wall += nanoseconds


def signed(m: Message) -> Message:
    m.checksum = checksum_of(m)
    return m


def hello() -> Message:
    """A hello at position 5 and revision 70."""
    return signed(
        Message(
            from_position=5,
            position=5,
            revision=70,
            policy_revision="p1",
            hello=WatchHello(
                store_id=STORE,
                slot_key=bytes(32),
                slot_count=1 << 16,
                lease=Duration(seconds=2),
                heartbeat_interval=Duration(nanos=SECOND // 2),
            ),
        )
    )


def token(revision: int, store: bytes = STORE) -> str:
    return token_text(store, revision)


def ask(subject: str = "u", purpose: str = "p", **more: object) -> v1.CheckRequest:
    return v1.CheckRequest(controller="example", subject_id=subject, purpose=purpose, **more)  # type: ignore[arg-type]


def answer(revision: int = 70, policy: str = "p1", allowed: bool = True, until: int = 0) -> v1.CheckResponse:
    """What the server says; until is in nanoseconds since the epoch."""
    response = v1.CheckResponse(
        decision="DECISION_ALLOW" if allowed else "DECISION_DENY",
        policy_revision=policy,
        consistency_token=token(revision),
        decision_id="d1",
    )
    if until:
        response.valid_until.CopyFrom(Timestamp(seconds=until // SECOND, nanos=until % SECOND))
    return response


class World:
    """A near cache with a stream under way whose server is the test: it grants leases and tells changes."""

    def __init__(self, max_entries: int = 64) -> None:
        self.clocks = Clocks()
        self.near = NearCache(NearCacheConfig(max_entries=max_entries), self.clocks.clock())
        self.position, self.revision, self.policy = 5, 70, "p1"
        self.connect()

    def connect(self) -> None:
        """A stream begins, with a lease."""
        self.position, self.revision = 5, 70
        self.session = NearSession(hello(), self.near.config.max_entries)
        self.near.begin(self.session)
        self.grant()

    def beat(self) -> int:
        """The client is about to send a heartbeat."""
        return self.session.beat(self.near.clock.read())

    def echo(self, heartbeat: int) -> None:
        """The server's answer to a heartbeat arrives now."""
        server_time = SERVER_TIME + self.clocks.boot
        self.tell(Message(heartbeat=heartbeat, server_time=server_time, policy_revision=self.policy))

    def grant(self) -> None:
        self.echo(self.beat())

    def tell(self, m: Message, damage: Callable[[Message], None] | None = None) -> int:
        """A message arrives; its position and revision follow from the world's, and from its slots."""
        m.from_position = self.position
        self.position += len(m.slots)
        if m.slots:
            self.revision += 1
        m.position, m.revision = self.position, self.revision
        signed(m)
        if damage is not None:
            damage(m)
        return self.near.hear(self.session, m)

    def change(self, *subjects: str) -> int:
        """A change of these ids, of one person, is told."""
        return self.tell(Message(slots=[self.session.slot(ask(s)) for s in subjects]))

    def activate(self, policy: str) -> None:
        """Other policies come into force, and are told."""
        self.policy = policy
        self.position += 1
        m = Message(from_position=self.position - 1, position=self.position, revision=self.revision, policy_revision=policy)
        self.near.hear(self.session, signed(m))

    def look(self, request: v1.CheckRequest | None = None) -> Decision | None:
        """What the cache answers; None: it asks the server."""
        return self.near.lookup(request or ask())

    def ticket(self, request: v1.CheckRequest) -> Ticket:
        """Asks the cache, which does not know."""
        ticket = self.near.ticket(request)
        if ticket is None or self.near.lookup(request) is not None:
            raise AssertionError("the test says nothing: the cache answers already")
        return ticket

    def learn(self, request: v1.CheckRequest | None = None, response: v1.CheckResponse | None = None) -> None:
        """The server is asked and its answer kept, where it may be."""
        request, response = request or ask(), response or answer(self.revision, self.policy)
        self.near.admit(self.ticket(request), request, response, decision_of(response))


def edit(**fields: object) -> Callable[[Any], None]:
    """Sets fields of a message; what is None is cleared, and what is no scalar extends or is merged."""

    def change(m: Any) -> None:
        for name, value in fields.items():
            if value is None:
                m.ClearField(name)
            elif isinstance(value, list):
                getattr(m, name).extend(value)
            elif isinstance(value, ProtoMessage):
                getattr(m, name).CopyFrom(value)
            else:
                setattr(m, name, value)

    return change
