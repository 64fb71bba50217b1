"""When a call is repeated: all of the API's calls may be, because they either write nothing or carry idempotency keys.

gRPC's own retry policy would do the same, but it looks at a trailer of its own and not at RetryInfo. It is off (see
_target), so that no call is repeated by both.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import grpc

from consentd._errors import Error
from consentd._near_cache import NearCache
from consentd._terms import Terms

A = TypeVar("A")

#: How many seconds a call without a timeout of its own may take, all its attempts together.
DEFAULT_TIMEOUT = 1.0

#: The longest timeout of a call in seconds; more than that, and infinity, means this.
MAX_TIMEOUT = 3600.0

#: How many seconds a write with fence may take that has no timeout of its own: three of the server's default leases.
FENCE_TIMEOUT = 6.0

# Four attempts with waits of 25, 50 and 100 ms at most bridge a dropped connection and leave most of DEFAULT_TIMEOUT to the
# attempts themselves; a server that needs longer says so in its RetryInfo.
_MAX_ATTEMPTS = 4
_FIRST_BACKOFF = 0.025

# A server resets the streams whose deadline has passed by its own timer, which may go off before ours; gRPC calls that
# CANCELLED. So a cancellation within this many seconds of the deadline is its passing.
_EARLY = 0.005


def seconds(timeout: Any) -> float:
    """A timeout, MAX_TIMEOUT at most. Raises TypeError for what is no number, ValueError for NaN."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"a timeout is a number of seconds, not {type(timeout).__name__}")
    if math.isnan(timeout):
        raise ValueError("a timeout is a number of seconds, not NaN")
    return float(min(timeout, MAX_TIMEOUT))


class Budget:
    """Keeps retries from multiplying the load of a server that is down: as in gRPC's retry throttling, a failure costs one
    token of 100, any other outcome restores a tenth, and at half or below nothing is repeated. Safe for threads."""

    _SIZE, _COST, _GAIN = 1000, 10, 1  # tenths of tokens

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent = 0

    def observe(self, failed: bool) -> bool:
        """Notes an attempt's outcome and says whether what failed may be repeated."""
        with self._lock:
            self._spent = min(self._SIZE, self._spent + self._COST) if failed else max(0, self._spent - self._GAIN)
            return not self.spent

    @property
    def spent(self) -> bool:
        """Whether nothing may be repeated."""
        return self._spent >= self._SIZE // 2


class Retries:
    """Makes the plans of a client's calls. The clock (in seconds, never set back) and the random numbers are tests' to
    replace."""

    def __init__(
        self,
        timeout: float | None,
        clock: Callable[[], float] = time.monotonic,
        rand: Callable[[], float] = random.random,
    ) -> None:
        own = seconds(timeout) if timeout is not None else 0.0
        self.timeout = own if own > 0 else DEFAULT_TIMEOUT
        self.clock = clock
        self.rand = rand
        self.budget = Budget()

    def plan(self, timeout: float | None) -> Plan:
        """Begins a call that may take timeout seconds; None: the default; 0 or less: none."""
        return Plan(self, self.clock() + (self.timeout if timeout is None else seconds(timeout)))


class Plan:
    """One call's attempts. Used by one thread or task."""

    __slots__ = ("_attempt", "_deadline", "_retries")

    def __init__(self, retries: Retries, deadline: float) -> None:
        self._retries = retries
        self._deadline = deadline
        self._attempt = 0

    def rest(self) -> Plan:
        """A plan for another call within the time that is left."""
        return Plan(self._retries, self._deadline)

    def remaining(self) -> float:
        """How many seconds the next attempt may take. Raises once there are none, so that nobody is asked in vain."""
        left = self._deadline - self._retries.clock()
        if left <= 0:
            raise Error.late()
        return left

    def answered(self, response: A | None) -> A:
        """Notes an attempt that succeeded and returns its answer. gRPC gives None for a status OK without a message."""
        self._retries.budget.observe(failed=False)
        if response is None:
            raise Error.internal("the server sent no message")
        return response

    def wait_after(self, error: Error, elsewhere: bool = False, counts: bool = True) -> float:
        """Notes an attempt that failed and returns how many seconds to wait for the next; raises the error if there is none.

        ``elsewhere``: another server will be asked, so there is nothing to wait for. ``counts`` is false where the failure is
        one that many calls share, and another of them notes it.

        It does not wait for what the deadline forbids: the caller is better served by the server's error now than by
        DEADLINE_EXCEEDED later.
        """
        self._attempt += 1
        if error.code is grpc.StatusCode.CANCELLED and self._deadline - self._retries.clock() < _EARLY:
            raise Error.late()
        unavailable = error.code is grpc.StatusCode.UNAVAILABLE
        may_repeat = self._retries.budget.observe(failed=unavailable) if counts else not self._retries.budget.spent
        wait = 0.0 if elsewhere else self._delay(error)
        in_time = self._retries.clock() + wait < self._deadline
        if unavailable and may_repeat and self._attempt < _MAX_ATTEMPTS and in_time:
            return wait
        raise error

    def _delay(self, error: Error) -> float:
        """What the server asks for, and 25 ms doubled each time, of which up to half is random, so that callers who failed
        together do not return together."""
        own = _FIRST_BACKOFF * 2.0 ** (self._attempt - 1)
        return error.retry_delay + own / 2 + self._retries.rand() * own / 2


def fence_timeout(request: Any, own: Terms, retries: Retries, near: NearCache | None) -> Terms:
    """The terms of a write. A fence waits until each near cache has confirmed it or its lease has run out; a near cache of
    this client's own knows how long those are."""
    if own.timeout is not None or not request.fence:
        return own
    longest = max(FENCE_TIMEOUT, retries.timeout, 0.0 if near is None else near.fence_timeout())
    return replace(own, timeout=longest)
