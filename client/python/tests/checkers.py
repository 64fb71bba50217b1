"""What decides in the tests of enforcement."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import grpc

from consentd import Decision, Error, Obligation, Reason, v1


class Checker:
    """Allows the subject "yes" until it is withdrawn, fails for "down", and denies all others; it remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[v1.CheckRequest] = []
        #: How many more checks of "yes" are allowed.
        self.left = 1_000_000
        #: For how many seconds a permission is valid; 0: no end.
        self.valid_for = 0.0

    def check(self, request: v1.CheckRequest) -> Decision:
        self.asked.append(request)
        if request.subject_id == "down":
            raise Error(grpc.StatusCode.DEADLINE_EXCEEDED, "slow, for down")
        if request.subject_id == "yes" and self.left > 0:
            self.left -= 1
            until = datetime.now(timezone.utc) + timedelta(seconds=self.valid_for) if self.valid_for else None
            return Decision(allowed=True, obligations=(Obligation("INCLUDE_UNSUBSCRIBE"),), id="d1", valid_until=until)
        return Decision(reasons=(Reason("CONSENT_WITHDRAWN", "example", f"{request.subject_id} said no"),))


class AsyncChecker:
    """The same for asyncio."""

    def __init__(self) -> None:
        self.inner = Checker()

    async def check(self, request: v1.CheckRequest) -> Decision:
        return self.inner.check(request)


DENIAL = "DENY: CONSENT_WITHDRAWN (example)"
EMAIL = "user.contact.email"
