"""Enforces purposes in Django, by a decorator of views and a middleware:

    from consentd.django import requires

    @requires(enforcer, "marketing_email", subject=lambda request: request.user.get_username())
    def send_newsletter(request):
        ...  # and do what request.consent.obligations say

Guarantees: the view runs only after an ALLOW. Else the answer is 403 with the reasons, which do not name the subject; 401
where nobody can tell who that is; 503 where there is no decision. Views may be functions or coroutine functions; for methods
of classes there is Django's method_decorator. The decision is taken once: what streams asks again, with ``client.guard``.

The middleware refuses (500) each view that declares nothing, so that none is forgotten:

    MIDDLEWARE = [..., "consentd.django.ConsentMiddleware"]

A view that uses nobody's data says so with ``uses_no_personal_data``; those of others, such as the admin's, are exempt by the
beginning of their module's name: ``CONSENTD_EXEMPT = ["django.contrib.admin"]``.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from consentd._decision import Decision
from consentd._enforce import UNAVAILABLE, Enforcer, NoSubjectError, Use, deciding
from consentd._errors import Error
from consentd._guard import DeniedError

__all__ = ["ConsentMiddleware", "requires", "uses_no_personal_data"]

V = TypeVar("V", bound=Callable[..., Any])

logger = logging.getLogger("consentd")

_DECLARED = "consentd_declared"


def requires(
    enforcer: Enforcer,
    purpose: str,
    subject: Callable[[HttpRequest], str | None],
    categories: Sequence[str] = (),
) -> Callable[[V], V]:
    """Decorates a view that uses a person's data for a purpose. ``subject`` tells the person's id, without waiting; None or
    empty: nobody can tell. ``request.consent`` is the Decision that let the view run, as consentd.current_decision() is.
    A view that is no coroutine function needs a client that is not of asyncio: else its calls raise TypeError."""

    def decorate(view: V) -> V:
        use = Use(f"{view.__module__}.{view.__qualname__}", purpose, tuple(categories))
        if iscoroutinefunction(view):

            async def run(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                try:
                    decision = await enforcer.allow_async(use, subject(request))
                except (NoSubjectError, Error) as error:
                    return _refusal(error)
                request.consent = decision  # type: ignore[attr-defined,unused-ignore]
                with deciding(decision):
                    return await view(request, *args, **kwargs)

        else:

            def run(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]
                try:
                    decision = enforcer.allow(use, subject(request))
                except (NoSubjectError, Error) as error:
                    return _refusal(error)
                request.consent = decision  # type: ignore[attr-defined,unused-ignore]
                with deciding(decision):
                    answer = view(request, *args, **kwargs)
                return _within(decision, answer) if inspect.iscoroutine(answer) else answer

        wrapped: Any = functools.wraps(view)(run)
        setattr(wrapped, _DECLARED, True)
        return wrapped  # type: ignore[no-any-return]

    return decorate


async def _within(decision: Decision, answer: Any) -> Any:
    """Awaits the answer of a class whose dispatch is a function and whose methods are coroutine functions."""
    with deciding(decision):
        return await answer


def uses_no_personal_data(view: V) -> V:
    """Declares that a view uses nobody's data, for ConsentMiddleware."""
    setattr(view, _DECLARED, True)
    return view


class ConsentMiddleware:
    """Refuses views that declare nothing."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._exempt = tuple(getattr(settings, "CONSENTD_EXEMPT", ()))
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Goes on to the view."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Answers instead of a view that declares nothing."""
        if _declares(view) or any(f"{view.__module__}.".startswith(f"{m}.") for m in self._exempt):
            return None
        logger.error(
            "%s.%s declares no purpose: decorate it with requires or uses_no_personal_data, or add it to CONSENTD_EXEMPT",
            view.__module__,
            getattr(view, "__qualname__", view),
        )
        return HttpResponse("the view declares no purpose", status=500, content_type="text/plain")


def _declares(view: Any) -> bool:
    """Whether a view says for what it uses data, itself or by the methods of its class."""
    if getattr(view, _DECLARED, False):
        return True
    kind = getattr(view, "view_class", None)
    if kind is None:
        return False
    handlers = [getattr(kind, name) for name in ("dispatch", *kind.http_method_names) if hasattr(kind, name)]
    if getattr(kind.dispatch, _DECLARED, False):
        return True
    own = [h for h in handlers if h is not kind.dispatch and getattr(h, "__name__", "") != "options"]
    return bool(own) and all(getattr(h, _DECLARED, False) for h in own)


def _refusal(error: Exception) -> HttpResponse:
    """What a caller is told instead of an answer."""
    status, text = 503, UNAVAILABLE
    if isinstance(error, NoSubjectError):
        status, text = 401, str(error)
    elif isinstance(error, DeniedError):
        status, text = 403, str(error.decision)
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
