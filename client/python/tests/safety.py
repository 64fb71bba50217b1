"""A client of the near cache's safety suite: it checks and writes down what it was told, until stdin ends. The suite's side,
and what the environment says, is ../../nearcache_languages_internal_test.go."""

from __future__ import annotations

import asyncio
import json
import os
import random
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import consentd
import consentd.aio
from consentd import NearCacheConfig, _near_tasks, _near_threads, _target, v1
from consentd._near_cache import NearCache
from consentd._near_session import Clock, NearSession, system_clock
from consentd._near_wire import checksum_of
from consentd.v1.decision_service_pb2 import WatchInvalidationsResponse

SUBJECTS = 64
CHECKERS = 3
BURST = 100
TICK = 0.002
#: Checks that miss while the network is stalled must not keep the next from asking the cache as soon as it has a lease.
TIMEOUT = 0.02
RECORD = struct.Struct("<qqHBB")
IDS = int(os.environ["SAFETY_IDS"])

#: How far the wall clock is off, in nanoseconds.
offset = 0
ended = threading.Event()


def follow_stdin() -> None:
    """Follows the offsets of the wall clock, until the end of stdin."""
    global offset  # noqa: PLW0603 # the clock that this process is told of
    for line in sys.stdin:
        offset = int(line)
    ended.set()


def stepped_near() -> NearCache:
    """A near cache whose wall clock is off, with the fault that was asked for."""
    clock = system_clock()
    near = NearCache(NearCacheConfig(), Clock(clock.boot, lambda: clock.wall() + offset))

    def ignore_floors(_: NearSession, m: WatchInvalidationsResponse) -> None:
        del m.slots[:]
        m.checksum = checksum_of(m)

    def lease_from_receipt(session: NearSession, _: WatchInvalidationsResponse) -> None:
        for number in session.sent:
            session.sent[number] = near.clock.read()

    def ignore_policy(session: NearSession, m: WatchInvalidationsResponse) -> None:
        m.policy_revision = session.policy
        m.checksum = checksum_of(m)

    plants: dict[str, Callable[[NearSession, WatchInvalidationsResponse], None]]
    plants = {"floor": ignore_floors, "lease": lease_from_receipt, "policy": ignore_policy}
    near.tap = plants.get(os.environ.get("SAFETY_PLANT", ""))
    return near


class Recorder:
    """Some subjects to ask about, and the file of what they were told."""

    def __init__(self, number: int) -> None:
        self.file = Path(f"{os.environ['SAFETY_RECORDS']}-{number}").open("wb", buffering=1 << 16)  # noqa: SIM115
        self.subject = 0
        self.left = 0

    def begin(self) -> None:
        """A burst begins."""
        self.subject, self.left = random.randrange(SUBJECTS), BURST

    def some(self) -> v1.BatchCheckRequest:
        """Who is asked about next: one by check, several by batch_check."""
        size = 1 + random.randrange(2) * random.randrange(8)
        batch = v1.BatchCheckRequest()
        for i in range(size):
            batch.requests.add(controller="example", subject_id=_id((self.subject + i) % SUBJECTS), purpose="ai_training")
        return batch

    def record(self, start: int, allowed: list[bool]) -> None:
        """Writes down what they were told."""
        end = time.monotonic_ns()
        for i, yes in enumerate(allowed):
            self.file.write(RECORD.pack(start, end, (self.subject + i) % SUBJECTS, yes, 0))
        self.subject = (self.subject + len(allowed)) % SUBJECTS
        self.left -= len(allowed)


def _id(subject: int) -> str:
    n = random.randrange(IDS)
    return f"subject-{subject}/{n}" if n else f"subject-{subject}"


def _each(results: list[consentd.Result]) -> list[bool]:
    for r in results:
        if r.error is not None:
            raise r.error
    return [r.decision.allowed for r in results]


def check_with_threads() -> None:
    """Bursts at full speed, and pauses that leave the machine to the others."""
    client = consentd.Client(os.environ["SAFETY_TARGET"], timeout=TIMEOUT)
    client._core.near = _near_threads.watched(stepped_near(), client._core.transport)

    def check(recorder: Recorder) -> None:
        while not ended.wait(TICK):
            recorder.begin()
            while recorder.left > 0:
                batch = recorder.some()
                start = time.monotonic_ns()
                try:
                    if len(batch.requests) == 1:
                        allowed = [client.check(batch.requests[0]).allowed]
                    else:
                        allowed = _each(client.batch_check(batch))
                except consentd.Error:
                    break
                recorder.record(start, allowed)
        recorder.file.close()

    threads = [threading.Thread(target=check, args=[Recorder(i)]) for i in range(CHECKERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    report(client.near_cache_stats())
    client.close()


async def check_with_tasks() -> None:
    """The same in an event loop."""
    client = consentd.aio.Client(os.environ["SAFETY_TARGET"], timeout=TIMEOUT)
    client._core.near = _near_tasks.watched(stepped_near(), client._core.transport)

    async def check(recorder: Recorder) -> None:
        while not ended.is_set():
            await asyncio.sleep(TICK)
            recorder.begin()
            while recorder.left > 0:
                batch = recorder.some()
                start = time.monotonic_ns()
                try:
                    if len(batch.requests) == 1:
                        allowed = [(await client.check(batch.requests[0])).allowed]
                    else:
                        allowed = _each(await client.batch_check(batch))
                except consentd.Error:
                    break
                recorder.record(start, allowed)
        recorder.file.close()

    await asyncio.gather(*(check(Recorder(i)) for i in range(CHECKERS)))
    report(client.near_cache_stats())
    await client.close()


def report(stats: consentd.NearCacheStats) -> None:
    """Prints what the suite wants to know."""
    print(json.dumps({name.capitalize(): value for name, value in asdict(stats).items()}))


def reconnect_soon() -> None:
    """Most of the time is to be spent connected, whatever happens to the network."""
    soon = {
        "grpc.initial_reconnect_backoff_ms": 10,
        "grpc.max_reconnect_backoff_ms": 100,
        "grpc.min_reconnect_backoff_ms": 1000,
    }
    options = _target._options
    _target._options = lambda local: tuple((name, soon.get(name, value)) for name, value in options(local))


if __name__ == "__main__":
    reconnect_soon()
    threading.Thread(target=follow_stdin, daemon=True).start()
    if sys.argv[1] == "asyncio":
        asyncio.run(check_with_tasks())
    else:
        check_with_threads()
