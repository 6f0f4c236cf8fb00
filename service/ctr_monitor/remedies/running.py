"""Runs a remedy of the allow-list, or rehearses it; keeps a record of who, when, what, output."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ctr_monitor.errors import BadInputError

if TYPE_CHECKING:
    from ctr_monitor.clock import WallClock
    from ctr_monitor.remedies.allow_list import AllowList, Remedy
    from ctr_monitor.store.remedy_runs import RemedyRun, RemedyRuns
    from ctr_monitor.store.thread import StoreThread

MAX_OUTPUT_BYTES = 16 * 1024
SHOWN_ONLY = "not run: the allow-list names no dry run of its own, so this only shows the command"
MAX_WHO = 80


class RemedyRunner:
    """One remedy at a time; a second one is refused, so that two people do not restart twice."""

    def __init__(
        self, allow_list: AllowList, runs: RemedyRuns, thread: StoreThread, clock: WallClock
    ) -> None:
        self.allow_list = allow_list
        self._runs = runs
        self._thread = thread
        self._clock = clock
        self._turn = asyncio.Lock()

    async def run(self, incident_id: int, name: str, *, by: str, dry: bool) -> RemedyRun:
        """Return the record of a run that ended, well or not.

        Args:
            incident_id: what it is for.
            name: of a remedy in the allow-list.
            by: who asks, for the record.
            dry: rehearse it.

        Raises:
            BadInputError: no such remedy, it may not run, nobody says who, or another one runs.
            NotThereError: no such incident.
        """
        remedy = self.allow_list.named(name)
        if remedy is None:
            raise BadInputError("the allow-list has no remedy of that name")
        if not dry and not remedy.may_run:
            raise BadInputError(f"{remedy.name} may only be rehearsed: its may_run is not true")
        by = by.strip()
        if not by or len(by) > MAX_WHO:
            raise BadInputError(f"say who asks, in at most {MAX_WHO} characters")
        if self._turn.locked():
            raise BadInputError("another remedy runs; wait for its end")
        async with self._turn:
            argv = remedy.dry_run_argv if dry else remedy.argv
            run_id = await self._thread.call(
                self._runs.begin,
                incident_id,
                remedy.name,
                argv or remedy.argv,
                dry=dry,
                by=by,
                now_ms=self._clock.now_ms(),
            )
            outcome, output = await _run(argv, remedy.timeout_s) if argv else ("shown", SHOWN_ONLY)
            return await self._thread.call(
                self._runs.end, run_id, outcome, output, now_ms=self._clock.now_ms()
            )

    def offered(self, cause: str) -> tuple[Remedy, ...]:
        """Return the remedies that the allow-list has against a cause."""
        return self.allow_list.against(cause)


async def _run(argv: tuple[str, ...], timeout_s: float) -> tuple[str, str]:
    """Return how it ended and the begin of what it wrote."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return f"not started: {error.strerror}", ""
    output = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            await _read(process, output)
            code = await process.wait()
        outcome = f"exit {code}"
    except TimeoutError:
        outcome = f"killed after {timeout_s:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return outcome, output.decode("utf-8", "replace")


async def _read(process: asyncio.subprocess.Process, output: bytearray) -> None:
    """Take all that it writes, so that it never blocks, and keep the begin."""
    assert process.stdout is not None  # noqa: S101 -- it was asked for as a pipe
    while chunk := await process.stdout.read(4096):
        output += chunk[: max(0, MAX_OUTPUT_BYTES - len(output))]
