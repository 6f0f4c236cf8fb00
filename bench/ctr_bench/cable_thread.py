"""A cable whose loop runs in a thread, for a bench that blocks while a load runs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from ctr_bench.cable import Cable, Fault

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

WAIT_S = 10.0


class CableThread:
    """Cuts, slows down and heals a cable that lives in another thread's loop."""

    def __init__(self, cable: Cable, loop: asyncio.AbstractEventLoop) -> None:
        self._cable = cable
        self._loop = loop

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._cable.port

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self._run(self._cable.cut())

    def slow(self) -> None:
        """Let each reply come late from now on."""
        self._cable.fault = Fault.SLOW

    def heal(self) -> None:
        """Be a cable again."""
        self._run(self._cable.heal())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)


@contextlib.contextmanager
def cable_in_a_thread(target_port: int, *, delay_s: float) -> Iterator[CableThread]:
    """A cable for the length of a block.

    Args:
        target_port: of the server.
        delay_s: how late replies come while it is slow.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="cable", daemon=True)
    thread.start()
    cable = CableThread(Cable(target_port, delay_s=delay_s), loop)
    try:
        cable.heal()  # not listening yet, it begins to
        yield cable
        cable.cut()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()
