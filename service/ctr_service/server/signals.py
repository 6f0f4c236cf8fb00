"""SIGTERM and SIGINT: the first asks for a drain, the second ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from structlog.typing import FilteringBoundLogger

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_OF_SIGNAL = 128
"""Shells give a process that signal n ended the exit code 128 + n."""


class StopSignals:
    """Handles the stop signals of a running event loop, for the length of the context."""

    def __init__(
        self, log: FilteringBoundLogger, exit_now: Callable[[int], object] = os._exit
    ) -> None:
        """Take what ends the process without waiting for threads, which may be deep in a batch."""
        self._log = log
        self._exit_now = exit_now
        self._asked = asyncio.Event()
        self._heard = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._hear, number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    async def asked(self) -> None:
        """Return when the process was asked to stop."""
        await self._asked.wait()

    def ask(self) -> None:
        """Ask for a stop without a signal, which does not count as the first one.

        What signals a whole group of processes (systemd) may reach a worker after its supervisor's
        word did, and then it is no second signal.
        """
        self._asked.set()

    def _hear(self, number: signal.Signals) -> None:
        if self._heard:
            self._log.warning("stopped_at_once", signal=number.name)
            self._exit_now(EXIT_OF_SIGNAL + number)
            return
        self._heard = True
        self._log.info("asked_to_stop", signal=number.name)
        self._asked.set()
