"""Claims of `ctr_service.backend.sessions` beyond the contract, on ONNX Runtime."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.base import LOGITS, Cost
from ctr_service.backend.onnx_session import OnnxSession, open_onnx_sessions
from ctr_service.backend.sessions import SessionsBackend
from ctr_service.clock import ManualClock, SystemClock
from ctr_service.errors import BackendFailedError, BundleError, DeadlineExceededError
from tests.support.rows import make_bad_token_graph, make_row, padded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.clock import Clock

FAR_NS = 1 << 62
ROWS = padded([make_row(np.random.default_rng(0), 8)], 8)


@pytest.fixture
def graph_path(tmp_path: Path) -> Path:
    """The tiny graph."""
    return make_bad_token_graph(tmp_path / "tiny.onnx")


def threads_alive() -> set[str]:
    """Return the names of the backend's threads."""
    return {t.name for t in threading.enumerate() if t.name.startswith("session_")}


class GatedRuns:
    """Stands in for `OnnxSession.run`: each run waits in its thread until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Semaphore(0)
        self.let_through = threading.Semaphore(0)
        self.begun = 0
        real_run = OnnxSession.run

        def run(
            session: OnnxSession, tensors: Mapping[str, NDArray[np.generic]]
        ) -> dict[str, NDArray[np.generic]]:
            self.begun += 1
            self.entered.release()
            self.let_through.acquire()
            return real_run(session, tensors)

        monkeypatch.setattr(OnnxSession, "run", run)

    async def wait_for_one(self) -> None:
        """Return once a run has entered the engine."""
        await asyncio.to_thread(self.entered.acquire)


def backend_of(
    path: Path, *, sessions: int = 1, clock: Clock | None = None, costs: tuple[Cost, ...] = ()
) -> SessionsBackend:
    """Return a backend on ONNX Runtime, a thread a session."""
    return SessionsBackend(
        {"joint": path},
        open_onnx_sessions,
        sessions=sessions,
        threads_a_session=1,
        clock=clock or SystemClock(),
        costs=costs,
    )


async def test_warm_up_runs_every_bucket_and_gives_its_costs(graph_path: Path) -> None:
    """One row and a full batch of every bucket are measured, and become the backend's costs."""
    guess = (Cost(8, 1, 1.0),)
    backend = backend_of(graph_path, sessions=2, costs=guess)
    assert backend.costs == guess
    costs = await backend.warm_up("joint", (8, 16, 32), 32)
    shapes = [(cost.bucket_tokens, cost.rows) for cost in costs]
    assert shapes == [(8, 1), (8, 4), (16, 1), (16, 2), (32, 1)]
    assert all(0 < cost.seconds < 1 for cost in costs)
    assert backend.costs == costs
    await backend.close()


async def test_every_session_rehearses_before_it_is_timed(
    graph_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own thread, and what is measured is a session that knows its shapes."""
    told: list[str] = []
    asked: list[tuple[Sequence[int], int]] = []
    real_run = OnnxSession.run

    def run(
        session: OnnxSession, tensors: Mapping[str, NDArray[np.generic]]
    ) -> dict[str, NDArray[np.generic]]:
        rehearses = tensors is ROWS
        told.append(threading.current_thread().name if rehearses else "timed")
        return real_run(session, tensors)

    def rehearsal(
        _: OnnxSession, buckets_tokens: Sequence[int], max_batch_tokens: int
    ) -> list[Mapping[str, NDArray[np.generic]]]:
        asked.append((buckets_tokens, max_batch_tokens))
        return [ROWS]

    monkeypatch.setattr(OnnxSession, "run", run)
    monkeypatch.setattr(OnnxSession, "rehearsal", rehearsal)
    backend = backend_of(graph_path, sessions=2)
    await backend.warm_up("joint", (8, 16), 32)
    assert asked == [((8, 16), 32)] * 2
    assert sorted(told[:2]) == ["session_0", "session_1"]
    assert set(told[2:]) == {"timed"}
    await backend.close()


async def test_closing_ends_a_rehearsal(graph_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that is told to stop while it starts waits for the batch that runs, not for all."""
    gate = GatedRuns(monkeypatch)
    monkeypatch.setattr(OnnxSession, "rehearsal", lambda *_: [ROWS] * 100)
    backend = backend_of(graph_path)
    warm_up = asyncio.create_task(backend.warm_up("joint", (8,), 32))
    await gate.wait_for_one()
    warm_up.cancel()
    closing = asyncio.create_task(backend.close())
    await asyncio.sleep(0)  # it has begun, and waits for the thread
    assert not await backend.ready()
    gate.let_through.release(100)
    await closing
    assert gate.begun == 1
    with pytest.raises(asyncio.CancelledError):
        await warm_up


async def test_a_warm_up_that_fails_is_an_error(
    graph_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that cannot run its shapes says so and keeps its old costs."""

    def fail(
        _: OnnxSession, tensors: Mapping[str, NDArray[np.generic]]
    ) -> dict[str, NDArray[np.generic]]:
        raise BackendFailedError(f"{len(tensors)} tensors refused")

    monkeypatch.setattr(OnnxSession, "run", fail)
    backend = backend_of(graph_path, sessions=2)
    with pytest.raises(BackendFailedError, match="3 tensors refused"):
        await backend.warm_up("joint", (8,), 32)
    assert backend.costs == ()
    await backend.close()


async def test_it_measures_the_time_inside_the_engine(graph_path: Path) -> None:
    """`compute_ns` is real time of the run."""
    backend = backend_of(graph_path)
    outputs = await backend.run("joint", ROWS, FAR_NS)
    assert 0 < outputs.compute_ns < 1_000_000_000
    await backend.close()


async def test_no_thread_outlives_close(graph_path: Path) -> None:
    """Each session has one thread of its own, and close ends them all."""
    backend = backend_of(graph_path, sessions=3)
    await asyncio.gather(*(backend.run("joint", ROWS, FAR_NS) for _ in range(9)))
    assert 0 < len(threads_alive()) <= 3
    await backend.close()
    assert not threads_alive()


async def test_the_deadline_is_checked_when_the_engine_would_begin(
    graph_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waited for its session beyond its deadline is not begun."""
    gate, clock = GatedRuns(monkeypatch), ManualClock()
    backend = backend_of(graph_path, clock=clock)
    first = asyncio.create_task(backend.run("joint", ROWS, 100))
    await gate.wait_for_one()
    second = asyncio.create_task(backend.run("joint", ROWS, 100))
    clock.advance_ns(100)
    gate.let_through.release()
    assert len((await first).tensors[LOGITS]) == 1, "begun in time, it may end late"
    with pytest.raises(DeadlineExceededError):
        await second
    assert gate.begun == 1
    await backend.close()


async def test_a_cancelled_caller_does_not_free_a_busy_session(
    graph_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run begins when the engine is done with the abandoned one, not before."""
    gate = GatedRuns(monkeypatch)
    backend = backend_of(graph_path, clock=ManualClock())
    abandoned = asyncio.create_task(backend.run("joint", ROWS, FAR_NS))
    await gate.wait_for_one()
    abandoned.cancel()
    await asyncio.gather(abandoned, return_exceptions=True)
    following = asyncio.create_task(backend.run("joint", ROWS, FAR_NS))
    for _ in range(5):
        await asyncio.sleep(0)
    assert gate.begun == 1
    gate.let_through.release()
    await gate.wait_for_one()
    gate.let_through.release()
    await following
    assert gate.begun == 2
    await backend.close()


async def test_close_wakes_those_who_wait_for_a_session(
    graph_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waits for a session when the backend closes is told so; the begun one ends."""
    gate = GatedRuns(monkeypatch)
    backend = backend_of(graph_path, clock=ManualClock())
    begun = asyncio.create_task(backend.run("joint", ROWS, FAR_NS))
    await gate.wait_for_one()
    waiting = [asyncio.create_task(backend.run("joint", ROWS, FAR_NS)) for _ in range(2)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(backend.close())
    await asyncio.sleep(0)
    gate.let_through.release()
    assert len((await begun).tensors[LOGITS]) == 1
    for task in waiting:
        with pytest.raises(BackendFailedError, match="closed"):
            await task
    await closing


@pytest.mark.parametrize(("sessions", "threads"), [(0, 1), (1, 0)])
def test_a_backend_without_sessions_is_refused(
    graph_path: Path, sessions: int, threads: int
) -> None:
    """Zero sessions, or zero threads a session, would never answer."""
    with pytest.raises(ValueError, match="at least 1"):
        SessionsBackend(
            {"joint": graph_path},
            open_onnx_sessions,
            sessions=sessions,
            threads_a_session=threads,
            clock=ManualClock(),
        )


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    """Garbage, and a file that is not there, are a BundleError that names the file."""
    (tmp_path / "joint.onnx").write_bytes(b"garbage")
    for name in ("joint.onnx", "absent.onnx"):
        with pytest.raises(BundleError, match=name):
            OnnxSession(tmp_path / name, threads=1)


def test_a_provider_that_falls_back_is_refused(graph_path: Path) -> None:
    """The runtime falls back from a missing GPU silently; here it is an error."""
    with (
        pytest.warns(UserWarning, match="not in available provider"),
        pytest.raises(BundleError, match="fell back from CUDAExecutionProvider"),
    ):
        OnnxSession(graph_path, threads=1, providers=("CUDAExecutionProvider",))
