"""What a near cache tells the server of what it answered: each answer once."""

from __future__ import annotations

import unittest
from collections import Counter

import grpc
from near_world import hello

from consentd import Decision, v1
from consentd._near_reports import _MAX_GONE, _MAX_REPORTED, NearReports
from consentd._near_session import Entry, NearSession
from consentd.v1.decision_service_pb2 import ReportedAnswers

Code = grpc.StatusCode


def entry(decision_id: str, answers: int, purpose: str = "marketing_email", subject: str = "u") -> Entry:
    request = v1.CheckRequest(
        controller="example",
        subject_id=subject,
        purpose=purpose,
        data_categories=["user.contact.email"],
        recipient=v1.Recipient(kind="RECIPIENT_KIND_PROCESSOR"),
    )
    e = Entry(request.SerializeToString(), Decision(allowed=True, id=decision_id), 70, 0, 0)
    for _ in range(answers):
        e.hit = True
        e.answers.add()
    return e


class Told:
    """A server that is told of answers."""

    def __init__(self) -> None:
        self.calls = 0
        self.failure: grpc.StatusCode | None = None
        #: A purpose for which reports are refused whole.
        self.denied = ""
        self.got: list[ReportedAnswers] = []

    def report(self, reports: NearReports, session: NearSession | None = None) -> None:
        steps = reports.reporting(session)
        try:
            request = next(steps)
            while True:
                self.calls += 1
                failure = self.failure
                if len(request.answers) > _MAX_REPORTED:
                    failure = Code.INVALID_ARGUMENT
                if any(a.purpose == self.denied for a in request.answers):
                    failure = Code.PERMISSION_DENIED
                if failure is None:
                    self.got.extend(request.answers)
                request = steps.send(failure)
        except StopIteration:
            return

    def counts(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for a in self.got:
            counts[a.decision_id] += a.count
        return counts


class TestReports(unittest.TestCase):
    def setUp(self) -> None:
        self.server, self.reports = Told(), NearReports(wanted=True)

    def test_each_answer_once(self) -> None:
        """Of entries in the table, thrown away, and of a stream that ended."""
        session = NearSession(hello(), 4096)
        many = [entry("many", 1, subject=f"s{i}") for i in range(2500)]
        for e in [*many, entry("unused", 0)]:
            session.table.put(e, lambda _: True)
        self.reports.retire(entry("gone", 7), entry("never used", 0))
        for _ in range(2):
            self.server.report(self.reports, session)
        self.assertEqual(self.server.counts(), {"many": 2500, "gone": 7})
        self.assertEqual(self.server.calls, 3)
        first = self.server.got[0]
        self.assertEqual((first.controller, first.purpose), ("example", "marketing_email"))
        self.assertEqual(list(first.data_categories), ["user.contact.email"])
        self.assertEqual(first.recipient_kind, v1.RecipientKind.RECIPIENT_KIND_PROCESSOR)
        self.assertEqual(first.decision, v1.Decision.DECISION_ALLOW)
        for _ in range(3):
            many[5].answers.add()
        self.reports.retire(*session.table.all())
        self.server.report(self.reports)
        self.assertEqual(self.server.counts()["many"], 2503)

    def test_of_a_right_that_was_lost(self) -> None:
        """What was answered by the rights that are left is told."""
        self.server.denied = "ai_training"
        for i in range(1500):
            lost = i % 2 == 0
            self.reports.retire(entry("lost", 1, "ai_training") if lost else entry("kept", 1))
        self.server.report(self.reports)
        self.assertEqual(self.server.counts(), {"kept": 750})
        self.assertLessEqual(self.server.calls, 4)

    def test_what_the_server_cannot_be_told_now(self) -> None:
        for code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.UNAUTHENTICATED):
            self.server.failure = code
            self.reports.retire(entry(code.name, 5))
            self.server.report(self.reports)
            self.server.failure = None
            self.server.report(self.reports)
            self.assertEqual(self.server.counts()[code.name], 5)

    def test_what_may_have_arrived_is_not_told_twice(self) -> None:
        self.server.failure = Code.DEADLINE_EXCEEDED
        self.reports.retire(entry("b", 5))
        self.server.report(self.reports)
        self.server.failure = None
        self.server.report(self.reports)
        self.assertEqual(self.server.counts(), {})

    def test_a_server_that_does_not_know_the_call_is_asked_no_more(self) -> None:
        self.server.failure = Code.UNIMPLEMENTED
        for _ in range(3):
            self.reports.retire(entry("c", 1))
            self.server.report(self.reports)
        self.assertEqual(self.server.calls, 1)
        self.assertEqual(self.reports._gone, [])

    def test_what_waits_is_bounded(self) -> None:
        one = entry("d", 1)
        for _ in range(70):
            self.reports.retire(*[one] * 1000)
        self.assertEqual(len(self.reports._gone), _MAX_GONE)
        unwanted = NearReports(wanted=False)
        unwanted.retire(one)
        self.assertEqual(unwanted._gone, [])


if __name__ == "__main__":
    unittest.main()
