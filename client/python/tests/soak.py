"""Long runs against a server, by hand: what grows, and what hangs.

.venv/bin/python tests/soak.py 127.0.0.1:7070 [checks]
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import consentd
import consentd.aio
from consentd import v1

ASK = v1.CheckRequest(controller="example", subject_id="soak", purpose="marketing_email")
TIMEOUT = 20.0


def resident() -> int:
    """The memory in use, in KiB."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() // 1024


def told(name: str, count: int, run: Callable[[int], object], warm: int) -> None:
    """Runs something a little, and then much, and tells how the memory grew in between."""
    run(warm)
    before, began = resident(), time.monotonic()
    result = run(count)
    grown = resident() - before
    print(f"{name}: {count} in {time.monotonic() - began:.1f} s, memory {before} KiB + {grown}, {result}", flush=True)


def sync_checks(target: str, count: int) -> object:
    outcomes: Counter[str] = Counter()
    with consentd.Client(target, timeout=TIMEOUT) as client:

        def some() -> None:
            for _ in range(count // 32):
                outcomes[str(client.is_allowed(ASK))] += 1

        threads = [threading.Thread(target=some) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return dict(outcomes)


def aio_checks(target: str, count: int) -> object:
    async def all_of_them() -> object:
        outcomes: Counter[str] = Counter()
        async with consentd.aio.Client(target, timeout=TIMEOUT) as client:

            async def some() -> None:
                for _ in range(count // 500):
                    outcomes[str(await client.is_allowed(ASK))] += 1

            await asyncio.gather(*(some() for _ in range(500)))
        return dict(outcomes)

    return asyncio.run(all_of_them())


def cycles(target: str, count: int) -> object:
    for _ in range(count):
        with consentd.Client(target, timeout=TIMEOUT) as client:
            client.check(ASK)
    return f"{threading.active_count()} threads"


def aio_cycles(target: str, count: int) -> object:
    async def one() -> None:
        async with consentd.aio.Client(target, timeout=TIMEOUT) as client:
            await asyncio.gather(client.check(ASK), client.check(ASK))

    async def all_of_them() -> int:
        for _ in range(count):
            await one()
        return len(asyncio.all_tasks())

    return f"{asyncio.run(all_of_them())} tasks"


def sessions(target: str, count: int) -> object:
    with consentd.Client(target, timeout=TIMEOUT) as client:
        for i in range(count):
            session = client.session()
            if i % 1000 == 0:
                session.check(ASK)
    return ""


def cancelled(target: str, count: int) -> object:
    """Tasks that give up at once leave nothing behind."""

    async def all_of_them() -> object:
        async with consentd.aio.Client(target, timeout=TIMEOUT) as client:
            outcomes: Counter[str] = Counter()
            for _ in range(count // 100):
                waits = [asyncio.wait_for(client.check(ASK), 0.001) for _ in range(100)]
                outcomes.update(type(r).__name__ for r in await asyncio.gather(*waits, return_exceptions=True))
            return dict(outcomes), str(await client.check(ASK))

    return asyncio.run(all_of_them())


def two_loops(target: str, count: int) -> object:
    """Two loops with a client each, at once."""
    done: list[object] = []
    threads = [threading.Thread(target=lambda: done.append(aio_checks(target, count))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def programs(target: str, count: int) -> object:
    """Programs that are started beside checks."""
    stop = threading.Event()
    with consentd.Client(target, timeout=TIMEOUT) as client:
        threads = [threading.Thread(target=lambda: [client.check(ASK) for _ in iter(stop.is_set, True)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(count):
            subprocess.run(["true"], check=True, timeout=30)  # noqa: S607
        stop.set()
        for thread in threads:
            thread.join()
    return ""


def close_midway(target: str, count: int) -> object:
    """Threads that check while the client is closed: all end."""
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        client = consentd.Client(target, timeout=TIMEOUT)

        def some(client: consentd.Client = client) -> None:
            while True:
                try:
                    client.check(ASK)
                except consentd.Error as error:
                    outcomes[error.code.name] += 1
                    return

        threads = [threading.Thread(target=some, daemon=True) for _ in range(200)]
        for thread in threads:
            thread.start()
        client.close()
        for thread in threads:
            thread.join(TIMEOUT)
        outcomes["hung"] += sum(thread.is_alive() for thread in threads)
    return dict(outcomes)


def main() -> None:
    target, checks = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    for name, run, count in (
        ("closed midway, of 200 threads", close_midway, 5),
        ("programs started", programs, 100),
        ("two loops", two_loops, checks // 20),
        ("tasks that gave up", cancelled, checks // 20),
        ("clients", cycles, 1000),
        ("asyncio clients", aio_cycles, 1000),
        ("sessions", sessions, checks),
        ("asyncio checks", aio_checks, checks),
        ("checks", sync_checks, checks),
    ):
        told(name, count, lambda n, run=run: run(target, n), max(1, count // 10))  # type: ignore[misc]


if __name__ == "__main__":
    main()
