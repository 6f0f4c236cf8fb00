"""What every `Backend` promises, asked of the scripted one, both engines and Triton alike."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.base import LOGITS, Backend, Outputs
from ctr_service.backend.onnx_session import open_onnx_sessions
from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.backend.sessions import SessionsBackend
from ctr_service.clock import ManualClock
from ctr_service.errors import BackendFailedError, DeadlineExceededError
from ctr_service.limits import NS_PER_S
from tests.support.openvino_variants import float32_sessions, require_openvino
from tests.support.rows import (
    FAILING_ID,
    POISON_ID,
    make_bad_token_graph,
    make_row,
    padded,
)
from tests.support.triton_repository import Served, write_repository
from tests.support.triton_server import TritonServer, running_triton
from tests.support.triton_world import PARAMETERS, PATIENCE_S, Heard, make_backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.types import Row

SLOTS = 2
GRAPH = "joint"
LATER_NS = 30 * NS_PER_S
LENGTHS = (3, 9, 16, 1, 12, 16, 5, 8)


@pytest.fixture(scope="module")
def graph_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny graph in which one token gives NaN."""
    return make_bad_token_graph(tmp_path_factory.mktemp("graph") / "tiny.onnx")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at zero."""
    return ManualClock()


@pytest.fixture(scope="module")
def triton(graph_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A real Triton that serves the same graph, with as many instances as the others have slots."""
    folder = tmp_path_factory.mktemp("repository")
    with running_triton(
        write_repository(folder, graph_path, PARAMETERS, Served(instances=SLOTS))
    ) as server:
        yield server


@pytest.fixture(params=["scripted", "onnx", "openvino", "triton"])
async def backend(
    request: pytest.FixtureRequest, clock: ManualClock, graph_path: Path
) -> AsyncIterator[Backend]:
    """Each implementation, with the same bad tokens."""
    made: Backend
    if request.param == "triton":
        server: TritonServer = request.getfixturevalue("triton")
        over_the_wire = make_backend(server.target, Heard(), clock=clock)
        await over_the_wire.start(PATIENCE_S)
        yield over_the_wire
        await over_the_wire.close()
        return
    if request.param == "scripted":
        made = ScriptedBackend(
            slots=SLOTS,
            clock=clock,
            poison_ids=frozenset({POISON_ID}),
            failing_ids=frozenset({FAILING_ID}),
        )
    else:
        if request.param == "openvino":
            require_openvino()
        made = SessionsBackend(
            {GRAPH: graph_path},
            open_onnx_sessions if request.param == "onnx" else float32_sessions(),
            sessions=SLOTS,
            threads_a_session=1,
            clock=clock,
        )
    yield made
    await made.close()


@pytest.fixture
def rows() -> list[Row]:
    """Eight rows of several lengths."""
    rng = np.random.default_rng(0)
    return [make_row(rng, length) for length in LENGTHS]


def logits_of(outputs: Outputs) -> NDArray[np.float32]:
    """Return the logits, checked for shape and type."""
    logits = outputs.tensors[LOGITS]
    assert logits.dtype == np.float32
    assert logits.ndim == 1
    return logits.astype(np.float32)


async def run(backend: Backend, rows: Sequence[Row], bucket: int = 16) -> Outputs:
    """Run rows as one batch."""
    return await backend.run(GRAPH, padded(rows, bucket), LATER_NS)


async def alone(backend: Backend, rows: Sequence[Row]) -> list[float]:
    """Return the logit of each row, each in a batch of its own at its own length."""
    return [float(logits_of(await run(backend, [row], row.length))[0]) for row in rows]


async def test_a_batch_gives_one_finite_logit_a_row(backend: Backend, rows: list[Row]) -> None:
    """The output has the promised name, type and shape, and no row failed."""
    outputs = await run(backend, rows)
    logits = logits_of(outputs)
    assert logits.shape == (len(rows),)
    assert np.isfinite(logits).all()
    assert len(set(logits.tolist())) == len(rows), "every row has its own"
    assert not outputs.failed_rows
    assert outputs.compute_ns >= 0


async def test_a_row_does_not_depend_on_its_batch_mates(backend: Backend, rows: list[Row]) -> None:
    """Other mates, another order, another padding: the same logit."""
    expected = np.array(await alone(backend, rows))
    for seed, bucket in ((1, 16), (2, 32), (3, 64)):
        order = np.random.default_rng(seed).permutation(len(rows))[: 3 + seed]
        logits = logits_of(await run(backend, [rows[i] for i in order], bucket))
        np.testing.assert_allclose(logits, expected[order], atol=1e-6)


async def test_a_late_batch_is_not_begun(
    backend: Backend, rows: list[Row], clock: ManualClock
) -> None:
    """A deadline that has come is an error, and the next batch is served."""
    clock.advance_ns(LATER_NS)
    with pytest.raises(DeadlineExceededError):
        await run(backend, rows)
    assert await backend.ready()
    outputs = await backend.run(GRAPH, padded(rows, 16), 2 * LATER_NS)
    assert len(logits_of(outputs)) == len(rows)


async def test_an_unknown_graph_is_an_error(backend: Backend, rows: list[Row]) -> None:
    """A graph that the backend does not hold fails the batch by name."""
    with pytest.raises(BackendFailedError, match="no graph item_encoder"):
        await backend.run("item_encoder", padded(rows, 16), LATER_NS)


async def test_a_row_may_fail_alone(backend: Backend, rows: list[Row]) -> None:
    """A row without a number is named with a reason; its mates keep their logits."""
    expected = await alone(backend, rows)
    bad = make_row(np.random.default_rng(5), 6, holds=FAILING_ID)
    outputs = await run(backend, [*rows[:3], bad, *rows[3:]])
    assert list(outputs.failed_rows) == [3]
    assert outputs.failed_rows[3]
    kept = np.delete(logits_of(outputs), 3)
    np.testing.assert_allclose(kept, expected, atol=1e-6)


async def test_a_failed_batch_leaves_the_backend_serving(
    backend: Backend, rows: list[Row], request: pytest.FixtureRequest
) -> None:
    """A batch that fails whole raises; the backend stays ready and answers the next as ever."""
    expected = logits_of(await run(backend, rows))
    poison = make_row(np.random.default_rng(5), 6, holds=POISON_ID)
    bad = padded([*rows[1:], poison], 16)
    if request.node.callspec.params["backend"] == "openvino":
        # It reads a token beyond the vocabulary as zeros; a length too few is what it trips over.
        bad["lengths"] = bad["lengths"][:-1]
    for _ in range(SLOTS + 1):
        with pytest.raises(BackendFailedError):
            await backend.run(GRAPH, bad, LATER_NS)
    assert await backend.ready()
    np.testing.assert_array_equal(logits_of(await run(backend, rows)), expected)


async def test_more_runs_than_slots_all_get_their_own(backend: Backend, rows: list[Row]) -> None:
    """Thirty batches at once: each gets its own rows' logits."""
    expected = await alone(backend, rows)
    starts = [i % len(rows) for i in range(30)]
    outputs = await asyncio.gather(*(run(backend, rows[start:]) for start in starts))
    for start, output in zip(starts, outputs, strict=True):
        np.testing.assert_allclose(logits_of(output), expected[start:], atol=1e-6)


async def test_a_cancelled_run_costs_no_slot(backend: Backend, rows: list[Row]) -> None:
    """After every slot's run was cancelled, the backend serves as before."""
    for _ in range(3):
        tasks = [asyncio.create_task(run(backend, rows)) for _ in range(SLOTS + 1)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    outputs = await asyncio.gather(*(run(backend, rows) for _ in range(SLOTS)))
    assert all(len(logits_of(output)) == len(rows) for output in outputs)


async def test_after_close_nothing_runs(backend: Backend, rows: list[Row]) -> None:
    """Close lets begun runs end, may be called again, and then every run fails at once."""
    tasks = [asyncio.create_task(run(backend, rows)) for _ in range(5)]
    await asyncio.sleep(0)
    await backend.close()
    await backend.close()
    for task in tasks:
        with contextlib.suppress(BackendFailedError):
            assert len(logits_of(await task)) == len(rows)
    assert not await backend.ready()
    with pytest.raises(BackendFailedError, match="closed"):
        await run(backend, rows)


def test_slots_and_costs_are_known_before_the_first_run(backend: Backend) -> None:
    """The batcher reads both when it starts."""
    assert backend.slots == SLOTS
    assert backend.costs == ()
