"""Enforcement of functions, and in Starlette, FastAPI and Django as they are."""

from __future__ import annotations

import asyncio
import functools
import threading
import unittest
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import django
import grpc
from checkers import DENIAL, EMAIL, AsyncChecker, Checker
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient as DjangoAsyncClient
from django.test import Client as DjangoClient
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from fastapi import Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import consentd
import consentd.aio
from consentd import Decision, DeniedError, Enforced, Enforcer, Error, current_decision, enforce
from consentd.django import requires as django_requires
from consentd.django import uses_no_personal_data
from consentd.fastapi import requires
from consentd.starlette import ConsentMiddleware

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="x",
    MIDDLEWARE=["consentd.django.ConsentMiddleware"],
    CONSENTD_EXEMPT=["others"],
)
django.setup()

#: What a caller is told, by subject.
ANSWERS = {
    "yes": (200, "sent"),
    "no": (403, DENIAL),
    "down": (503, "consent cannot be checked at the moment"),
    "": (401, "who the data are about cannot be told"),
}


class Seen:
    """Enforcers of both kinds, and what they told of."""

    def __init__(self) -> None:
        self.events: list[Enforced] = []
        self.checker, self.async_checker = Checker(), AsyncChecker()
        self.enforcer = Enforcer(self.checker, "example", self.events.append)
        self.async_enforcer = Enforcer(self.async_checker, "example", self.events.append)

    def outcome(self, subject: str) -> str:
        return {"yes": "allowed", "no": "denied"}.get(subject, "failed")


def sent(decision: Any) -> str:
    """What a handler says that ran, if it was handed the decision and its obligations."""
    met = isinstance(decision, Decision) and decision.id == "d1" and decision.obligations[0].code == "INCLUDE_UNSUBSCRIBE"
    return "sent" if met else "sent without a decision"


class TestFunctions(unittest.TestCase):
    def test_it_runs_only_what_is_allowed(self) -> None:
        checker, events, ran = Checker(), list[Enforced](), list[str]()

        @enforce(
            checker,
            controller="example",
            purpose="marketing_email",
            subject="user_id",
            categories=[EMAIL],
            observe=events.append,
        )
        def send(text: str, user_id: str = "no") -> str:
            """Sends."""
            ran.append(sent(current_decision()))
            return text + user_id

        self.assertEqual(send("to ", user_id="yes"), "to yes")
        self.assertEqual(send("to ", "yes"), "to yes")
        self.assertEqual(ran, ["sent", "sent"])
        self.assertEqual(current_decision(), Decision(), "the decision ends with the call")
        with self.assertRaises(DeniedError) as denied:
            send("to ")
        self.assertEqual(str(denied.exception.decision), DENIAL)
        with self.assertRaises(Error) as failed:
            send("to ", "down")
        self.assertIs(failed.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)
        with self.assertRaises(Error) as nobody:
            send("to ", "")
        self.assertIs(nobody.exception.code, grpc.StatusCode.INVALID_ARGUMENT)
        with self.assertRaises(TypeError):
            send("to ", nonsense=1)  # type: ignore[call-arg]
        self.assertEqual(len(ran), 2)
        self.assertEqual((send.__name__, send.__doc__), ("send", "Sends."))
        self.assertEqual([e.outcome for e in events], ["allowed", "allowed", "denied", "failed", "failed"])
        asked = checker.asked[0]
        self.assertEqual(
            (asked.controller, asked.purpose, list(asked.data_categories)), ("example", "marketing_email", [EMAIL])
        )

    def test_coroutine_functions(self) -> None:
        enforced = functools.partial(enforce, AsyncChecker(), controller="example", purpose="p")

        @enforced(subject=lambda user: user["id"])
        async def send(user: dict[str, str]) -> str:
            await asyncio.sleep(0)
            return sent(current_decision())

        async def all_of_them() -> list[str]:
            return await asyncio.gather(*(send({"id": "yes"}) for _ in range(10)))

        self.assertEqual(asyncio.run(all_of_them()), ["sent"] * 10)
        with self.assertRaises(DeniedError):
            asyncio.run(send({"id": "no"}))
        with self.assertRaises(Error):
            asyncio.run(send({"id": "down"}))

    def test_what_cannot_be_enforced_is_refused_at_once(self) -> None:
        def steps(user: str) -> Iterator[str]:
            yield user

        async def async_steps(user: str) -> AsyncIterator[str]:
            yield user

        async def coroutine(user: str) -> str:
            return user

        def plain(user: str) -> str:
            return user

        for name, checker, function, subject in (
            ("a generator", Checker(), steps, "user"),
            ("an async generator", AsyncChecker(), async_steps, "user"),
            ("a coroutine function by a sync client", Checker(), coroutine, "user"),
            ("a function by a client of asyncio", AsyncChecker(), plain, "user"),
            ("no such parameter", Checker(), plain, "nobody"),
        ):
            decorate: Any = enforce(checker, controller="example", purpose="p", subject=subject)
            with self.subTest(name), self.assertRaises(TypeError):
                decorate(function)
        with self.assertRaises(ValueError):
            Enforcer(Checker(), "")

    def test_faults_of_the_program_are_no_denials(self) -> None:
        class Broken:
            def check(self, _: Any) -> Decision:
                raise RuntimeError("forked")

        events: list[Enforced] = []

        @enforce(Broken(), controller="example", purpose="p", subject="user", observe=events.append)
        def send(user: str) -> None:
            self.fail("it ran")

        with self.assertRaises(RuntimeError):
            send("yes")
        self.assertEqual([e.outcome for e in events], ["failed"])

    def test_a_real_client_is_a_checker(self) -> None:
        with consentd.Client("127.0.0.1:1", timeout=0.2) as client:
            self.assertFalse(Enforcer(client, "example").awaits)
            self.assertFalse(Enforcer(client.session(), "example").awaits)

            @enforce(client, controller="example", purpose="p", subject="user")
            def send(user: str) -> None:
                self.fail("it ran")

            with self.assertRaises(Error):
                send("yes")
        self.assertTrue(Enforcer(consentd.aio.Client("127.0.0.1:1"), "example").awaits)


def user_of(connection: HTTPConnection) -> str | None:
    return connection.headers.get("user")


class TestStarlette(unittest.TestCase):
    def app(self, enforcer: Enforcer, subject: Any = user_of) -> TestClient:
        async def send(request: Request) -> PlainTextResponse:
            self.assertIs(request.state.consent, current_decision())
            return PlainTextResponse(sent(current_decision()))

        def send_in_a_thread(request: Request) -> PlainTextResponse:
            self.assertIsNot(threading.current_thread(), threading.main_thread())
            return PlainTextResponse(sent(current_decision()))

        async def chat(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text(sent(current_decision()))
            await socket.close()

        guard = Middleware(ConsentMiddleware, enforcer=enforcer, purpose="p", subject=subject, categories=[EMAIL])
        routes = [
            Route("/send", send, methods=["POST"], middleware=[guard]),
            Route("/thread", send_in_a_thread, methods=["POST"], middleware=[guard]),
            WebSocketRoute("/chat", chat, middleware=[guard]),
        ]
        return TestClient(Starlette(routes=routes))

    def test_it_runs_only_what_is_allowed(self) -> None:
        for kind in ("enforcer", "async_enforcer"):
            seen = Seen()
            client = self.app(getattr(seen, kind))
            for subject, (status, text) in ANSWERS.items():
                for where in ("/send", "/thread"):
                    with self.subTest(kind=kind, subject=subject, where=where):
                        answer = client.post(where, headers={"user": subject})
                        self.assertEqual((answer.status_code, answer.text), (status, text))
                        self.assertEqual(seen.events[-1], Enforced(where, "p", seen.outcome(subject)))  # type: ignore[arg-type]
            asked = (seen.checker if kind == "enforcer" else seen.async_checker.inner).asked[0]
            self.assertEqual(list(asked.data_categories), [EMAIL])

    def test_websockets_are_refused_before_they_are_accepted(self) -> None:
        client = self.app(Seen().async_enforcer)
        with client.websocket_connect("/chat", headers={"user": "yes"}) as socket:
            self.assertEqual(socket.receive_text(), "sent")
        for subject in ("no", "down", ""):
            with self.assertRaises(WebSocketDisconnect) as refused:
                client.websocket_connect("/chat", headers={"user": subject}).__enter__()
            self.assertEqual(refused.exception.code, 1008)

    def test_subject_functions(self) -> None:
        async def user(connection: HTTPConnection) -> str:
            return connection.headers["user"]

        self.assertEqual(self.app(Seen().async_enforcer, user).post("/send", headers={"user": "yes"}).text, "sent")

        def broken(connection: HTTPConnection) -> str:
            raise LookupError("no session")

        seen = Seen()
        with self.assertRaises(LookupError):
            self.app(seen.async_enforcer, broken).post("/send")
        self.assertEqual(seen.async_checker.inner.asked, [])

    def test_what_is_no_request_passes(self) -> None:
        inner = Starlette(routes=[Route("/", lambda _: PlainTextResponse("sent"))])
        app = ConsentMiddleware(inner, enforcer=Seen().async_enforcer, purpose="p", subject=user_of)
        with TestClient(app) as client:  # lifespan
            self.assertEqual(client.get("/", headers={"user": "no"}).status_code, 403)
            self.assertEqual(client.get("/", headers={"user": "yes"}).status_code, 200)


class TestFastAPI(unittest.TestCase):
    def test_it_runs_only_what_is_allowed(self) -> None:
        def current_user(request: Request) -> str:
            user = request.headers.get("user", "")
            if user == "locked":
                raise HTTPException(423, "locked")
            return user

        for kind in ("enforcer", "async_enforcer"):
            seen, app = Seen(), FastAPI()
            newsletter = requires(getattr(seen, kind), "p", subject=current_user, categories=[EMAIL])

            async def send(request: Request, decision: Decision) -> str:
                self.assertIs(request.state.consent, decision)
                return sent(decision)

            def in_a_thread(decision: Decision) -> str:
                return sent(decision)

            async def declared() -> str:
                return "sent"

            # FastAPI reads the annotations, which are texts here that it could not evaluate.
            send.__annotations__ = {"request": Request, "decision": Annotated[Decision, Depends(newsletter)]}
            in_a_thread.__annotations__ = {"decision": Annotated[Decision, Depends(newsletter)]}
            app.post("/send", response_class=PlainTextResponse)(send)
            app.post("/thread", response_class=PlainTextResponse)(in_a_thread)
            app.post("/declared", dependencies=[Depends(newsletter)], response_class=PlainTextResponse)(declared)
            client = TestClient(app)
            for subject, (status, text) in ANSWERS.items():
                for where in ("/send", "/thread", "/declared"):
                    with self.subTest(kind=kind, subject=subject, where=where):
                        answer = client.post(where, headers={"user": subject})
                        told = answer.text if status == 200 else answer.json()["detail"]
                        self.assertEqual((answer.status_code, told), (status, text))
                        self.assertEqual(seen.events[-1], Enforced(where, "p", seen.outcome(subject)))  # type: ignore[arg-type]
            self.assertEqual(client.post("/send", headers={"user": "locked"}).status_code, 423)
            self.assertEqual(app.openapi()["paths"]["/send"]["post"].get("parameters"), None, "it asks the caller nothing")


def of_header(request: HttpRequest) -> str | None:
    user = request.headers.get("user")
    return str(user) if user else None


SEEN = Seen()


@django_requires(SEEN.enforcer, "p", subject=of_header, categories=[EMAIL])
def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(sent(request.consent) if request.consent is current_decision() else "another decision")


@django_requires(SEEN.async_enforcer, "p", subject=of_header)
async def async_view(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse(sent(request.consent) if request.consent is current_decision() else "another decision")


class ClassView(View):  # type: ignore[misc,unused-ignore]
    @method_decorator(django_requires(SEEN.enforcer, "p", subject=of_header))  # type: ignore[untyped-decorator]
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(sent(current_decision()))


class AsyncClassView(View):  # type: ignore[misc,unused-ignore]
    @method_decorator(django_requires(SEEN.async_enforcer, "p", subject=of_header))  # type: ignore[untyped-decorator]
    async def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(sent(current_decision()))


class ForgottenView(ClassView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("this declares nothing")


@uses_no_personal_data
def about(request: HttpRequest) -> HttpResponse:
    return HttpResponse("about")


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("this declares nothing")


def of_others(request: HttpRequest) -> HttpResponse:
    return HttpResponse("exempt")


of_others.__module__ = "others.views"
urlpatterns = [
    path("send", view),
    path("async", async_view),
    path("class", ClassView.as_view()),
    path("async-class", AsyncClassView.as_view()),
    path("about", about),
    path("forgotten", forgotten),
    path("forgotten-method", ForgottenView.as_view()),
    path("others", of_others),
]


class TestDjango(unittest.TestCase):
    def test_it_runs_only_what_is_allowed(self) -> None:
        client = DjangoClient()
        for where in ("/send", "/async", "/class", "/async-class"):
            for subject, (status, text) in ANSWERS.items():
                with self.subTest(where=where, subject=subject):
                    answer = client.post(where, headers={"user": subject})
                    self.assertEqual((answer.status_code, answer.content.decode()), (status, text))
                    self.assertEqual(SEEN.events[-1].outcome, SEEN.outcome(subject))
        self.assertEqual(list(SEEN.checker.asked[0].data_categories), [EMAIL])

    def test_under_asgi(self) -> None:
        async def post(where: str, subject: str) -> tuple[int, str]:
            answer = await DjangoAsyncClient().post(where, headers={"user": subject})
            return answer.status_code, answer.content.decode()

        for where in ("/async", "/send"):
            for subject, told in ANSWERS.items():
                self.assertEqual(asyncio.run(post(where, subject)), told)
        self.assertEqual(asyncio.run(post("/forgotten", "yes"))[0], 500)

    def test_a_view_that_declares_nothing_is_refused(self) -> None:
        client = DjangoClient()
        with self.assertLogs("consentd", "ERROR") as logs:
            self.assertEqual(client.get("/forgotten").status_code, 500)
            self.assertEqual(client.get("/forgotten-method").status_code, 500)
        self.assertIn("forgotten declares no purpose", logs.output[0])
        self.assertEqual(client.get("/about").content, b"about")
        self.assertEqual(client.get("/others").content, b"exempt")

    def test_a_view_needs_a_client_of_its_kind(self) -> None:
        decorate: Callable[..., Any] = django_requires(SEEN.async_enforcer, "p", subject=of_header)
        request = HttpRequest()
        request.META["HTTP_USER"] = "yes"
        with self.assertRaises(TypeError):
            decorate(forgotten)(request)


if __name__ == "__main__":
    unittest.main()
