"""What the server and near caches agree on beyond the messages: consistency tokens, hash slots and checksums, as the proto
file says them (WatchInvalidationsResponse and WatchHello in decision_service.proto)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from google.protobuf.message import DecodeError

from consentd.v1.decision_service_pb2 import WatchHello, WatchInvalidationsResponse

_VERSION = 1
_BODY = struct.Struct(">B16sQ")  # the version, the store's id, the revision
_CHECKSUM = struct.Struct(">I")
_TEXT_LENGTH = 39  # of _BODY and _CHECKSUM in base64 without padding

_NUMBERS = struct.Struct(">QQQQQ")
_TERMS = struct.Struct(">IQ")
_UINT64 = (1 << 64) - 1

SECOND = 1_000_000_000


class Token(NamedTuple):
    """What a consistency token says: a revision, and of which store."""

    store_id: bytes
    revision: int


def _castagnoli(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CASTAGNOLI = tuple(map(_castagnoli, range(256)))


def crc32c(data: bytes) -> int:
    """CRC-32C. The standard library has none, and a token is short."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CASTAGNOLI[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@lru_cache(1024)  # a session demands its write's with each check
def parse_token(text: str) -> Token | None:
    """What a token says; None for one that is damaged or of another version. It takes only what a server writes."""
    if len(text) != _TEXT_LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    body = raw[: _BODY.size]
    version, store_id, revision = _BODY.unpack(body)
    whole = len(raw) == _BODY.size + _CHECKSUM.size and version == _VERSION
    if not whole or _CHECKSUM.unpack(raw[_BODY.size :])[0] != crc32c(body) or token_text(store_id, revision) != text:
        return None
    return Token(store_id, revision)


def token_text(store_id: bytes, revision: int) -> str:
    """The inverse of parse_token."""
    body = _BODY.pack(_VERSION, store_id, revision)
    return base64.urlsafe_b64encode(body + _CHECKSUM.pack(crc32c(body))).rstrip(b"=").decode()


def slot_of(hello: WatchHello, controller: str, subject_id: str) -> int:
    """The hash slot into which changes of a subject fall."""
    name = controller.encode()
    digest = hmac.digest(hello.slot_key, struct.pack(">I", len(name)) + name + subject_id.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % hello.slot_count


class NearProtocolError(Exception):
    """The stream cannot be trusted any more. Its decisions are dropped, and another stream is opened."""


def message_of(data: bytes) -> WatchInvalidationsResponse:
    """Decodes a message. Raises NearProtocolError."""
    try:
        return WatchInvalidationsResponse.FromString(data)
    except DecodeError:
        raise NearProtocolError("a message is malformed") from None


def nanoseconds(seconds: int, nanos: int) -> int:
    """A duration or a time of protobuf's as one number."""
    return seconds * SECOND + nanos


def checksum_of(m: WatchInvalidationsResponse) -> int:
    """What the checksum of a message must be."""
    numbers = (m.from_position, m.position, m.revision, m.heartbeat, m.server_time & _UINT64)
    parts = [_NUMBERS.pack(*numbers), struct.pack(f">{len(m.slots)}I", *m.slots), m.policy_revision.encode()]
    if m.HasField("hello"):
        lease = nanoseconds(m.hello.lease.seconds, m.hello.lease.nanos) & _UINT64
        parts += [m.hello.store_id, m.hello.slot_key, _TERMS.pack(m.hello.slot_count, lease)]
    return zlib.crc32(b"".join(parts))
