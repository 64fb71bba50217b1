"""Enforces purposes in Starlette, and in what else speaks ASGI with Starlette's requests, as FastAPI does.

    from consentd.starlette import ConsentMiddleware

    Route("/newsletter", send_newsletter, methods=["POST"], middleware=[
        Middleware(ConsentMiddleware, enforcer=enforcer, purpose="marketing_email", subject=lambda r: r.user.id),
    ])

Guarantees: the route runs only after an ALLOW. Else the answer is 403 with the reasons, which do not name the subject; 401
where nobody can tell who that is; 503 where there is no decision. A WebSocket is refused before it is accepted. The decision
is taken once: what a WebSocket or a stream goes on to do asks again by itself, with ``client.guard``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Union

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from consentd._enforce import UNAVAILABLE, Enforcer, NoSubjectError, Use, deciding
from consentd._errors import Error
from consentd._guard import DeniedError

__all__ = ["ConsentMiddleware", "Subject"]

#: Tells the person whose data a request uses, such as the user who is logged in; None or empty: nobody can tell. It may be a
#: coroutine function. What it raises is the request's, and keeps the route from running.
Subject = Callable[[HTTPConnection], Union[str, Awaitable[Union[str, None]], None]]


class ConsentMiddleware:
    """ASGI middleware around what uses personal data for one purpose. ``request.state.consent`` is the Decision that let it
    run, as consentd.current_decision() is; do what its obligations say."""

    def __init__(
        self, app: ASGIApp, *, enforcer: Enforcer, purpose: str, subject: Subject, categories: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._enforcer = enforcer
        self._subject = subject
        self._purpose = purpose
        self._categories = tuple(categories)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application, or answers instead."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        use = Use(where_of(scope), self._purpose, self._categories)
        try:
            decision = await self._enforcer.allow_async(use, await subject_of(HTTPConnection(scope), self._subject))
        except (NoSubjectError, Error) as error:
            status, text = refusal(error)
            refused: ASGIApp = PlainTextResponse(text, status)
            if scope["type"] == "websocket":
                refused = WebSocketClose(code=1008, reason=text[:100])
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["consent"] = decision
        with deciding(decision):
            await self._app(scope, receive, send)


def where_of(scope: Scope) -> str:
    """The route of a request, as it was declared: the path that was asked for may name the subject."""
    path = getattr(scope.get("route"), "path", "")
    endpoint = scope.get("endpoint")
    return path or getattr(endpoint, "__qualname__", "")


async def subject_of(request: HTTPConnection, subject: Subject) -> str | None:
    """The subject of a request."""
    found = subject(request)
    return await found if inspect.isawaitable(found) else found


def refusal(error: Exception) -> tuple[int, str]:
    """What a caller is told instead of an answer: an HTTP status and a text."""
    if isinstance(error, NoSubjectError):
        return 401, str(error)
    if isinstance(error, DeniedError):
        return 403, str(error.decision)
    return 503, UNAVAILABLE
