"""Claims of `ctr_service.backend.scripted` beyond the contract."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS, Cost
from ctr_service.backend.scripted import (
    ScriptedBackend,
    ScriptedRun,
    lengths_as_logits,
    scripted_logits,
    sleeping_script,
)
from ctr_service.clock import ManualClock, SystemClock
from ctr_service.errors import BackendFailedError
from tests.support.rows import make_row, padded

RNG = np.random.default_rng(0)
ROWS = [make_row(RNG, length) for length in (5, 8, 3)]
FAR_NS = 1 << 62


async def test_the_script_sees_each_run_and_may_hold_it() -> None:
    """The script is awaited with the run's number, shape and tensors before it answers."""
    seen: list[ScriptedRun] = []
    gate = asyncio.Event()

    async def script(run: ScriptedRun) -> None:
        seen.append(run)
        await gate.wait()

    backend = ScriptedBackend(slots=2, clock=ManualClock(), script=script)
    tasks = [asyncio.create_task(backend.run("joint", padded(ROWS, 8), FAR_NS)) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert [(run.number, run.rows, run.bucket_tokens) for run in seen] == [(1, 3, 8), (2, 3, 8)]
    assert backend.running == backend.slots, "the third waits for a slot"
    gate.set()
    await asyncio.gather(*tasks)
    assert (backend.runs, backend.running) == (3, 0)


async def test_the_script_may_fail_a_run() -> None:
    """An error that the script raises is the run's; the slot is free again."""

    async def script(run: ScriptedRun) -> None:
        if run.number == 1:
            raise BackendFailedError("scripted")

    backend = ScriptedBackend(slots=1, clock=ManualClock(), script=script)
    with pytest.raises(BackendFailedError, match="scripted"):
        await backend.run("joint", padded(ROWS, 8), FAR_NS)
    assert len((await backend.run("joint", padded(ROWS, 8), FAR_NS)).tensors[LOGITS]) == 3


async def test_a_sleeping_script_takes_the_time_of_its_shape() -> None:
    """In real time a run takes what the function of rows and bucket says."""
    clock = SystemClock()
    backend = ScriptedBackend(
        slots=1,
        clock=clock,
        script=sleeping_script(lambda rows, bucket: rows * bucket * 1e-3),
        costs=(Cost(8, 3, 0.024),),
    )
    outputs = await backend.run("joint", padded(ROWS, 8), FAR_NS)
    assert outputs.compute_ns >= 20_000_000
    assert backend.costs[0].seconds == 0.024


async def test_the_formula_of_the_logits_may_be_chosen() -> None:
    """With the lengths as logits nothing but a row's length decides, spread from -2 upwards."""
    backend = ScriptedBackend(slots=1, clock=ManualClock(), logits=lengths_as_logits)
    outputs = await backend.run("joint", padded(ROWS, 8), FAR_NS)
    expected = [row.length / 16 - 2 for row in ROWS]
    assert outputs.tensors[LOGITS].tolist() == expected


def test_every_input_shows_in_the_logit() -> None:
    """Changing one token, one place, the length or the first length changes the logit."""
    tensors = padded([make_row(np.random.default_rng(3), 8)], 8)
    ids, lengths, first_lengths = (
        tensors[name].astype(np.int32) for name in (INPUT_IDS, LENGTHS, FIRST_LENGTHS)
    )
    before = scripted_logits(ids, lengths, first_lengths)[0]
    other, swapped = ids.copy(), ids.copy()
    other[0, 3] += 1
    swapped[0, [1, 2]] = swapped[0, [2, 1]]
    logits = {
        float(before),
        float(scripted_logits(other, lengths, first_lengths)[0]),
        float(scripted_logits(swapped, lengths, first_lengths)[0]),
        float(scripted_logits(ids, lengths - 1, first_lengths)[0]),
        float(scripted_logits(ids, lengths, first_lengths + 1)[0]),
    }
    assert len(logits) == 5
    assert all(-4 <= logit <= 4 for logit in logits)
