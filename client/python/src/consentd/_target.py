"""Where and how a client connects."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

import grpc

_WANTED = "want host:port, host:port,host:port, dns:///host:port or unix:///path"

#: The service whose health says whether a server of several is asked.
HEALTH_OF = "consent.v1.DecisionService"


@dataclass(frozen=True)
class Connection:
    """What channels are made of."""

    #: The servers to be asked in turn; one, but where a target lists several.
    hosts: tuple[str, ...]
    #: None: plaintext.
    credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, Any], ...]


def connection(target: str, credentials: grpc.ChannelCredentials | None, insecure: bool) -> Connection:
    """Plaintext to loopback addresses and Unix sockets, TLS with the system's roots to all else, unless the caller says
    otherwise. Raises ValueError for what makes no sense."""
    hosts = tuple(target.split(","))
    if len(hosts) > 1 and "/" in target:
        raise ValueError(f"target {target!r}: {_WANTED}")
    local = all(tuple(_inspect(target, host) for host in hosts))
    if credentials is not None and insecure:
        raise ValueError(f"target {target!r}: credentials and insecure contradict each other")
    if credentials is None and not insecure and not local:
        credentials = grpc.ssl_channel_credentials()
    return Connection(hosts, credentials, _options(local) + (_BALANCED if len(hosts) > 1 else ()))


def _options(local: bool) -> tuple[tuple[str, Any], ...]:
    """Those of every channel.

    What gRPC calls the minimal backoff is how long it lets a connection take to be made; the first attempt after a failure
    starts 100 ms later, instead of gRPC's 1 s, which is as long as a whole call may take. Five seconds are enough for TLS at
    a second of round trip, and short enough for a port that accepts and says nothing.

    Keepalive: the server permits a ping every 10 s. A connection behind which nobody answers is found within 14 s where a
    single call waits that long; where calls end before, silence is what tells (see Signs). gRPC has one ping under way: one
    that measures the link's speed holds the other back, and would be waited for for a minute.

    A proxy of the environment is no loopback address. Of gRPC's own retries and of service configurations see _retry. A new
    channel must have a connection of its own, or it would come by the dead one of the channel that it replaces.
    """
    return (
        ("grpc.primary_user_agent", "consentd-python"),
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.keepalive_time_ms", 11_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0 if local else 1),
    )


# A channel of one server among several fails at once while the server says that it does not serve. gRPC asks for the health
# under this policy only.
_BALANCED: tuple[tuple[str, Any], ...] = (
    (
        "grpc.service_config",
        json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": HEALTH_OF}}),
    ),
)


def _inspect(target: str, host: str) -> bool:
    """Checks one of the target's hosts and says whether it stays on this machine. It errs on the side of "no": a scheme that
    it does not know is taken as remote."""
    scheme, _, rest = host.partition(":")
    if scheme in ("unix", "unix-abstract"):
        if scheme == "unix" and rest.startswith("//") and not rest.startswith("///"):
            raise ValueError(f"target {target!r}: {_WANTED}")  # gRPC would find out in the first call only
        return True
    if scheme == "dns" and rest.startswith("//"):
        return _inspect_host_port(target, rest.removeprefix("//").partition("/")[2])
    if "://" in host:
        return False
    return _inspect_host_port(target, host)


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
