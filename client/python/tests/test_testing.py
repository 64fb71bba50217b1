"""The fake and its fixture. They need consentctl, which ./check builds; where it is not there they are skipped."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import consentd
import consentd.aio
from consentd import new_event, v1
from consentd.testing import Fake

ASK = v1.CheckRequest(controller="example", subject_id="user-42", purpose="marketing_email")
ALLOW = [{"subject": "user-42", "purpose": "marketing_email", "decision": "ALLOW"}]


def has_program() -> bool:
    return bool(os.environ.get("CONSENTCTL"))


class TestWithoutProgram(unittest.TestCase):
    def test_the_error_says_how_to_get_it(self) -> None:
        with mock.patch.dict(os.environ, {"CONSENTCTL": "/nowhere/consentctl"}):
            self.assertRaisesRegex(FileNotFoundError, "/nowhere/consentctl.*go install .*/client/consentctl@latest", Fake)

    def test_a_program_that_is_none(self) -> None:
        with mock.patch.dict(os.environ, {"CONSENTCTL": sys.executable}):
            self.assertRaisesRegex(RuntimeError, "does not start: .*fake", Fake)


@unittest.skipUnless(has_program(), "CONSENTCTL names no consentctl")
class TestFake(unittest.TestCase):
    def test_rules_decide_and_change(self) -> None:
        with Fake(ALLOW) as fake, consentd.Client(fake.target) as client:
            self.assertTrue(client.is_allowed(ASK))
            fake.rules("rules: [{purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}]")
            decision = client.check(ASK)
            self.assertEqual((decision.allowed, decision.reasons[0].code), (False, "CONSENT_WITHDRAWN"))
            with self.assertRaisesRegex(ValueError, 'line 3: decision: "MAYBE"'):
                fake.rules([*ALLOW, {"decision": "MAYBE"}])
            self.assertFalse(client.is_allowed(ASK))

    def test_faults_at_the_start(self) -> None:
        with self.assertRaisesRegex(ValueError, "line 2: want either decision"):
            Fake([{"subject": "u"}])

    def test_it_refuses_what_the_server_refuses(self) -> None:
        with Fake([{"decision": "ALLOW"}]) as fake, consentd.Client(fake.target) as client:
            for ask, code in (
                (v1.CheckRequest(controller="nobody", subject_id="u", purpose="ads"), "NOT_FOUND"),
                (v1.CheckRequest(controller="example", subject_id="u", purpose="Ads"), "INVALID_ARGUMENT"),
            ):
                with self.assertRaises(consentd.Error) as raised:
                    client.check(ask)
                self.assertEqual(raised.exception.code.name, code)

    def test_calls_are_kept(self) -> None:
        with Fake(ALLOW) as fake, consentd.Client(fake.target) as client:
            client.check(ASK)
            event = new_event("support", v1.ObjectionEvent(purposes=["marketing_email"]))
            client.record_events(v1.RecordEventsRequest(controller="example", subject_id="user-42", events=[event]))
            self.assertEqual([type(c).__name__ for c in fake.calls()], ["CheckRequest", "RecordEventsRequest"])
            self.assertEqual(fake.checks()[0].subject_id, "user-42")
            self.assertEqual(fake.recorded()[0].events[0].id, event.id)
            fake.forget()
            self.assertEqual(fake.calls(), [])
            client.check(ASK)
            self.assertEqual(len(fake.checks()), 1)

    def test_asyncio(self) -> None:
        async def ask(target: str) -> bool:
            async with consentd.aio.Client(target) as client:
                return await client.is_allowed(ASK)

        with Fake(ALLOW) as fake:
            self.assertTrue(asyncio.run(ask(fake.target)))

    def test_it_ends_with_the_runner(self) -> None:
        program = "import os, consentd.testing\nf = consentd.testing.Fake()\nprint(f._process.pid, flush=True)\nos._exit(1)"
        runner = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
        process = int(runner.stdout)
        self.assertTrue(ends(process), "the runner is gone and its fake goes on")

    def test_close_twice(self) -> None:
        fake = Fake()
        fake.close()
        fake.close()
        self.assertIsNotNone(fake._process.poll())

    def test_the_fixture_of_pytest(self) -> None:
        test = """
import consentd
from consentd import v1
pytest_plugins = ["consentd.pytest_plugin"]
ASK = v1.CheckRequest(controller="example", subject_id="u", purpose="ads")
def test_allowed(consentd_fake):
    consentd_fake.rules([{"decision": "ALLOW"}])
    with consentd.Client(consentd_fake.target) as client:
        assert client.is_allowed(ASK)
def test_another_is_another(consentd_fake):
    with consentd.Client(consentd_fake.target) as client:
        assert not client.is_allowed(ASK)
"""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "test_it.py").write_text(test)
            ran = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertIn("2 passed", ran.stdout + ran.stderr)


def ends(process: int) -> bool:
    """Whether a process that is no child of ours ends within twenty seconds."""
    wait = subprocess.run(  # noqa: S603
        [
            "/bin/sh",
            "-c",
            f"n=0; while kill -0 {process} 2>/dev/null && [ $n -lt 2000 ]; do n=$((n+1)); sleep 0.01; done; "
            f"! kill -0 {process} 2>/dev/null || grep -q 'State:.Z' /proc/{process}/status",
        ],
        check=False,
    )
    return wait.returncode == 0
