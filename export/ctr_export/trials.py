"""Making and timing the candidates. One that cannot be made or run is refused, not fatal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_export.catalogue import CATALOGUE, PLAIN
from ctr_export.making import make_graph
from ctr_export.measure import measure_speeds
from ctr_service.errors import CtrError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ctr_export.catalogue import Candidate
    from ctr_export.chunks import Chunk
    from ctr_export.making import Material
    from ctr_export.measure import Speed
    from ctr_export.pool import SessionPool


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's file and speed.

    Attributes:
        path: its file; another candidate's where it runs that one's.
        failure: why it cannot be made or run; empty when it can.
    """

    candidate: Candidate
    path: Path
    speed: Speed | None = None
    failure: str = ""


def make_trials(
    candidates: Sequence[Candidate], material: Material, folder: Path, say: Callable[[str], None]
) -> list[Trial]:
    """Write each candidate's graph into `folder`; a file that several run is made once."""
    files: dict[str, Path] = {PLAIN: material.plain}
    failures: dict[str, str] = {}
    for name in dict.fromkeys(candidate.file for candidate in candidates):
        if name == PLAIN:
            continue
        say(f"making {name}: {CATALOGUE[name].summary}")
        try:
            files[name] = make_graph(name, material, folder)
        except EngineUnavailableError as error:
            failures[name] = f"not tried: {error}"
        except Exception as error:  # noqa: BLE001 -- third-party optimizers raise whatever they meet
            failures[name] = f"it cannot be made from this model: {type(error).__name__}: {error}"
    return [
        Trial(one, files.get(one.file, folder / one.name), failure=failures.get(one.file, ""))
        for one in candidates
    ]


def time_trials(
    trials: Sequence[Trial],
    chunks: Sequence[Chunk],
    open_graph: Callable[[Candidate, Path], SessionPool],
) -> list[Trial]:
    """Measure all candidates side by side on the same batches."""
    failures: dict[str, str] = {trial.candidate.name: trial.failure for trial in trials}
    with contextlib.ExitStack() as stack:
        pools: dict[str, SessionPool] = {}
        for trial in trials:
            name = trial.candidate.name
            if failures[name]:
                continue
            try:
                pool = stack.enter_context(open_graph(trial.candidate, trial.path))
                pool.run(chunks[-1:])
                pools[name] = pool
            except EngineUnavailableError as error:
                failures[name] = f"not tried: {error}"
            except CtrError as error:
                failures[name] = f"it cannot be run: {error}"
        speeds = measure_speeds(pools, chunks)
    return [
        replace(
            trial,
            speed=speeds.get(trial.candidate.name),
            failure=failures[trial.candidate.name],
        )
        for trial in trials
    ]
