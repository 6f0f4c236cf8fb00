"""What supervisor and worker say to each other over a socket pair.

The supervisor hands the worker its brief on stdin and says one thing over the socket: it closes its
side. That means "drain and stop", whether it was meant or the supervisor died, so that a worker
cannot outlive it. The worker sends one JSON object a line: serving, alive, refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.settings import Settings

ALIVE_EVERY_S = 1.0
"""A serving worker says "alive" this often, from its event loop."""
REASON_CHARACTERS = 4_096
"""A longer sentence is cut, so that it fits the reader's line."""
STOP_MARGIN_S = 10.0
"""Beyond drain delay and grace: closing the engine, which first finishes its running batch."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What one worker is to do.

    Attributes:
        settings: its settings; the port is the shared one.
        worker: its number, from 0; the `worker` label of its metrics and logs.
        cpus: its share of the CPUs.
    """

    settings: Settings
    worker: int
    cpus: int


@dataclass(frozen=True, slots=True)
class Serving:
    """The worker listens and health says SERVING. `metrics_port` is None without metrics."""

    metrics_port: int | None


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker's event loop turns."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A setting or the bundle is wrong: another start would end the same."""

    sentence: str


Event = Serving | Alive | Refused


def encode(event: Event) -> bytes:
    """Return the event's line."""
    match event:
        case Serving(metrics_port):
            said: dict[str, object] = {"event": "serving", "metrics_port": metrics_port}
        case Alive():
            said = {"event": "alive"}
        case Refused(sentence):
            said = {"event": "refused", "sentence": sentence[:REASON_CHARACTERS]}
    return json.dumps(said).encode() + b"\n"


def decode(line: bytes) -> Event:
    """Read an event's line.

    Raises:
        ValueError: it is no event; the two ends are not of one release.
    """
    match json.loads(line):
        case {"event": "serving", "metrics_port": int() | None as port}:
            return Serving(port)
        case {"event": "alive"}:
            return Alive()
        case {"event": "refused", "sentence": str(sentence)}:
            return Refused(sentence)
    raise ValueError("a worker said something that is no event")


def stop_patience_s(settings: Settings) -> float:
    """Return how long a worker's stop may take before it is ended by force."""
    return settings.drain_delay_s + settings.grace_s + STOP_MARGIN_S


class WorkerEnd:
    """The worker's end of the line."""

    def __init__(self, line: socket.socket, exit_now: Callable[[int], object] = os._exit) -> None:
        """Take the socket, and what ends the process without waiting for threads."""
        self._line = line
        self._exit_now = exit_now

    def tell(self, event: Event) -> None:
        """Send an event. Never waits: a supervisor that hangs must not hold up the event loop."""
        with contextlib.suppress(OSError):
            self._line.send(encode(event), socket.MSG_DONTWAIT)

    def watch(self, hung_up: Callable[[], object], *, patience_s: float) -> threading.Thread:
        """Call `hung_up` once the supervisor closes its side or dies.

        A thread of its own, because the event loop may be what hangs: `patience_s` later the
        process ends in any case.
        """
        thread = threading.Thread(
            target=self._watch, args=(hung_up, patience_s), name="supervisor-line", daemon=True
        )
        thread.start()
        return thread

    def _watch(self, hung_up: Callable[[], object], patience_s: float) -> None:
        with contextlib.suppress(OSError):
            while self._line.recv(1):
                pass
        hung_up()
        threading.Event().wait(patience_s)
        self._exit_now(1)
