"""Making and timing the candidates. One that cannot be made or run is refused, not fatal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import PLAIN
from ctr_export.making import make_graph
from ctr_export.measure import measure_speeds
from ctr_service.errors import CtrError

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
        failure: why it cannot be made or run; empty when it can.
    """

    candidate: Candidate
    path: Path
    speed: Speed | None = None
    failure: str = ""


def make_trials(
    candidates: Sequence[Candidate], material: Material, folder: Path, say: Callable[[str], None]
) -> list[Trial]:
    """Write each candidate's graph into `folder`."""
    trials: list[Trial] = []
    for candidate in candidates:
        if candidate.precision == PLAIN:
            trials.append(Trial(candidate, material.plain))
            continue
        say(f"making {candidate.precision}: {candidate.summary}")
        path = folder / f"{candidate.precision}.onnx"
        try:
            make_graph(candidate.precision, material, path)
        except Exception as error:  # noqa: BLE001 -- third-party optimizers raise whatever they meet
            failure = f"it cannot be made from this model: {type(error).__name__}: {error}"
            trials.append(Trial(candidate, path, failure=failure))
        else:
            trials.append(Trial(candidate, path))
    return trials


def time_trials(
    trials: Sequence[Trial], chunks: Sequence[Chunk], open_graph: Callable[[Path], SessionPool]
) -> list[Trial]:
    """Measure all candidates side by side on the same batches."""
    failures: dict[str, str] = {trial.candidate.precision: trial.failure for trial in trials}
    with contextlib.ExitStack() as stack:
        pools: dict[str, SessionPool] = {}
        for trial in trials:
            name = trial.candidate.precision
            if failures[name]:
                continue
            try:
                pool = stack.enter_context(open_graph(trial.path))
                pool.run(chunks[-1:])
                pools[name] = pool
            except CtrError as error:
                failures[name] = f"it cannot be run: {error}"
        speeds = measure_speeds(pools, chunks)
    return [
        Trial(
            trial.candidate,
            trial.path,
            speeds.get(trial.candidate.precision),
            failures[trial.candidate.precision],
        )
        for trial in trials
    ]
