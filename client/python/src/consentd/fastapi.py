"""Enforces purposes in FastAPI, by dependencies:

    from consentd.fastapi import requires

    newsletter = requires(enforcer, "marketing_email", subject=current_user_id)

    @app.post("/newsletter")
    async def send(decision: Annotated[Decision, Depends(newsletter)]) -> None:
        ...  # and do what decision.obligations say

Guarantees: the route runs only after an ALLOW. Else the answer is 403 with the reasons, which do not name the subject; 401
where nobody can tell who that is; 503 where there is no decision. consentd.starlette has middleware, which works here too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from consentd._decision import Decision
from consentd._enforce import Enforcer, NoSubjectError, Use, become_current
from consentd._errors import Error
from consentd.starlette import refusal, where_of

__all__ = ["requires"]


def requires(
    enforcer: Enforcer, purpose: str, subject: Callable[..., Any], categories: Sequence[str] = ()
) -> Callable[..., Awaitable[Decision]]:
    """A dependency that is the Decision which lets the route run, for the data categories that it uses. ``subject`` is a
    dependency of your own that is the id of the person whose data are used; empty or None: nobody can tell. In
    ``Depends(...)`` of a route, a router or the application."""
    categories = tuple(categories)

    async def decide(connection: HTTPConnection, person: Any = Depends(subject)) -> Decision:  # noqa: B008
        use = Use(where_of(connection.scope), purpose, categories)
        try:
            decision = await enforcer.allow_async(use, person)
        except (NoSubjectError, Error) as error:
            status, text = refusal(error)
            raise HTTPException(status, text) from None
        connection.state.consent = decision
        become_current(decision)  # the route runs in this task, or in a copy of its context
        return decision

    decide.__annotations__ = {"connection": HTTPConnection, "person": Any, "return": Decision}  # as FastAPI reads them
    return decide
