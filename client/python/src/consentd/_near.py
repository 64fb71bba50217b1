"""The seam between a client and its near cache."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from consentd import v1
from consentd._decision import Decision, Result


class Near(Protocol):
    """Answers checks within the process where the server has decided the same and nothing has changed since. Its methods
    do not wait. A request's consistency is all that an answer must reflect, of a session's writes too.

    A miss goes so: ``ticket`` before the request leaves, which stands for the stream of invalidations at that moment, and
    ``admit`` with the answer. None as a ticket: the answer is not to be kept.
    """

    def lookup(self, request: v1.CheckRequest) -> Decision | None:
        """The decision, if it may be used now; None: ask the server."""

    def ticket(self) -> Any:
        """What admit wants, taken before a request leaves."""

    def admit(self, ticket: Any, request: v1.CheckRequest, response: v1.CheckResponse, decision: Decision) -> None:
        """Keeps an answer that is not overtaken."""

    def lookup_all(self, batch: v1.BatchCheckRequest) -> list[Result] | None:
        """The results of a batch, if all are known and were right at one instant; None: ask the server for all."""

    def admit_all(self, ticket: Any, batch: v1.BatchCheckRequest, response: v1.BatchCheckResponse, got: list[Result]) -> None:
        """Keeps the answers of a batch."""

    def fence_timeout(self) -> float:
        """How many seconds a fenced write may take by the lease that the server grants; 0: not known yet."""

    def close(self) -> Awaitable[None] | None:
        """Gives the lease up and ends the stream; lookups miss from then on. The asyncio client awaits what it returns, the
        sync one has it wait itself."""
