"""One worker process as the supervisor sees it: spawned, heard, asked to stop, reaped."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ctr_service.workers.line import Alive, Refused, Serving, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from ctr_service.clock import Clock
    from ctr_service.workers.line import Brief, Event

WORKER_COMMAND = (sys.executable, "-P", "-m", "ctr_service.workers.worker")
"""-P: the current folder is not searched for modules, as with the installed command."""
SILENCE_S = 30.0
"""A serving worker that says nothing for this long hangs, and its connections with it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a life ended.

    Attributes:
        how: words for the log: "was killed by SIGKILL".
        refusal: the sentence of a worker that found a setting or the bundle wrong.
        served_ns: how long it served; 0 when it never did.
    """

    how: str
    refusal: str | None = None
    served_ns: int = 0


class WorkerProcess:
    """A running worker. Made by `spawned`, which leaves no process behind."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        clock: Clock,
    ) -> None:
        self._process = process
        self._reader, self._writer = line
        self._clock = clock
        self._served_since_ns: int | None = None
        self._refusal: str | None = None
        self._killed_because: str | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def spawned(
        cls, command: Sequence[str], brief: Brief, clock: Clock
    ) -> AsyncIterator[Self]:
        """Start a process and brief it; on leaving, kill what is left of it and reap it.

        Raises:
            OSError: the system gives no process or no socket.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    stdin=PIPE,
                    pass_fds=(theirs.fileno(),),
                    # A terminal's Ctrl-C goes to the whole group; workers hear of it from us.
                    start_new_session=True,
                )
            except BaseException:
                writer.close()
                raise
        worker = cls(process, (reader, writer), clock)
        try:
            await worker._brief(brief)
            yield worker
        finally:
            await worker._reap()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def watch(self, serving: Callable[[Serving], object]) -> Ending:
        """Listen until the process ended. `serving` hears when it serves."""
        while (event := await self._event()) is not None:
            match event:
                case Serving():
                    self._served_since_ns = self._clock.now_ns()
                    serving(event)
                case Refused(sentence):
                    self._refusal = sentence
                case Alive():
                    pass  # that it came is the message
        code = await self._process.wait()
        return Ending(self._how(code), self._refusal, self._served_ns())

    def ask_to_stop(self) -> None:
        """Ask for a drain. Asking again changes nothing."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _event(self) -> Event | None:
        """Return the next event, or None when the worker is gone or had to be killed."""
        patience_s = None if self._served_since_ns is None else SILENCE_S
        try:
            async with asyncio.timeout(patience_s):
                line = await self._reader.readline()
            return decode(line) if line else None
        except ConnectionError:
            return None
        except TimeoutError:
            self._killed_because = f"was killed after {SILENCE_S:g} s without a sign of life"
        except ValueError:
            self._killed_because = (
                "was killed because it is of another release than the supervisor; restart both"
            )
        self.kill()
        return None

    async def _brief(self, brief: Brief) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise AssertionError("the process was started with a pipe")
        with contextlib.suppress(ConnectionError):  # it died already: `watch` says how
            # Pickled, because JSON would write stars for a secret. Nobody else can write this pipe.
            stdin.write(pickle.dumps(brief))
            await stdin.drain()
        stdin.close()

    async def _reap(self) -> None:
        self.kill()
        await self._process.wait()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _served_ns(self) -> int:
        if self._served_since_ns is None:
            return 0
        return self._clock.now_ns() - self._served_since_ns

    def _how(self, code: int) -> str:
        if self._killed_because is not None:
            return self._killed_because
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"
