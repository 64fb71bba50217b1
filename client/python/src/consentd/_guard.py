"""What keeps a block from running where it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from consentd._decision import Decision, Obligation
from consentd._errors import Error


class DeniedError(Error):
    """A guard's block that did not run, because the server denied. Its code is PERMISSION_DENIED."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(grpc.StatusCode.PERMISSION_DENIED, str(decision))
        #: Why.
        self.decision = decision

    def __reduce__(self) -> tuple[Callable[..., Error], tuple[Any, ...]]:
        return type(self), (self.decision,)


def permitted(decision: Decision) -> tuple[Obligation, ...]:
    """The obligations of a permission; a denial is raised."""
    if not decision.allowed:
        raise DeniedError(decision)
    return decision.obligations
