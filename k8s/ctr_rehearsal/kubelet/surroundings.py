"""What a container's commands run in: variables, words rewritten, a folder, a log."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_rehearsal.kubelet.rewriting import Rewriting


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one container.

    Attributes:
        rewriting: of its words.
        variables: of its spec and its image, not rewritten.
        folder: what it runs in.
        log: where its output goes.
        programs: of its image, first on PATH.
        scaled: variables that hold seconds, which the time scale shortens.
        time_scale: on those.
    """

    rewriting: Rewriting
    variables: Mapping[str, str]
    folder: Path
    log: Path
    programs: Path | None = None
    scaled: frozenset[str] = frozenset()
    time_scale: float = 1.0

    async def start(self, command: Sequence[str]) -> asyncio.subprocess.Process:
        """Start a command, in a session of its own so that all it starts can be ended.

        Raises:
            OSError: there is no such program.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(self.rewriting.argument(word) for word in command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )

    async def run(self, command: Sequence[str]) -> int:
        """Run a command to its end and return its exit code; one that is missing gives 127."""
        try:
            process = await self.start(command)
        except OSError:
            return 127
        try:
            return await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise

    def environment(self) -> dict[str, str]:
        """Return all variables: a container sees nothing of ours but where programs are."""
        own = {name: self._value(name, value) for name, value in self.variables.items()}
        own_programs = () if self.programs is None else (str(self.programs),)
        ours = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
        return {
            "PATH": ":".join((*own_programs, *ours)),
            "HOME": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            **own,
        }

    def _value(self, name: str, value: str) -> str:
        if name in self.scaled:
            return f"{float(value) * self.time_scale:g}"
        return self.rewriting.value(value)
