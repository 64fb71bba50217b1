"""How calls are watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from consentd._api import logger
from consentd._errors import Error


@dataclass(frozen=True)
class Call:
    """A call that has ended. It names no subject."""

    #: The client's method, for example "check". is_allowed and guard are checks; a batch is one call, whatever its size.
    method: str
    #: The purpose of a check; empty for all else.
    purpose: str
    #: "ALLOW" or "DENY" of a check, "OK" of all else; the status's name where it failed, for example "UNAVAILABLE";
    #: "CANCELLED" also where the task was cancelled.
    outcome: str
    #: When it began, in nanoseconds since the epoch.
    began_ns: int
    #: How long it took, in seconds.
    seconds: float


#: Is told of each call when it has ended, in the thread or task that made it. It must be quick; what it raises is logged and
#: changes nothing.
Observer = Callable[[Call], object]


@contextmanager
def observed(observer: Observer, method: str, purpose: str = "") -> Generator[Callable[[Any], None]]:
    """Tells the observer of what happens within. What it yields is told the result."""
    outcome = "OK"

    def note(result: Any) -> None:
        nonlocal outcome
        outcome = "ALLOW" if result.allowed else "DENY"

    began_ns, began = time.time_ns(), time.monotonic()
    try:
        yield note
    except Error as error:
        outcome = error.code.name
        raise
    except Exception as error:
        outcome = type(error).__name__
        raise
    except BaseException:
        outcome = "CANCELLED"
        raise
    finally:
        try:
            observer(Call(method, purpose, outcome, began_ns, time.monotonic() - began))
        except Exception:
            logger.exception("an observer failed")
