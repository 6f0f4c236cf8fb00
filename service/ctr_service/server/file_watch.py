"""Noticing that files changed, by what `stat` says of them, off the path of any call.

Kubernetes changes a mounted Secret by swapping a symlink, which `stat` follows, so that a new
inode and time are seen; an editor that saves in place changes time and size.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self, TypeAlias

    Signature: TypeAlias = tuple[tuple[int, int, int] | None, ...]
    Sleep: TypeAlias = Callable[[float], Awaitable[None]]
    Reload: TypeAlias = Callable[[], Awaitable[None]]

POLL_S = 2.0
"""A revoked token works at most this much longer."""


def signature_of(paths: Sequence[Path]) -> Signature:
    """Return what changes when a file does; None in the place of one that cannot be looked at."""
    return tuple(_signature(path) for path in paths)


class FileWatch:
    """Calls back after a file changed, for the length of the context."""

    def __init__(self, path: Path, reload: Reload, sleep: Sleep, poll_s: float = POLL_S) -> None:
        """Take what to call. Make the watch before the first read, so that no change is missed.

        Args:
            path: is looked at every `poll_s` seconds, in a thread.
            reload: runs in the event loop; must not raise.
            sleep: waits for that many seconds.
            poll_s: seconds between two looks.
        """
        self._path = path
        self._reload = reload
        self._sleep = sleep
        self._poll_s = poll_s
        self._seen = signature_of((path,))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._poll(), name=f"watch {self._path.name}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _poll(self) -> None:
        while True:
            await self._sleep(self._poll_s)
            now = await asyncio.to_thread(signature_of, (self._path,))
            if now != self._seen:
                self._seen = now
                await self._reload()


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
