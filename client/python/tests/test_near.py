"""The rules of the near cache, one by one, by clocks of ours and messages made by hand."""

from __future__ import annotations

import sys
import time
import unittest
from collections.abc import Callable
from unittest import mock

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from near_world import LEASE, MILLISECOND, SERVER_TIME, STORE, Message, World, answer, ask, edit, hello, signed, token

from consentd import v1
from consentd._decision import decision_of
from consentd._near_cache import NearCache, NearCacheConfig
from consentd._near_session import Clock, NearSession, system_clock
from consentd._near_wire import SECOND, NearProtocolError, crc32c, parse_token, slot_of, token_text
from consentd.v1.decision_service_pb2 import WatchHello


class TestProtocol(unittest.TestCase):
    def test_the_slot_is_that_of_the_protocol(self) -> None:
        """The number is in the tests of the Go client too."""
        terms = WatchHello(slot_key=bytes(range(32)), slot_count=1 << 16)
        self.assertEqual(slot_of(terms, "example", "user-42"), 53783)
        self.assertNotEqual(slot_of(terms, "a", "bc"), slot_of(terms, "ab", "c"))

    def test_a_token_is_that_of_the_server(self) -> None:
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)  # the check value of CRC-32C
        self.assertEqual(parse_token(token_text(bytes(range(16)), 70)), (bytes(range(16)), 70))
        whole, marked = token_text(STORE, 70), token_text(STORE, 70, 0xA1B2C3D4)
        self.assertEqual(parse_token(marked), (STORE, 70))
        for name, text in {
            "empty": "",
            "short": whole[1:],
            "long": whole + "A",
            "another version": "B" + whole[1:],
            "a mark too many": "AQ" + marked[2:],
            "another mark": marked[:36] + ("A" if marked[36] != "A" else "B") + marked[37:],
            "half a mark": marked[:-4],
            "a letter": whole[:20] + ("A" if whole[20] != "A" else "B") + whole[21:],
            "no base64": whole[:20] + "!" + whole[21:],
            "padding": whole[:38] + "=",
            "bits behind the end": whole[:38] + chr(ord(whole[38]) + 1),
            "not ASCII": whole[:20] + "\u0661" + whole[21:],
        }.items():
            with self.subTest(name):
                self.assertIsNone(parse_token(text))

    def test_hellos_out_of_bounds_are_refused(self) -> None:
        terms: dict[str, Callable[[WatchHello], None]] = {
            "store id": edit(store_id=None),
            "key": edit(slot_key=None),
            "no slots": edit(slot_count=None),
            "odd slots": edit(slot_count=100),
            "too many slots": edit(slot_count=1 << 30),
            "no lease": edit(lease=None),
            "a negative lease": edit(lease=Duration(seconds=-1)),
            "a lease of a day": edit(lease=Duration(seconds=86_400)),
            "an absurd lease": edit(lease=Duration(seconds=(1 << 63) - 1)),
            "no interval": edit(heartbeat_interval=None),
        }
        changes: dict[str, Callable[[Message], None]] = {
            "no hello": edit(hello=None),
            "no policies": edit(policy_revision=None),
            "a lease granted": edit(heartbeat=1),
            "another position": edit(position=6),
            "slots in a hello": edit(slots=[1]),
        } | {name: lambda m, change=change: change(m.hello) for name, change in terms.items()}
        NearSession(hello(), 64)
        for name, change in changes.items():
            with self.subTest(name), self.assertRaises(NearProtocolError):
                m = hello()
                change(m)
                NearSession(signed(m), 64)
        with self.assertRaises(NearProtocolError):
            m = hello()
            m.checksum ^= 1
            NearSession(m, 64)

    def test_a_broken_stream_is_not_trusted(self) -> None:
        damages: dict[str, Callable[[Message], None]] = {
            "a gap": edit(from_position=6),
            "back": edit(revision=69),
            "another hello": edit(hello=WatchHello()),
            "a slot too far": edit(slots=[1 << 16]),
            "slots without a position": edit(slots=[1, 2]),
            "a change of no revision": edit(revision=70),
            "a heartbeat never sent": edit(heartbeat=1000),
            "a heartbeat of old": edit(heartbeat=1),
            "a time before all time": edit(heartbeat=40, server_time=-1),
            "a time too far": edit(heartbeat=40, server_time=(1 << 63) - 1),
        }
        for name, damage in damages.items():
            with self.subTest(name):
                world = World()
                for _ in range(39):
                    world.beat()
                with self.assertRaises(NearProtocolError):
                    world.tell(Message(slots=[7]), damage)
        with self.assertRaises(NearProtocolError):
            World().session.apply(Message(from_position=5, position=5, revision=70))  # without a checksum

    def test_no_damaged_byte_passes(self) -> None:
        """Whatever the bytes of a message become, it is refused or says the same."""

        def message() -> Message:
            m = Message(from_position=5, position=8, revision=77, slots=[1, 3, 65535], policy_revision="p2", heartbeat=1)
            m.server_time = 99
            return signed(m)

        encoded, accepted = message().SerializeToString(), 0
        for at in range(len(encoded)):
            for flip in (1, 0x80, 0xFF):
                session = NearSession(hello(), 64)
                session.beat(World().near.clock.read())
                damaged = bytearray(encoded)
                damaged[at] ^= flip
                try:
                    m = Message.FromString(bytes(damaged))
                    session.apply(m)
                except (DecodeError, NearProtocolError):
                    continue
                accepted += 1
                m.DiscardUnknownFields()
                self.assertEqual(m, message())
        self.assertLess(accepted, len(encoded))


class TestFloors(unittest.TestCase):
    def test_a_change_ends_what_is_known_of_its_subject(self) -> None:
        world = World()
        world.learn(ask("u"))
        world.learn(ask("v"))
        self.assertTrue(world.look(ask("u")))
        self.assertEqual(world.change("u"), 6, "the position is to be confirmed")
        self.assertIsNone(world.look(ask("u")))
        self.assertTrue(world.look(ask("v")))
        world.learn(ask("u"), answer(71, allowed=False))
        again = world.look(ask("u"))
        self.assertIsNotNone(again)
        self.assertFalse(again)

    def test_a_change_of_a_person_ends_what_is_known_of_all_ids(self) -> None:
        world = World()
        for name in ("cookie:1", "account:1", "other"):
            world.learn(ask(name))
        world.change("cookie:1", "account:1")
        self.assertIsNone(world.look(ask("cookie:1")))
        self.assertIsNone(world.look(ask("account:1")))
        self.assertTrue(world.look(ask("other")))

    def test_late_answers_are_not_used(self) -> None:
        """An answer from before what was told meanwhile is of no use, whenever it arrives; one of another store neither."""
        for name, text, used in (
            ("before the hello", token(69), False),
            ("at the hello", token(70), False),
            ("at the change", token(71), True),
            ("another store", token(99, b"1" * 16), False),
            ("no token", "", False),
            ("a damaged one", token(71)[:-1] + "_", False),
        ):
            with self.subTest(name):
                world = World()
                request, response = ask(), answer(71)
                response.consistency_token = text
                ticket = world.ticket(request)
                world.change("u")
                world.near.admit(ticket, request, response, decision_of(response))
                self.assertEqual(world.look() is not None, used)

    def test_a_new_stream_begins_with_nothing(self) -> None:
        world = World()
        world.learn()
        ticket = world.ticket(ask("late"))
        world.near.end()
        self.assertIsNone(world.look())
        world.connect()
        self.assertIsNone(world.look())
        response = answer()
        world.near.admit(ticket, ask("late"), response, decision_of(response))
        self.assertIsNone(world.look(ask("late")), "it was asked under the stream before")
        self.assertEqual(world.near.stats().streams, 2)


class TestLeases(unittest.TestCase):
    def test_without_a_lease_nothing_is_answered(self) -> None:
        world = World()
        world.learn()
        world.near.begin(session := NearSession(hello(), 64))
        request, response = ask(), answer()
        ticket = world.ticket(request)
        world.near.admit(ticket, request, response, decision_of(response))
        self.assertIsNone(world.look())
        self.assertFalse(world.near.stats().leased)
        world.session = session
        world.grant()
        self.assertTrue(world.look())
        self.assertTrue(world.near.stats().leased)

    def test_a_lease_runs_from_before_its_heartbeat_was_sent(self) -> None:
        world = World()
        world.learn()
        heartbeat = world.beat()
        world.clocks.pass_(LEASE - MILLISECOND)
        world.echo(heartbeat)  # it was under way all that time
        self.assertTrue(world.look())
        world.clocks.pass_(MILLISECOND)
        self.assertIsNone(world.look())
        self.assertFalse(world.near.stats().leased)

    def test_heartbeats_renew_it(self) -> None:
        world = World()
        world.learn()
        for _ in range(10):
            world.clocks.pass_(LEASE * 3 // 4)
            self.assertTrue(world.look())
            world.grant()

    def test_an_older_echo_does_not_come_back(self) -> None:
        world = World()
        first, second = world.beat(), 0
        world.clocks.pass_(MILLISECOND)
        second = world.beat()
        world.echo(second)
        with self.assertRaises(NearProtocolError):
            world.echo(first)

    def test_the_wall_clock_can_only_end_a_lease(self) -> None:
        for name, wall, boot, used in (
            ("it stepped forward", LEASE, 0, False),
            ("it stepped forward by less", LEASE - 1, 0, True),
            ("it stepped back, and the lease holds", -3600 * SECOND, LEASE - 1, True),
            ("it stepped back, and the lease is over", -3600 * SECOND, LEASE, False),
            ("the machine slept: both went on", LEASE, LEASE, False),
        ):
            with self.subTest(name):
                world = World()
                world.learn()
                world.clocks.wall += wall
                world.clocks.boot += boot
                self.assertEqual(world.look() is not None, used)
                world.grant()
                self.assertTrue(world.look(), "the next lease is counted from where the clocks are now")

    def test_the_clock_is_read_last(self) -> None:
        """Between the floor and the clock a thread may be held up for longer than a lease, not between the clock and the
        answer: a change that is applied while the clock is read was not fenced yet."""
        world = World()
        world.learn()
        order: list[str] = []
        floors = world.session.floors

        class Watched(list[int]):
            def __getitem__(self, i):  # type: ignore[no-untyped-def]
                order.append("floor")
                return super().__getitem__(i)

        def boot() -> int:
            order.append("clock")
            return world.clocks.boot

        world.session.floors = Watched(floors)
        world.near.clock = Clock(boot, lambda: world.clocks.wall)
        self.assertTrue(world.look())
        self.assertEqual(order, ["floor", "clock"])
        order.clear()
        self.assertIsNotNone(world.near.lookup_all(v1.BatchCheckRequest(requests=[ask()])))
        self.assertEqual(order[-1], "clock")

    def test_where_no_clock_is_safe_it_refuses(self) -> None:
        self.assertGreater(system_clock().boot(), 0)
        boottime = time.CLOCK_BOOTTIME
        try:
            del time.CLOCK_BOOTTIME
            with self.assertRaisesRegex(ValueError, "CLOCK_BOOTTIME"):
                NearCache(NearCacheConfig())
        finally:
            time.CLOCK_BOOTTIME = boottime  # type: ignore[misc]

    def test_where_threads_see_writes_in_no_order_it_refuses(self) -> None:
        with (
            mock.patch.object(sys, "_is_gil_enabled", lambda: False, create=True),
            self.assertRaisesRegex(ValueError, "lock"),
        ):
            NearCache(NearCacheConfig())


class TestPoliciesAndTime(unittest.TestCase):
    def test_other_policies_end_what_is_known(self) -> None:
        world = World()
        world.learn()
        world.activate("p2")
        self.assertIsNone(world.look())
        world.learn(response=answer(policy="p1"))
        self.assertIsNone(world.look(), "decided by the policies of before")
        world.learn(response=answer(policy="p2", allowed=False))
        self.assertIsNotNone(world.look())

    def test_policies_come_with_an_echo_too(self) -> None:
        world = World()
        world.learn()
        world.policy = "p2"
        world.grant()
        self.assertIsNone(world.look())

    def test_valid_until_is_never_passed(self) -> None:
        world = World()
        until = SERVER_TIME + world.clocks.boot + 1700 * MILLISECOND
        world.learn(response=answer(until=until))
        world.clocks.pass_(1500 * MILLISECOND)
        self.assertTrue(world.look())
        world.clocks.pass_(150 * MILLISECOND)  # by a clock that runs a sixteenth faster it is over
        self.assertIsNone(world.look())
        world.grant()
        self.assertTrue(world.look(), "what the server's clock shows now is known better")
        world.clocks.pass_(50 * MILLISECOND)
        self.assertIsNone(world.look())

    def test_the_wall_clock_does_not_count_for_valid_until(self) -> None:
        world = World()
        until = SERVER_TIME + world.clocks.boot + 500 * MILLISECOND
        world.learn(response=answer(until=until))
        world.clocks.boot += SECOND
        world.clocks.wall -= 3600 * SECOND
        self.assertIsNone(world.look())


if __name__ == "__main__":
    unittest.main()
