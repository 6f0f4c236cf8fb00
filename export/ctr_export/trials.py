"""Making and timing the candidates. One that cannot be made or run is refused, not fatal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_export.catalogue import CATALOGUE, FUSED, PLAIN
from ctr_export.making import make_graph
from ctr_export.measure import Contender, measure_in_turn
from ctr_service.errors import CtrError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ctr_export.catalogue import Candidate
    from ctr_export.chunks import TimedChunks
    from ctr_export.making import Material
    from ctr_export.measure import Speed
    from ctr_export.pool import SessionPool


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's file and speed.

    Attributes:
        path: its file; another candidate's where it runs that one's.
        failure: why it cannot be made or run; empty when it can.
        skips_padding: whether the graph does.
    """

    candidate: Candidate
    path: Path
    speed: Speed | None = None
    failure: str = ""
    skips_padding: bool = False


def make_trials(
    candidates: Sequence[Candidate], material: Material, folder: Path, say: Callable[[str], None]
) -> list[Trial]:
    """Write each candidate's graph into `folder`; a file that several run is made once."""
    files = material.files
    failures: dict[str, str] = {}
    for name in dict.fromkeys(candidate.file for candidate in candidates):
        if name in files:
            continue
        say(f"making {name}: {CATALOGUE[name].summary}")
        try:
            files[name] = make_graph(name, material, folder)
        except EngineUnavailableError as error:
            failures[name] = f"not tried: {error}"
        except Exception as error:  # noqa: BLE001 -- third-party optimizers raise whatever they meet
            failures[name] = f"it cannot be made from this model: {type(error).__name__}: {error}"
    return [
        Trial(
            one,
            files.get(one.file, folder / one.name),
            failure=failures.get(one.file, ""),
            skips_padding=material.skips_padding and one.file not in {PLAIN, FUSED},
        )
        for one in candidates
    ]


def time_trials(
    trials: Sequence[Trial],
    chunks: TimedChunks,
    open_graph: Callable[[Candidate, Path], SessionPool],
) -> list[Trial]:
    """Measure all candidates side by side on the same rows, each as a gateway would pack them."""
    failures: dict[str, str] = {trial.candidate.name: trial.failure for trial in trials}
    with contextlib.ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        for trial in trials:
            name = trial.candidate.name
            if failures[name]:
                continue
            try:
                pool = stack.enter_context(open_graph(trial.candidate, trial.path))
                own = chunks.of(skips_padding=trial.skips_padding)
                pool.run(own[-1:])
                contenders[name] = Contender(pool, own)
            except EngineUnavailableError as error:
                failures[name] = f"not tried: {error}"
            except CtrError as error:
                failures[name] = f"it cannot be run: {error}"
        speeds = measure_in_turn(contenders)
    return [
        replace(
            trial,
            speed=speeds.get(trial.candidate.name),
            failure=failures[trial.candidate.name],
        )
        for trial in trials
    ]
