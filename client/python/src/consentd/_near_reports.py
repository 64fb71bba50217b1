"""What a near cache answers, the server is told of afterwards, by counts, so that its decision log and its record of
processing know. A hit costs one count; all else happens here, off the path of checks, and whatever goes wrong with it
concerns no check. What was counted since the last report is missing when the process is killed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator

import grpc

from consentd import v1
from consentd._near_session import Entry, NearSession
from consentd.v1.decision_service_pb2 import ReportAnswersRequest, ReportedAnswers

#: How many seconds a report may take, and the last one, which closing waits for.
REPORT_TIMEOUT = 5.0
LAST_REPORT = 0.5

_MAX_REPORTED = 1000  # of one call, by the API
# Bounds the entries that are kept only to be reported, and the reports that could not be sent.
_MAX_GONE = 1 << 16
_LATER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAUTHENTICATED)

#: Yields the reports to send, and is sent what became of each: None where it succeeded.
Reporting = Generator[ReportAnswersRequest, "grpc.StatusCode | None", None]


class NearReports:
    """Gathers what a near cache answered. ``reporting`` is for one thread or task at a time, ``retire`` for all."""

    def __init__(self, wanted: bool) -> None:
        #: Nobody is told: it is not wanted, or the server does not know the call.
        self.off = not wanted
        self._lock = threading.Lock()
        # Entries that are no longer in a table, and reports that could not be sent. Guarded by _lock.
        self._gone: list[Entry] = []
        self._unsent: list[ReportedAnswers] = []

    def retire(self, *entries: Entry) -> None:
        """Keeps entries that are thrown away until they are reported. A lookup that found one just before may still count."""
        if self.off:
            return
        with self._lock:
            self._gone += [e for e in entries if e.hit][: _MAX_GONE - len(self._gone)]

    def reporting(self, session: NearSession | None) -> Reporting:
        """Tells what was answered since the last time. What the server cannot be told now it is told next time, but for what
        may have arrived. It refuses a report whole where one purpose in it is not this caller's any more: the purposes are
        told one by one then."""
        answers, apart = self._take(session), False
        while answers and not self.off:
            n = min(len(answers), _MAX_REPORTED)
            if apart:
                n = _alike(answers[:n])
            failure = yield ReportAnswersRequest(answers=answers[:n])
            if failure is grpc.StatusCode.UNIMPLEMENTED:
                self.off = True  # an older server
            elif failure in _LATER:
                self._keep(answers)
                return
            elif failure is grpc.StatusCode.PERMISSION_DENIED and not apart:
                apart = True
                answers.sort(key=_right)
                continue
            answers = answers[n:]

    def _take(self, session: NearSession | None) -> list[ReportedAnswers]:
        with self._lock:
            answers, gone = self._unsent, self._gone
            self._unsent, self._gone = [], []
        entries = gone + (session.table.all() if session is not None else [])
        return answers + [_answers_of(e, n) for e in entries if (n := e.answers.fresh())]

    def _keep(self, answers: list[ReportedAnswers]) -> None:
        with self._lock:
            self._unsent += answers[: _MAX_GONE - len(self._unsent)]


def _answers_of(entry: Entry, count: int) -> ReportedAnswers:
    request = v1.CheckRequest.FromString(entry.key)
    return ReportedAnswers(
        decision_id=entry.decision.id,
        count=count,
        controller=request.controller,
        purpose=request.purpose,
        data_categories=request.data_categories,
        recipient_kind=request.recipient.kind,
        decision="DECISION_ALLOW" if entry.decision.allowed else "DECISION_DENY",
    )


def _right(a: ReportedAnswers) -> tuple[str, str, int]:
    """What one right is for."""
    return a.controller, a.purpose, a.recipient_kind


def _alike(answers: list[ReportedAnswers]) -> int:
    """How many of the first answers are to what one right is for."""
    return sum(1 for _ in itertools.takewhile(lambda a: _right(a) == _right(answers[0]), answers))
