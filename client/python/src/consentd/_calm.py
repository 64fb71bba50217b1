"""Time in an event loop that may be held up."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from consentd._errors import Error
from consentd._retry import Plan

#: How many seconds lie between two looks, and how much later than asked for a look may come in a loop that keeps up. One that
#: was held up runs its timers before it reads what has come meanwhile, and then all looks silent.
_LOOK = 0.02
_LAG = 0.02

#: How many looks in vain there are at most.
_LOOKS = 50


def when_calm(judge: Callable[[], None], looks: int = _LOOKS) -> None:
    """Runs judge once the loop keeps up, so that what has come is read."""
    loop = asyncio.get_running_loop()
    due = loop.time() + _LOOK

    def look() -> None:
        if loop.time() - due > _LAG and looks > 0:
            when_calm(judge, looks - 1)
        else:
            judge()

    loop.call_at(due, look)


class Expiry:
    """One timer for many deadlines. A timer for each cost more than all else that is done for a check."""

    def __init__(self, look: Callable[[float], float]) -> None:
        """``look`` handles the deadlines that have passed by a time, and returns the next one; infinity: there is none."""
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def by(self, deadline: float) -> None:
        """Has it look at this time, if it does not look before."""
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._run, True)

    def _run(self, first: bool) -> None:
        loop = asyncio.get_running_loop()
        now, due = loop.time(), self._timer.when() if self._timer is not None else 0.0
        if first and now - due > _LAG:  # what has come is read before
            self._timer = loop.call_at(now + _LOOK, self._run, False)
            return
        self._timer = None
        soonest = self._look(now)
        if soonest < math.inf:
            self.by(max(soonest, now + _LOOK))

    def cancel(self) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.cancel()


class Crowd:
    """Lets so many checks in at once and has the others wait outside, in their order. More would not be answered sooner, and
    each that is on its way holds a dozen objects that the garbage collector looks at again and again: for 20,000 it took
    three times as long as all else. Who waits is let in by halves, not one by one, so that messages are full."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._half = limit // 2
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()
        self._expiry = Expiry(self._expire)

    async def enter(self, plan: Plan) -> None:
        """Waits for its turn. Raises DEADLINE_EXCEEDED where its time is over before."""
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        deadline = loop.time() + plan.remaining()
        self._waiting.append((turn, deadline))
        self._expiry.by(deadline)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # its turn had come
            raise

    def leave(self) -> None:
        """Ends a check, and lets others in once half of the places are free."""
        self._free += 1
        if self._free < self._half:
            return
        while self._waiting and self._free > 0:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _expire(self, now: float) -> float:
        soonest = math.inf
        for turn, deadline in self._waiting:
            if turn.done():
                continue
            if deadline <= now:
                turn.set_exception(Error.late())
            elif deadline < soonest:
                soonest = deadline
        return soonest

    def close(self) -> None:
        """Fails all that wait."""
        self._expiry.cancel()
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Error.closed())
