"""The rules of the near cache, one by one, by clocks of ours and messages made by hand."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import unittest
from collections.abc import Callable
from unittest import mock

from google.protobuf import struct_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from near_world import LEASE, MILLISECOND, SERVER_TIME, STORE, Message, World, answer, ask, edit, hello, signed, token

from consentd import v1
from consentd._decision import decision_of, results_of
from consentd._near_cache import NearCache, NearCacheConfig, key_of
from consentd._near_session import Clock, NearSession, system_clock
from consentd._near_wire import SECOND, NearProtocolError, crc32c, parse_token, slot_of, token_text
from consentd.v1.decision_service_pb2 import WatchHello

UNKNOWN = b"\xf8\x7f\x01"  # a field of a later version


class TestProtocol(unittest.TestCase):
    def test_the_slot_is_that_of_the_protocol(self) -> None:
        """The number is in the tests of the Go client too."""
        terms = WatchHello(slot_key=bytes(range(32)), slot_count=1 << 16)
        self.assertEqual(slot_of(terms, "example", "user-42"), 53783)
        self.assertNotEqual(slot_of(terms, "a", "bc"), slot_of(terms, "ab", "c"))

    def test_a_token_is_that_of_the_server(self) -> None:
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)  # the check value of CRC-32C
        self.assertEqual(parse_token(token_text(bytes(range(16)), 70)), (bytes(range(16)), 70))
        whole = token_text(STORE, 70)
        for name, text in {
            "empty": "",
            "short": whole[1:],
            "long": whole + "A",
            "another version": "B" + whole[1:],
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


class TestKey(unittest.TestCase):
    def request(self) -> v1.CheckRequest:
        facts = struct_pb2.Struct()
        facts.update({"anonymized": True, "role": "processor", "n": 1.5, "none": None, "list": ["a", {"b": False}]})
        recipient = v1.Recipient(kind="RECIPIENT_KIND_AFFILIATE", id="r", country="DE")
        return ask("s", data_categories=["a", "b.c"], context=facts, recipient=recipient)

    def test_it_holds_every_field(self) -> None:
        """A field that is added to the proto files is part of it by itself; this test says so for those there are."""
        base = self.request()
        changes: dict[str, Callable[[v1.CheckRequest], object]] = {
            "categories in another order": lambda r: r.data_categories.reverse(),
            "false for true": lambda r: r.context.update({"anonymized": False}),
            "null for false": lambda r: r.context.update({"anonymized": None}),
            "a string for a number": lambda r: r.context.update({"n": "1.5"}),
            "a nested value": lambda r: r.context.update({"list": ["a", {"b": True}]}),
            "ids swapped": edit(controller="s", subject_id="example"),
            "shifted": edit(controller="examples", subject_id=""),
            "a field that is not known": lambda r: r.MergeFromString(UNKNOWN),
        }
        for field in base.DESCRIPTOR.fields:
            if field.name != "consistency":
                changes["without " + field.name] = lambda r, f=field.name: r.ClearField(f)  # type: ignore[misc]
        for field in base.recipient.DESCRIPTOR.fields:
            changes["without recipient." + field.name] = lambda r, f=field.name: r.recipient.ClearField(f)  # type: ignore[misc]
        for name in list(base.context.fields):
            changes["without context." + name] = lambda r, f=name: r.context.fields.pop(f)  # type: ignore[misc]
        world = World()
        world.learn(base)
        self.assertTrue(world.look(self.request()), "an equal request has the same key")
        for what, change in changes.items():
            with self.subTest(what):
                other = self.request()
                change(other)
                self.assertIsNone(world.look(other))

    def test_consistency_is_no_part_of_it(self) -> None:
        strict = self.request()
        strict.consistency.fully_consistent = True
        self.assertEqual(key_of(strict), key_of(self.request()))
        self.assertTrue(strict.HasField("consistency"), "the caller's request is changed")

    def test_a_request_that_cannot_be_encoded_is_the_calls(self) -> None:
        request = ask(context=struct_pb2.Struct())
        deep = request.context.fields["deep"]
        for _ in range(3000):
            deep = deep.list_value.values.add()
        deep.bool_value = True
        self.assertIsNone(World().look(request))


class TestWhatIsKept(unittest.TestCase):
    def test_answers(self) -> None:
        rows: dict[str, tuple[Callable[[v1.CheckResponse], object], bool]] = {
            "ALLOW": (lambda r: None, True),
            "DENY": (edit(decision=v1.Decision.DECISION_DENY), True),
            "no decision": (edit(decision=None), False),
            "an unknown decision": (edit(decision=3), False),
            "POLICY_ERROR": (lambda r: r.reasons.add(code="REASON_CODE_POLICY_ERROR"), False),
            "another reason": (lambda r: r.reasons.add(code="REASON_CODE_CONSENT_MISSING"), True),
            "a field of a later version": (lambda r: r.MergeFromString(UNKNOWN), False),
            "a time that is none": (edit(valid_until=Timestamp(seconds=9, nanos=-1)), False),
            "a time before all time": (edit(valid_until=Timestamp(seconds=-1)), False),
            "a time too far": (edit(valid_until=Timestamp(seconds=1 << 34)), False),
            "too large": (edit(permitted_data_categories=["x" * 100] * 50), False),
        }
        for name, (change, kept) in rows.items():
            with self.subTest(name):
                world = World()
                response = answer()
                change(response)
                world.learn(response=response)
                self.assertEqual(world.look() is not None, kept)

    def test_requests_that_are_not_understood_are_not_kept(self) -> None:
        for name, where in (("request", ""), ("recipient", "recipient"), ("context", "context")):
            with self.subTest(name):
                request = TestKey().request()
                (getattr(request, where) if where else request).MergeFromString(UNKNOWN)
                world = World()
                world.learn(request)
                self.assertIsNone(world.look(request))

    def test_a_request_that_its_caller_changed_meanwhile_is_not_kept(self) -> None:
        world = World()
        request, response = ask("u"), answer()
        ticket = world.ticket(request)
        request.subject_id = "v"
        world.near.admit(ticket, request, response, decision_of(response))
        self.assertIsNone(world.look(ask("u")))
        self.assertIsNone(world.look(ask("v")))

    def test_an_obligation_that_is_not_understood_denies_here_too(self) -> None:
        world = World()
        response = answer()
        response.obligations.add(code=999)
        world.learn(response=response)
        found = world.look()
        self.assertIsNotNone(found)
        self.assertFalse(found)

    def test_nobody_changes_what_others_get(self) -> None:
        world = World()
        response = answer()
        excluded = response.obligations.add(code="OBLIGATION_CODE_EXCLUDE_DATA_CATEGORIES")
        excluded.parameters.update({"categories": ["user.health"]})
        first = decision_of(response)
        request = ask()
        ticket = world.ticket(request)
        world.near.admit(ticket, request, response, first)
        for receiver in filter(None, (first, world.look(), world.look())):
            self.assertEqual(receiver.obligations[0].parameters, {"categories": ["user.health"]})
            receiver.obligations[0].parameters["categories"].clear()
            receiver.obligations[0].parameters.clear()
        self.assertEqual(world.near.stats().hits, 2)

    def test_memory_is_bounded_and_what_is_used_stays(self) -> None:
        world = World(max_entries=256)
        hot = ask("hot")
        world.learn(hot)
        there = 0
        for i in range(5000):
            world.learn(ask(f"subject-{i}"))
            there += world.look(hot) is not None
            if world.look(hot) is None:
                world.learn(hot)
        self.assertEqual(len(world.session.table.all()), 256)
        self.assertGreater(there, 4900)

    def test_what_is_overtaken_goes_first(self) -> None:
        world = World(max_entries=2)
        world.learn(ask("a"))
        world.learn(ask("b"))
        world.look(ask("a"))
        world.look(ask("b"))
        world.change("a")
        world.learn(ask("c"))
        self.assertTrue(world.look(ask("b")))
        self.assertTrue(world.look(ask("c")))

    def test_configuration(self) -> None:
        for wrong in ({"max_entries": 0}, {"report_every": 0.0}, {"report_every": float("nan")}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                NearCacheConfig(**wrong)


class TestFreshness(unittest.TestCase):
    def test_demands(self) -> None:
        for name, consistency, used in (
            ("none", None, True),
            ("minimize_latency", v1.Consistency(minimize_latency=True), True),
            ("a false one", v1.Consistency(minimize_latency=False), False),
            ("an empty one", v1.Consistency(), False),
            ("fully consistent", v1.Consistency(fully_consistent=True), False),
            ("a token", v1.Consistency(at_least_as_fresh=token(70)), True),
            ("an older token", v1.Consistency(at_least_as_fresh=token(5)), True),
            ("a newer token than was told", v1.Consistency(at_least_as_fresh=token(71)), False),
            ("another store's", v1.Consistency(at_least_as_fresh=token(5, b"1" * 16)), False),
            ("garbage", v1.Consistency(at_least_as_fresh="garbage"), False),
        ):
            with self.subTest(name):
                world = World()
                world.learn()
                request = ask()
                if consistency is not None:
                    request.consistency.CopyFrom(consistency)
                self.assertEqual(world.look(request) is not None, used)

    def test_what_no_change_touched_is_as_fresh_as_what_was_told(self) -> None:
        world = World()
        world.learn()
        request = ask(consistency=v1.Consistency(at_least_as_fresh=token(71)))
        self.assertIsNone(world.look(request))
        world.change("somebody else")
        self.assertTrue(world.look(request))
        world.change("u")
        self.assertIsNone(world.look(request))


class TestBatches(unittest.TestCase):
    def batch(self, *subjects: str) -> v1.BatchCheckRequest:
        return v1.BatchCheckRequest(requests=[ask(s) for s in subjects])

    def look(self, world: World, batch: v1.BatchCheckRequest) -> list[bool] | None:
        """Whom the cache allows; None: it asks the server for all."""
        before = world.near.stats()
        found = world.near.lookup_all(batch)
        after, hits = world.near.stats(), len(found or ())
        self.assertEqual((after.hits - before.hits, after.misses - before.misses), (hits, len(batch.requests) - hits))
        return None if found is None else [bool(r) for r in found]

    def test_it_is_answered_whole_or_not_at_all(self) -> None:
        world = World()
        world.learn(ask("u"))
        world.learn(ask("v"), answer(allowed=False))
        self.assertEqual(self.look(world, self.batch("v", "u", "v")), [False, True, False])
        self.assertIsNone(self.look(world, self.batch("u", "x", "v")))
        world.change("u")
        self.assertEqual(self.look(world, self.batch("v")), [False])
        self.assertIsNone(self.look(world, self.batch("v", "u")))
        world.learn(ask("u"), answer(71, allowed=False))
        self.assertEqual(self.look(world, self.batch("v", "u")), [False, False])
        world.activate("p2")
        self.assertIsNone(self.look(world, self.batch("v")))

    def test_it_rests_on_one_state(self) -> None:
        for name, newer, told, used in (
            ("read at one", 70, 0, True),
            ("read at one, told more", 70, 5, True),
            ("a change may lie between", 71, 0, False),
            ("none lies between", 71, 1, True),
        ):
            with self.subTest(name):
                world = World()
                world.learn(ask("u"))
                world.learn(ask("v"), answer(newer))
                for _ in range(told):
                    world.change("somebody else")
                self.assertEqual(self.look(world, self.batch("u", "v")) is not None, used)

    def test_it_needs_the_lease_and_ends_with_its_first_decision(self) -> None:
        world = World()
        until = SERVER_TIME + world.clocks.boot + SECOND
        world.learn(ask("u"), answer(until=until))
        world.learn(ask("v"), answer(until=until + 3600 * SECOND))
        world.learn(ask("w"))
        self.assertIsNotNone(self.look(world, self.batch("w", "v", "u")))
        world.clocks.pass_(SECOND)
        self.assertIsNone(self.look(world, self.batch("w", "v", "u")))
        self.assertIsNotNone(self.look(world, self.batch("w", "v")))
        world.clocks.pass_(SECOND)
        self.assertIsNone(self.look(world, self.batch("w", "v")))

    def test_its_answers_are_kept_but_for_errors(self) -> None:
        world, batch = World(), self.batch("u", "v", "w")
        response = v1.BatchCheckResponse()
        response.results.add(response=answer())
        response.results.add(error=v1.CheckError(code=13, message="no"))
        response.results.add()
        world.near.admit_all(world.near.tickets(batch), batch, response, results_of(batch, response))
        self.assertTrue(world.look(ask("u")))
        self.assertIsNone(world.look(ask("v")))
        self.assertIsNone(world.look(ask("w")))

    def test_what_is_the_servers(self) -> None:
        world = World()
        world.learn()
        strict = self.batch("u")
        strict.consistency.fully_consistent = True
        self.assertIsNone(self.look(world, strict))
        own = self.batch("u")
        own.requests[0].consistency.minimize_latency = True
        self.assertIsNone(self.look(world, own))
        self.assertIsNone(self.look(world, self.batch()))
        fresher = self.batch("u")
        fresher.consistency.at_least_as_fresh = token(71)
        self.assertIsNone(self.look(world, fresher))
        world.change("somebody else")
        self.assertIsNotNone(self.look(world, fresher))


class TestProcesses(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-5)  # threads take turns between almost any two steps

    def test_a_forked_child_does_not_answer_from_the_parents_lease(self) -> None:
        world = World()
        world.learn()
        self.assertTrue(world.look())
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write, b"nothing" if world.look() is None and not world.near.stats().leased else b"answered")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(os.read(read, 100), b"nothing")
        os.close(read)
        os.close(write)
        self.assertTrue(world.look(), "the parent is not touched")

    def test_nor_one_of_multiprocessing(self) -> None:
        world = World()
        world.learn()
        queue = multiprocessing.get_context("fork").SimpleQueue()
        child = multiprocessing.get_context("fork").Process(target=lambda: queue.put(world.look() is None))
        child.start()
        self.assertTrue(queue.get())
        child.join()

    def test_threads_count_each_answer_once(self) -> None:
        world = World()
        world.learn()
        threads = [threading.Thread(target=lambda: [world.look() for _ in range(2000)]) for _ in range(8)]
        for t in threads:
            t.start()
        told = 0
        while any(t.is_alive() for t in threads):
            told += world.session.table.all()[0].answers.fresh()
        told += world.session.table.all()[0].answers.fresh()
        self.assertEqual(told, 16_000)
        self.assertEqual(world.near.stats().hits, 16_000)

    def test_threads_never_see_what_a_change_ended(self) -> None:
        """One thread applies changes while others ask: whoever begins after a change was applied, and before the next answer
        is kept, gets nothing."""
        world = World()
        closed = threading.Event()
        self.addCleanup(closed.set)
        wrong: list[str] = []
        applied = [0]
        opened = [0]

        def look() -> None:
            while not closed.is_set():
                before = applied[0]
                found = world.look()
                if found is not None and opened[0] == 0 and applied[0] == before:
                    wrong.append(f"answered after change {before}")

        threads = [threading.Thread(target=look) for _ in range(3)]
        for t in threads:
            t.start()
        hits = 0
        for n in range(1, 300):
            opened[0] = n  # answers are allowed from here
            world.learn()
            hits += world.look() is not None
            world.change("u")
            applied[0] = n
            opened[0] = 0
        closed.set()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.assertEqual(hits, 299)


if __name__ == "__main__":
    unittest.main()
