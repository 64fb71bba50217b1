"""Makes events."""

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
]


def new_event(source: str, kind: Kind | None = None) -> v1.Event:
    """An event of now with a fresh UUIDv7 as its id.

    Make an event once and repeat it with the same id; a new id would record it twice. Without a kind, set one of its fields
    before recording it. An annulment and the restart of an erasure need evidence too.
    """
    now = Timestamp()
    now.GetCurrentTime()
    event = v1.Event(id=str(_uuid7()), occurred_at=now, source=source)
    for field in v1.Event.DESCRIPTOR.oneofs_by_name["kind"].fields:
        if kind is not None and field.message_type == kind.DESCRIPTOR:
            getattr(event, field.name).CopyFrom(kind)
    if kind is not None and event.WhichOneof("kind") is None:
        raise TypeError(f"{type(kind).__name__} is no kind of event")
    return event


def _uuid7() -> uuid.UUID:
    """48 bits of milliseconds, and random ones (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76  # the version
    value = value & ~(0b11 << 62) | 0b10 << 62  # the variant
    return uuid.UUID(int=value)
