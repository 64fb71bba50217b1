"""Says what became of events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Union

from consentd import v1
from consentd._decision import bare, instant


@dataclass(frozen=True)
class EventWarning:
    """Something odd about an event that was recorded all the same."""

    #: What it is, for example "PURPOSE_NOT_DECLARED"; a number where this package does not know it.
    code: str
    #: The purpose that it is about.
    purpose: str = ""
    #: The declared purpose whose name is nearest to one that is not declared; empty where none is near.
    nearest: str = ""
    #: A sentence for people. Not stable; do not parse it.
    message: str = ""

    def __str__(self) -> str:
        """For people: "PURPOSE_NOT_DECLARED: marketing_emial (nearest: marketing_email)"."""
        text = f"{self.code}: {self.purpose}" if self.purpose else self.code
        return f"{text} (nearest: {self.nearest})" if self.nearest else text


@dataclass(frozen=True)
class Outcome:
    """What became of one event."""

    #: What it came to: "COUNTED", "SUPERSEDED", "UNPROVEN", "ANNULLED" or "DUPLICATE"; a number where this package does not
    #: know it.
    effect: str
    #: The id of an event on record that outranks this one; empty unless it is superseded.
    superseded_by: str = ""
    #: What kind of event that is, for example "consent".
    superseded_by_kind: str = ""
    #: When that event occurred (UTC).
    superseded_by_occurred_at: datetime | None = None
    #: What is odd about the event.
    warnings: tuple[EventWarning, ...] = ()

    def __str__(self) -> str:
        """For people: "SUPERSEDED by the consent sms-7 of 2026-01-02T12:00:00Z", the time cut to the second."""
        text = self.effect
        if self.superseded_by:
            text += f" by the {self.superseded_by_kind or 'event'} {self.superseded_by}"
            if self.superseded_by_occurred_at is not None:
                at = self.superseded_by_occurred_at.replace(microsecond=0, tzinfo=None)
                text += f" of {at.isoformat()}Z"
        return "; ".join([text, *map(str, self.warnings)])


def outcomes_of(response: v1.RecordEventsResponse) -> tuple[Outcome, ...]:
    """What became of each event, in the request's order. None: the server is of a version that does not tell."""
    return tuple(map(_outcome, response.outcomes))


def outcome_of(response: Union[v1.LinkSubjectsResponse, v1.UnlinkSubjectsResponse]) -> Outcome:
    """What became of a link or a parting: "COUNTED", "SUPERSEDED" where a newer event of the two ids is on record, or
    "DUPLICATE"."""
    return _outcome(response.outcome)


def _outcome(outcome: v1.EventOutcome) -> Outcome:
    told = outcome.HasField("superseded_by_occurred_at")
    return Outcome(
        effect=bare(v1.EventEffect, outcome.effect),
        superseded_by=outcome.superseded_by,
        superseded_by_kind=outcome.superseded_by_kind,
        superseded_by_occurred_at=instant(outcome.superseded_by_occurred_at) if told else None,
        warnings=tuple(
            EventWarning(bare(v1.EventWarningCode, w.code), w.purpose, w.nearest, w.message) for w in outcome.warnings
        ),
    )
