"""What the sync and the asyncio client know of the servers that they ask."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

S = TypeVar("S")

#: How many seconds a server may say nothing to what it is asked before it is connected to anew, and how long that is not
#: done again: calls may time out because the server is slow, and then a new connection is of no use.
SILENCE = 3.0
_RENEWED_AT_MOST_EVERY = 5.0

#: How many seconds a server of several that could not be had is passed over.
_REST = 1.0


class Signs:
    """Signs of life of one server. A connection can be dead without an end: behind a proxy that acknowledges what it gets, or
    to a host that is gone. Calls then run out of time one after the other, although a new connection would do. Races between
    threads cost one connection more or less."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: float | None = None  # the first question since the last sign
        self._renewed = clock() - _RENEWED_AT_MOST_EVERY

    def asked(self) -> None:
        """Notes a question."""
        if self._asked is None:
            self._asked = self._clock()

    def heard(self) -> None:
        """Notes an answer of any kind."""
        self._asked = None

    @property
    def silent(self) -> bool:
        """Whether to connect anew, where a question has run out of time."""
        now, asked = self._clock(), self._asked
        return asked is not None and now - asked >= SILENCE and now - self._renewed >= _RENEWED_AT_MOST_EVERY

    def give_up(self) -> bool:
        """Says whether to connect anew, and takes it as done."""
        if not self.silent:
            return False
        self._asked, self._renewed = None, self._clock()
        return True


class Turns(Generic[S]):
    """Servers that are asked in turn; one that could not be had is passed over for a second, unless all are."""

    def __init__(self, servers: Sequence[S], clock: Callable[[], float] = time.monotonic) -> None:
        self.servers = servers
        self._clock = clock
        self._turn = 0
        self._rests = [0.0] * len(servers)

    def next(self) -> S:
        """The server whose turn it is."""
        if len(self.servers) == 1:
            return self.servers[0]
        now, count = self._clock(), len(self.servers)
        first = self._turn
        for i in range(first, first + count):
            if self._rests[i % count] <= now:
                break
        else:
            i = first
        self._turn = (i + 1) % count
        return self.servers[i % count]

    def rest(self, server: S) -> bool:
        """Passes a server over for a while. It returns whether another one can be asked instead."""
        now = self._clock()
        for i, other in enumerate(self.servers):
            if other is server:
                self._rests[i] = now + _REST
        return any(until <= now for until in self._rests)


class Process:
    """The process in which gRPC works. A process that is forked off afterwards has neither its threads nor what their locks
    guard, and may wait for them forever: also where all channels were closed, as the threads go on for a while (13 of 504
    such processes hung on a busy machine, past the deadlines of its calls). One that is forked off before the first call is
    none the worse for it."""

    _forks = 0
    _dialled = False  # whether there was a channel in this process, or in one that led to it by forks
    _spoiled = False  # whether there was one before the fork

    def __init__(self) -> None:
        self._entered: int | None = None

    def enter(self) -> None:
        """Begins a call. Raises RuntimeError in a process that was forked off from one in which gRPC worked."""
        if self._entered == Process._forks:
            return
        if self._entered is not None or Process._spoiled:
            raise RuntimeError(
                "this process was forked after a consentd client had made calls, and gRPC does not survive that: make the "
                "first call after the fork, in each process, or start processes by spawn or forkserver"
            )
        self._entered = Process._forks

    @property
    def left(self) -> bool:
        """Whether this process was forked off from the one in which gRPC worked: nothing may be touched."""
        return self._entered is not None and self._entered != Process._forks

    @classmethod
    def dialled(cls) -> None:
        """Notes that a channel was made."""
        cls._dialled = True

    @classmethod
    def forked(cls) -> None:
        """Notes, in a new process, that it was forked off."""
        cls._spoiled = cls._dialled
        cls._forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Process.forked)
