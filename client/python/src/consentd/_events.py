"""Makes events, and the requests that link ids."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Union

from google.protobuf.timestamp_pb2 import Timestamp

from consentd import v1

Kind = Union[
    v1.ConsentEvent,
    v1.ObjectionEvent,
    v1.RestrictionEvent,
    v1.OptOutEvent,
    v1.SignalsEvent,
    v1.ErasureEvent,
    v1.ProfileEvent,
    v1.AnnulmentEvent,
    v1.SharingEvent,
]


def new_event(source: str, kind: Kind | None = None) -> v1.Event:
    """An event of now with a fresh UUIDv7 as its id.

    Make an event once and repeat it with the same id; a new id would record it twice. Without a kind, set one of its fields
    before recording it. An annulment and the restart of an erasure need evidence too.
    """
    event = v1.Event(id=str(_uuid7()), occurred_at=_now(), source=source)
    for field in v1.Event.DESCRIPTOR.oneofs_by_name["kind"].fields:
        if kind is not None and field.message_type == kind.DESCRIPTOR:
            getattr(event, field.name).CopyFrom(kind)
    if kind is not None and event.WhichOneof("kind") is None:
        raise TypeError(f"{type(kind).__name__} is no kind of event")
    return event


def new_link(
    source: str, *, controller: str, subject_id: str, linked_id: str, evidence: str = "", fence: bool = False
) -> v1.LinkSubjectsRequest:
    """A request that makes two ids one person, of now and with a fresh UUIDv7 as its event's id: ``subject_id`` is an id
    of the person, ``linked_id`` the one that was found to be theirs.

    ``evidence`` is a URI of what shows it; an import needs one. With ``fence`` no cache anywhere answers from the older
    state once the call returns. Make a request once and repeat it as it is; a new id would record it twice.
    """
    return v1.LinkSubjectsRequest(
        controller=controller,
        subject_id=subject_id,
        linked_id=linked_id,
        event_id=str(_uuid7()),
        occurred_at=_now(),
        source=source,
        evidence=evidence,
        fence=fence,
    )


def new_unlink(
    source: str, *, controller: str, subject_id: str, linked_id: str, evidence: str, fence: bool = False
) -> v1.UnlinkSubjectsRequest:
    """A request that parts two ids, made as new_link makes one. The ``evidence`` shows that they are two people."""
    return v1.UnlinkSubjectsRequest(
        controller=controller,
        subject_id=subject_id,
        linked_id=linked_id,
        event_id=str(_uuid7()),
        occurred_at=_now(),
        source=source,
        evidence=evidence,
        fence=fence,
    )


def _now() -> Timestamp:
    now = Timestamp()
    now.GetCurrentTime()
    return now


def _uuid7() -> uuid.UUID:
    """48 bits of milliseconds, and random ones (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76  # the version
    value = value & ~(0b11 << 62) | 0b10 << 62  # the variant
    return uuid.UUID(int=value)
