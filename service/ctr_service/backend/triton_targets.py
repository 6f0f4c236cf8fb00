"""Where Triton is: targets as an operator writes them, and the addresses behind their names."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Target:
    """A host (a name or an address) and a port, as configured."""

    host: str
    port: int

    def __str__(self) -> str:
        return _joined(self.host, self.port)


Resolve: TypeAlias = "Callable[[Target], Awaitable[tuple[str, ...]]]"
"""Target -> `address:port` of every server behind it, sorted; raises OSError when unknown."""


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read `HOST:PORT[,HOST:PORT]`; IPv6 addresses stand in brackets.

    Raises:
        SettingsError: names the part that is wrong.
    """
    targets = tuple(_target(part.strip()) for part in text.split(","))
    if len(set(targets)) != len(targets):
        raise SettingsError("--triton names a server twice; name each once")
    return targets


async def resolve(target: Target) -> tuple[str, ...]:
    """Ask the system's resolver. A headless service gives one address a pod.

    IPv6 counts where there is no IPv4 alone: in a dual-stack cluster both lead to the same pods.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a part of the name is empty, or too long for any resolver
        raise OSError(f"no host name: {error}") from None
    hosts = {(family, str(address[0])) for family, _, _, _, address in found}
    ipv4 = {host for family, host in hosts if family == socket.AF_INET}
    return tuple(sorted(_joined(host, target.port) for host in ipv4 or {h for _, h in hosts}))


def _target(part: str) -> Target:
    host, colon, port = part.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not colon or not bare or (":" in bare and not bracketed) or "/" in part:
        raise SettingsError(
            f"--triton must be HOST:PORT[,HOST:PORT] (Triton's gRPC port, often 8001), not {part!r}"
        )
    if bracketed:
        _check_ipv6(bare)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= MAX_PORT:
        raise SettingsError(f"--triton: the port of {part!r} must be 1 to {MAX_PORT}")
    return Target(bare, int(port))


def _check_ipv6(host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise SettingsError(f"--triton: [{host}] is no IPv6 address") from None


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
