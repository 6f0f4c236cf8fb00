"""Which model serves at each of several addresses: health and GetModel, asked all at once."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_client.errors import AccessError, DeadlineError, PredictionError, UnavailableError
from ctr_client.health import SERVING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_client.client import PredictionClient

MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Served:
    """What one address answered.

    Attributes:
        health: "SERVING", "NOT_SERVING" or "UNKNOWN"; None without an answer.
        problem: why something below is missing, as a short clause; None where nothing is.
        model, version, graph, manifest_sha256: as GetModel says them; None without an answer.
    """

    address: str
    health: str | None = None
    problem: str | None = None
    model: str | None = None
    version: str | None = None
    graph: str | None = None
    manifest_sha256: str | None = None

    @property
    def well(self) -> bool:
        """Whether it says SERVING, and what."""
        return self.health == SERVING and self.problem is None


def ask_all(
    addresses: Sequence[str], connect: Callable[[str], PredictionClient], *, deadline_s: float
) -> list[Served]:
    """Ask every address, and return the answers in the order of the addresses.

    Args:
        addresses: "host:port" each.
        connect: makes a client for one.
        deadline_s: for each of an address's two calls.
    """
    with ThreadPoolExecutor(min(MOST_AT_ONCE, max(1, len(addresses)))) as pool:
        return list(pool.map(lambda address: _ask(address, connect, deadline_s), addresses))


def addresses_of(target: str) -> list[str]:
    """Return every IPv4 and IPv6 address behind "host:port", as targets; [] for a name unknown.

    A headless Service's name stands for all its pods; a channel to it would ask one of them.
    """
    host, _, port = target.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return []
    names = dict.fromkeys(str(place[0]) for *_, place in found)
    return [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names]


def _ask(address: str, connect: Callable[[str], PredictionClient], deadline_s: float) -> Served:
    health: str | None = None
    try:
        with connect(address) as client:
            health = client.health(deadline_s=deadline_s)
            answer = client.get_model(deadline_s=deadline_s)
    except PredictionError as error:
        return Served(address, health, _clause(error))
    return Served(
        address,
        health,
        None,
        answer.name,
        answer.version,
        answer.graph,
        answer.manifest_sha256,
    )


def _clause(error: PredictionError) -> str:
    if isinstance(error, AccessError):
        return "lets this call not in (--token-file, --token-env)"
    if isinstance(error, DeadlineError):
        return "no answer in time"
    if isinstance(error, UnavailableError):
        return "no TLS as asked for" if "handshake" in str(error).lower() else "no answer"
    return f"{error.code.name}: {error}"
