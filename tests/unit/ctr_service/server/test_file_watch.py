"""Noticing that a file changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ctr_service.server.file_watch import POLL_S, FileWatch, signature_of

if TYPE_CHECKING:
    from pathlib import Path


class Rounds:
    """A sleep that ends when the test says so, and counts."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[float] = asyncio.Queue()
        self._go: asyncio.Queue[None] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        """Wait for the test."""
        self._asked.put_nowait(seconds)
        await self._go.get()

    async def next(self) -> float:
        """Let one sleep end, wait until the next begins, and return its length."""
        self._go.put_nowait(None)
        return await self._asked.get()

    async def begun(self) -> None:
        """Wait for the first sleep."""
        await self._asked.get()


async def test_each_change_is_told_once_and_silence_is_silent(tmp_path: Path) -> None:
    """Written, swapped for another file, gone and back: one call each; no change, no call."""
    path = tmp_path / "file"
    path.write_text("one")
    calls: list[str] = []

    async def changed() -> None:
        calls.append(path.read_text() if path.exists() else "gone")

    rounds = Rounds()
    async with FileWatch(path, changed, rounds.sleep), asyncio.timeout(10):
        await rounds.begun()
        assert await rounds.next() == POLL_S
        assert calls == []
        path.write_text("three")
        await rounds.next()
        await rounds.next()
        assert calls == ["three"]
        other = tmp_path / "other"
        other.write_text("four!")
        other.replace(path)
        await rounds.next()
        path.unlink()
        await rounds.next()
        path.write_text("back")
        await rounds.next()
        assert calls == ["three", "four!", "gone", "back"]


async def test_a_change_before_the_start_is_seen(tmp_path: Path) -> None:
    """What changes between making the watch and entering it counts."""
    path = tmp_path / "file"
    path.write_text("one")
    told = asyncio.Event()

    async def changed() -> None:
        told.set()

    rounds = Rounds()
    watch = FileWatch(path, changed, rounds.sleep)
    path.write_text("other")
    async with watch, asyncio.timeout(10):
        await rounds.begun()
        await rounds.next()
        assert told.is_set()


async def test_a_failing_reload_is_not_silent(tmp_path: Path) -> None:
    """A defect in the reload comes out when the watch is left, rather than being lost."""
    path = tmp_path / "file"
    path.write_text("one")

    async def broken() -> None:
        raise KeyError("defect")

    rounds = Rounds()
    watch = FileWatch(path, broken, rounds.sleep)
    path.write_text("other")
    await watch.__aenter__()
    await rounds.begun()
    rounds._go.put_nowait(None)
    assert watch._task is not None
    await asyncio.wait({watch._task}, timeout=10)
    with pytest.raises(KeyError, match="defect"):
        await watch.__aexit__(None, None, None)


def test_a_swapped_symlink_changes_the_signature(tmp_path: Path) -> None:
    """As Kubernetes does with a mounted Secret."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tls.crt").write_text("same")
    data = tmp_path / "data"
    data.symlink_to(tmp_path / "one")
    before = signature_of((data / "tls.crt",))
    fresh = tmp_path / "fresh"
    fresh.symlink_to(tmp_path / "two")
    fresh.replace(data)
    assert signature_of((data / "tls.crt",)) != before
    assert signature_of((tmp_path / "none",)) == (None,)
