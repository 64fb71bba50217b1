"""Where and how a client connects."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from consentd._errors import Error

_WANTED = "want host:port, dns:///host:port or unix:///path"


@dataclass(frozen=True)
class Connection:
    """What a channel is made of."""

    target: str
    #: None: plaintext.
    credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, Any], ...]


def connection(target: str, credentials: grpc.ChannelCredentials | None, insecure: bool) -> Connection:
    """Plaintext to loopback addresses and Unix sockets, TLS with the system's roots to all else, unless the caller says
    otherwise. Raises ValueError for what makes no sense."""
    local = _inspect(target)
    if credentials is not None and insecure:
        raise ValueError(f"target {target!r}: credentials and insecure contradict each other")
    if credentials is None and not insecure and not local:
        credentials = grpc.ssl_channel_credentials()
    return Connection(target, credentials, _options(local))


def bearing(token: Callable[[], str] | None) -> tuple[tuple[str, str], ...] | None:
    """What a call carries to say who makes it. The Error leaves out what it is: a token is a secret."""
    if token is None:
        return None
    try:
        text = token()
    except Exception as error:
        raise Error(grpc.StatusCode.UNAUTHENTICATED, f"the token is not to be had: {error}") from error
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Error(grpc.StatusCode.UNAUTHENTICATED, "the token is not one line of visible ASCII without spaces")
    return (("authorization", f"Bearer {text}"),)


def _options(local: bool) -> tuple[tuple[str, Any], ...]:
    """Those of every channel.

    Keepalive: a gRPC server by default closes connections that ping more often than every five minutes or without a call
    under way. Reconnection starts at 100 ms instead of gRPC's 1 s, which is as long as a whole call may take. Of gRPC's own
    retries and of service configurations see _retry. A proxy of the environment is no loopback address.
    """
    return (
        ("grpc.primary_user_agent", "consentd-python"),
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.keepalive_time_ms", 360_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.enable_http_proxy", 0 if local else 1),
    )


def _inspect(target: str) -> bool:
    """Checks a target and says whether it stays on this machine. It errs on the side of "no": a scheme that it does not know
    is taken as remote."""
    scheme, _, rest = target.partition(":")
    if scheme in ("unix", "unix-abstract"):
        if scheme == "unix" and rest.startswith("//") and not rest.startswith("///"):
            raise ValueError(f"target {target!r}: {_WANTED}")  # gRPC would find out in the first call only
        return True
    if scheme == "dns" and rest.startswith("//"):
        return _inspect_host_port(target, rest.removeprefix("//").partition("/")[2])
    if "://" in target:
        return False
    return _inspect_host_port(target, target)


def _inspect_host_port(target: str, endpoint: str) -> bool:
    host, _, port = endpoint.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or not port or "[" in host or "]" in host or (":" in host and not bracketed):
        raise ValueError(f"target {target!r}: {_WANTED}")
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
