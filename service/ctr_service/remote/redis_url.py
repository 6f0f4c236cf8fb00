"""A Redis URL, taken apart. Its password is in no message and no repr."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

REDIS_PORT = 6379
SENTINEL_PORT = 26379
_MAX_PORT = 65_535
_FORMS = (
    "redis://[user:password@]host:port/0, rediss:// for TLS, "
    "redis+sentinel://host:port,host:port/service, redis+cluster://host:port,host:port "
    "(rediss+sentinel, rediss+cluster for TLS)"
)
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d+))?")


class Topology(enum.Enum):
    """How the servers behind a URL are found."""

    STANDALONE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; None takes the system's authorities, and no client certificate."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """What a URL means.

    Attributes:
        addresses: the server, or the sentinels or cluster nodes to begin with.
        username, password: of the ACL user; "" is none.
        service: a sentinel's name of the master.
    """

    topology: Topology
    addresses: tuple[Address, ...]
    tls: bool
    database: int = 0
    service: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse_redis_url(url: str) -> RedisTarget:
    """Take a URL apart.

    Raises:
        SettingsError: says what is wrong; repeats nothing of the URL, which may hold a password.
    """
    scheme, _, rest = url.partition("://")
    base, _, topology_name = scheme.lower().partition("+")
    if base not in ("redis", "rediss") or not rest:
        raise SettingsError(f"the Redis URL has no known form; the forms are {_FORMS}")
    try:
        topology = Topology(topology_name)
        parts = urlsplit(f"//{rest}")
    except ValueError:
        raise SettingsError(f"the Redis URL has no known form; the forms are {_FORMS}") from None
    if parts.query or parts.fragment:
        raise SettingsError(
            "the Redis URL has a query or a fragment (an unescaped ? or #), which mean nothing "
            "here; write %3F and %23 in a password"
        )
    userinfo, _, hosts = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    port = SENTINEL_PORT if topology is Topology.SENTINEL else REDIS_PORT
    path = unquote(parts.path.strip("/"))
    addresses = tuple(_address(host, port) for host in hosts.split(","))
    if topology is Topology.STANDALONE and len(addresses) > 1:
        raise SettingsError(
            f"the Redis URL names {len(addresses)} servers; write redis+sentinel:// or "
            "redis+cluster:// to say what they are to one another"
        )
    if topology is Topology.CLUSTER and path not in ("", "0"):
        raise SettingsError("a Redis cluster has database 0 alone; leave the URL's path out")
    return RedisTarget(
        topology=topology,
        addresses=addresses,
        tls=base == "rediss",
        database=_database(path) if topology is Topology.STANDALONE else 0,
        service=_service(path) if topology is Topology.SENTINEL else "",
        username=unquote(username),
        password=unquote(password),
    )


def _address(text: str, default_port: int) -> Address:
    match = _HOST.fullmatch(text)
    if match is None:
        raise SettingsError(
            "the Redis URL has a host that is empty or has a wrong port; write host:port, several "
            "with commas between, and escape @ : / in a password as %40 %3A %2F"
        )
    port = int(match["port"] or default_port)
    if not 0 < port <= _MAX_PORT:
        raise SettingsError(f"a port in the Redis URL is {port}; ports are 1 to {_MAX_PORT}")
    return Address(match["six"] or unquote(match["name"]), port)


def _database(path: str) -> int:
    if path and not path.isdecimal():
        raise SettingsError("the Redis URL's path must be the database's number, such as /0")
    return int(path or 0)


def _service(path: str) -> str:
    if not path:
        raise SettingsError(
            "a sentinel URL ends in the master's name: redis+sentinel://host:port/service"
        )
    return path
