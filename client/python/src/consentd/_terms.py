"""What a call carries beside its request, and who may make calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

import grpc

from consentd._errors import Error

#: gRPC metadata: names to values, or pairs where a name comes more than once. Names that end with -bin have bytes.
Metadata = Union[Mapping[str, Union[str, bytes]], Iterable[tuple[str, Union[str, bytes]]]]
Pairs = tuple[tuple[str, Union[str, bytes]], ...]

_NAME = re.compile(r"[0-9a-z_.-]+")
_TEXT = re.compile(r"[ -~]*")


def pairs(metadata: Metadata | None) -> Pairs:
    """Metadata as gRPC wants them. Raises TypeError or ValueError for what no header may be; it does not show values."""
    given: Any = () if metadata is None else metadata
    found: tuple[tuple[Any, Any], ...] = tuple(given.items() if hasattr(given, "items") else given)
    for name, value in found:
        if not isinstance(name, str) or not isinstance(value, bytes if name.endswith("-bin") else str):
            raise TypeError(f"metadata {name!r}: want a name and a str, or bytes where the name ends with -bin")
        if not _NAME.fullmatch(name) or name.startswith("grpc-"):
            raise ValueError(f"metadata {name!r}: a name has a-z, 0-9 and -_. and does not begin with grpc-")
        if isinstance(value, str) and not _TEXT.fullmatch(value):
            raise ValueError(f"metadata {name!r}: the value is not of printable ASCII")
    return found


def bearing(token: Callable[[], str] | None) -> Pairs:
    """What a call carries to say who makes it. The Error leaves out what it is: a token is a secret."""
    if token is None:
        return ()
    try:
        text = token()
    except Exception as error:
        raise Error(grpc.StatusCode.UNAUTHENTICATED, f"the token is not to be had: {error}") from error
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Error(grpc.StatusCode.UNAUTHENTICATED, "the token is not one line of visible ASCII without spaces")
    return (("authorization", f"Bearer {text}"),)


@dataclass(frozen=True)
class Terms:
    """What one call asks for itself."""

    #: None: the client's.
    timeout: float | None = None
    metadata: Pairs = ()
    #: None: the client's.
    token: str | None = None

    @property
    def plain(self) -> bool:
        """Whether the call carries what all calls carry, so that it may share a stream."""
        return not self.metadata and self.token is None


PLAIN = Terms()


def terms(timeout: float | None, metadata: Metadata | None, token: str | None) -> Terms:
    """The terms of a call."""
    if timeout is None and metadata is None and token is None:
        return PLAIN
    return Terms(timeout, pairs(metadata), token)


@dataclass(frozen=True)
class Carried:
    """What all calls of a client carry: metadata, and a token that is asked for each attempt."""

    metadata: Pairs
    token: Callable[[], str] | None

    def by(self, own: Terms) -> Pairs:
        """The metadata of a call with these terms of its own."""
        token = self.token if own.token is None else lambda: own.token or ""
        return self.metadata + own.metadata + bearing(token)
