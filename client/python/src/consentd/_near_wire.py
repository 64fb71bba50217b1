"""What the server and near caches agree on beyond the messages: consistency tokens, hash slots and checksums, as the proto
file says them (WatchInvalidationsResponse and WatchHello in decision_service.proto)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from google.protobuf.message import DecodeError

from consentd.v1.decision_service_pb2 import WatchHello, WatchInvalidationsResponse

_BODY = struct.Struct(">B16sQ")  # the version, the store's id, the revision
_CHECKSUM = struct.Struct(">I")
_MARK = struct.Struct(">I")  # of the store's history; in tokens of version 2, between _BODY and _CHECKSUM
_UNMARKED, _MARKED = 1, 2
_TEXT_LENGTHS = {_UNMARKED: 39, _MARKED: 44}  # by versions, in base64 without padding
_TOKEN = re.compile(r"[A-Za-z0-9_-]{39}|[A-Za-z0-9_-]{44}")

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
    raw = token_bytes(text)
    if raw is None:
        return None
    body, checksum = raw[: -_CHECKSUM.size], raw[-_CHECKSUM.size :]
    version, store_id, revision = _BODY.unpack(body[: _BODY.size])
    mark = _MARK.unpack(body[_BODY.size :])[0] if version == _MARKED else None
    if _CHECKSUM.unpack(checksum)[0] != crc32c(body) or token_text(store_id, revision, mark) != text:
        return None
    return Token(store_id, revision)


def token_bytes(text: str) -> bytes | None:
    """The bytes of a token of a version that is known; None for others. The checksum is not looked at."""
    if not _TOKEN.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if _TEXT_LENGTHS.get(raw[0]) == len(text) else None


def token_text(store_id: bytes, revision: int, mark: int | None = None) -> str:
    """The inverse of parse_token, of the mark that it does not tell."""
    body = _BODY.pack(_UNMARKED if mark is None else _MARKED, store_id, revision)
    if mark is not None:
        body += _MARK.pack(mark)
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
