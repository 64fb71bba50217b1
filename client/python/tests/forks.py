"""What forks of a process do with its clients. test_calls runs each test in a process of its own: what a client did in one
is there for good."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import unittest
from collections.abc import Callable
from typing import Any

from support import ASK, Fake, asks, eventually, in_threads, serving

import consentd
import consentd.aio

_REFUSED = "^RuntimeError: this process was forked after"


def in_child(work: Callable[[], object]) -> str:
    """What a process that is forked off raises; fails where it does not end."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = repr(work())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(into, said.encode())
        os._exit(0)
    try:
        eventually("the child ends", lambda: os.waitpid(child, os.WNOHANG)[0] == child, 15)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    os.close(into)
    with os.fdopen(out) as read:
        return read.read()


class TestForks(unittest.TestCase):
    def test_after_calls(self) -> None:
        with serving_elsewhere() as target, consentd.Client(target, timeout=20) as client:
            stop = threading.Event()
            busy = [threading.Thread(target=lambda: [client.check(ASK) for _ in iter(stop.is_set, True)]) for _ in range(8)]
            for thread in busy:
                thread.start()
            client.check(ASK)
            for work in (
                lambda: client.check(ASK),
                lambda: client.is_allowed(ASK),
                lambda: client.session().is_allowed(ASK),
                lambda: consentd.Client(target).check(ASK),
                lambda: asyncio.run(consentd.aio.Client(target).check(ASK)),
            ):
                self.assertRegex(in_child(work), _REFUSED)
            self.assertEqual(in_child(client.close), "None")
            stop.set()
            for thread in busy:
                thread.join(20)
            self.assertFalse(client.check(ASK))

    def test_before_calls(self) -> None:
        with serving_elsewhere() as target, consentd.Client(target, timeout=20) as client:
            self.assertEqual(in_child(lambda: client.check(ASK).allowed), "False")
            self.assertFalse(client.check(ASK))

    def test_after_the_client_was_closed(self) -> None:
        with serving_elsewhere() as target:
            with consentd.Client(target, timeout=20) as client:
                in_threads(client, asks(20))
            del client
            self.assertRegex(in_child(lambda: consentd.Client(target).check(ASK)), _REFUSED)


class serving_elsewhere:  # noqa: N801 # it reads as serving does
    """serving in a process of its own: one with a gRPC server in it cannot be forked."""

    def __enter__(self) -> str:
        context = multiprocessing.get_context("spawn")
        self._stop, told = context.Event(), context.Queue()
        self._process = context.Process(target=_serve, args=(told, self._stop))
        self._process.start()
        return str(told.get(timeout=30))

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join(20)


def _serve(told: Any, stop: Any) -> None:
    with serving(Fake()) as target:
        told.put(target)
        stop.wait(60)
