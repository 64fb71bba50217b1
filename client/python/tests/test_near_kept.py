"""What the near cache keeps, under which key, and who gets it: sessions, batches, threads and forked processes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import unittest
from collections.abc import Callable

from google.protobuf import struct_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from near_world import SERVER_TIME, STORE, World, answer, ask, edit, token

from consentd import v1
from consentd._decision import decision_of, results_of
from consentd._near_cache import NearCacheConfig, key_of
from consentd._near_wire import SECOND, token_text

UNKNOWN = b"\xf8\x7f\x01"  # a field of a later version


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
            "a degraded answer": (edit(degraded=v1.Degradation.DEGRADATION_STALE), False),
            "an unknown degradation": (edit(degraded=9), False),
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
                for revision in (70, 5, 71):
                    world.learn(ask(consistency=v1.Consistency(at_least_as_fresh=token(revision))))
                request = ask()
                if consistency is not None:
                    request.consistency.CopyFrom(consistency)
                self.assertEqual(world.look(request) is not None, used)

    def test_what_no_change_touched_is_as_fresh_as_what_was_told(self) -> None:
        world = World()
        world.learn()
        request = ask(consistency=v1.Consistency(at_least_as_fresh=token(71)))
        world.learn(request)
        self.assertIsNone(world.look(request))
        world.change("somebody else")
        self.assertTrue(world.look(request))
        world.change("u")
        self.assertIsNone(world.look(request))

    def test_a_token_counts_from_when_the_server_has_answered_on_it(self) -> None:
        """The store may have lost what it stands for, and have other changes of its revision."""
        world = World()
        world.learn()
        mine, lost = (v1.Consistency(at_least_as_fresh=token_text(STORE, 70, mark)) for mark in (1, 2))
        self.assertIsNone(world.look(ask(consistency=mine)))
        world.learn(ask(consistency=mine))
        self.assertTrue(world.look(ask(consistency=mine)))
        self.assertIsNone(world.look(ask(consistency=lost)))


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
        world.learn(ask("v", consistency=fresher.consistency))
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
