"""Claims about OpenVINO's sessions: right or refused, never another precision, never stale."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend import openvino_session
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.backend.openvino_library import openvino_core
from ctr_service.backend.openvino_session import open_openvino_sessions
from ctr_service.errors import BackendFailedError, BundleError, EngineUnavailableError
from tests.support.openvino_variants import require_openvino, without_openvino, write_ir
from tests.support.rows import make_row, padded
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.backend.openvino_session import OpenVinoSession

VOCABULARY = 200
SENTENCE_END = "pip install 'ctr-serve[openvino]'"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny graph."""
    require_openvino()
    path = tmp_path_factory.mktemp("graph") / "tiny.onnx"
    make_tiny_graph(path, VOCABULARY)
    return path


def open_one(path: Path, precision: str = "fp32") -> OpenVinoSession:
    """One session of one thread."""
    (session,) = open_openvino_sessions(path, sessions=1, threads=1, precision=precision)
    return session


def batch(rows: int, bucket: int, seed: int = 0) -> dict[str, NDArray[np.generic]]:
    """Random rows of random lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, bucket + 1, rows)
    return padded([make_row(rng, int(length)) for length in lengths], bucket)


def logits(
    session: OpenVinoSession | OnnxSession, tensors: Mapping[str, NDArray[np.generic]]
) -> NDArray[np.float32]:
    """Run a batch."""
    return np.asarray(session.run(tensors)[LOGITS], dtype=np.float32)


def test_it_gives_what_onnx_runtime_gives_in_every_shape(graph: Path) -> None:
    """Float32 on both, one session, shapes in random order and each of them twice."""
    ours, theirs = open_one(graph), OnnxSession(graph, threads=1)
    shapes = [(rows, bucket) for rows in range(1, 13) for bucket in (8, 10, 16, 34)]
    order = np.random.default_rng(0).permutation(len(shapes) * 2)
    for seed, index in enumerate(order.tolist()):
        rows, bucket = shapes[index % len(shapes)]
        tensors = batch(rows, bucket, seed)
        np.testing.assert_allclose(logits(ours, tensors), logits(theirs, tensors), atol=1e-5)


def test_its_own_format_gives_the_same(graph: Path, tmp_path: Path) -> None:
    """A graph saved as `.xml` and `.bin` is the graph."""
    write_ir(graph, tmp_path / "tiny.xml")
    tensors = batch(5, 16)
    ours = logits(open_one(tmp_path / "tiny.xml", "int8-static"), tensors)
    np.testing.assert_allclose(ours, logits(open_one(graph), tensors), atol=1e-5)


@pytest.mark.parametrize("sessions", [2, 2 * (os.cpu_count() or 1) + 1])
def test_sessions_side_by_side_do_not_mix_rows(graph: Path, sessions: int) -> None:
    """As many as there are CPUs, or more: each thread gets its own batches' logits."""
    opened = open_openvino_sessions(graph, sessions=sessions, threads=1, precision="fp32")
    assert len(opened) == sessions
    theirs = OnnxSession(graph, threads=1)
    batches = [
        [batch(1 + k % 7, 8 + 2 * (k % 5), 100 * s + k) for k in range(40)] for s in range(sessions)
    ]

    def run_all(number: int) -> list[NDArray[np.float32]]:
        return [logits(opened[number], one) for one in batches[number]]

    with ThreadPoolExecutor(sessions) as pool:
        for number, found in enumerate(pool.map(run_all, range(sessions))):
            for mine, one in zip(found, batches[number], strict=True):
                np.testing.assert_allclose(mine, logits(theirs, one), atol=1e-5)


def test_logits_outlive_the_next_run(graph: Path) -> None:
    """What a run gave is the caller's: the next run does not write over it."""
    session = open_one(graph)
    first = logits(session, batch(4, 16, 1))
    kept = first.copy()
    logits(session, batch(4, 16, 2))
    np.testing.assert_array_equal(first, kept)


def _without_lengths(tensors: dict[str, NDArray[np.generic]]) -> None:
    del tensors[LENGTHS]


def _with_a_surprise(tensors: dict[str, NDArray[np.generic]]) -> None:
    tensors["surprise"] = tensors[LENGTHS]


def _int64(tensors: dict[str, NDArray[np.generic]]) -> None:
    tensors[INPUT_IDS] = tensors[INPUT_IDS].astype(np.int64)


def _flat(tensors: dict[str, NDArray[np.generic]]) -> None:
    tensors[INPUT_IDS] = tensors[INPUT_IDS].reshape(-1)


def _a_length_too_many(tensors: dict[str, NDArray[np.generic]]) -> None:
    tensors[FIRST_LENGTHS] = np.append(tensors[FIRST_LENGTHS], np.int32(1))


@pytest.mark.parametrize(
    "spoil", [_without_lengths, _with_a_surprise, _int64, _flat, _a_length_too_many]
)
def test_a_batch_that_does_not_fit_is_refused_and_leaves_nothing(
    graph: Path, spoil: object
) -> None:
    """OpenVINO would answer most of these, and then go on answering with their numbers."""
    session = open_one(graph)
    good = batch(3, 16, 1)
    expected = logits(session, good)
    bad = batch(3, 16, 2)
    assert callable(spoil)
    spoil(bad)
    with pytest.raises(BackendFailedError):
        session.run(bad)
    np.testing.assert_array_equal(logits(session, good), expected)


def test_a_model_that_failed_is_left(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the engine raised, the graph is compiled again, and the next batch runs."""
    session = open_one(graph)
    expected = logits(session, batch(3, 16))

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(session, "_request", SimpleNamespace(infer=fail))
    with pytest.raises(BackendFailedError, match="OpenVINO failed: RuntimeError"):
        session.run(batch(3, 16))
    np.testing.assert_array_equal(logits(session, batch(3, 16)), expected)


def test_an_answer_with_other_rows_is_no_answer(
    graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer logits than rows would be given to the wrong rows."""
    session = open_one(graph)
    short = SimpleNamespace(data=np.zeros(2, dtype=np.float32))
    request = SimpleNamespace(infer=lambda *_, **__: None, get_output_tensor=lambda _: short)
    monkeypatch.setattr(session, "_request", request)
    with pytest.raises(BackendFailedError, match="2 rows of logits for 3"):
        session.run(batch(3, 16))


def test_each_precision_is_what_openvino_says_it_runs(graph: Path) -> None:
    """The hint is given always: by itself OpenVINO takes bfloat16 where the CPU has it."""
    core = openvino_core()
    has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for precision, expected in (("fp32", "f32"), ("bf16", "bf16"), ("int8-static", "f32")):
        if precision == "bf16" and not has_bfloat16:
            with pytest.raises(EngineUnavailableError, match="no bfloat16 instructions"):
                open_one(graph, precision)
            continue
        compiled = open_one(graph, precision)._compile().model
        assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == expected
        assert compiled.get_property("ENABLE_CPU_PINNING") is False
        assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


class FakeType:
    """An element type by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_type_name(self) -> str:
        """Return the name."""
        return self.name


def _fake_openvino(monkeypatch: pytest.MonkeyPatch, capabilities: list[str], taken: str) -> None:
    compiled = SimpleNamespace(get_property=lambda _: FakeType(taken))
    core = SimpleNamespace(
        get_property=lambda _device, _name: capabilities,
        read_model=lambda _path: SimpleNamespace(get_ops=list),
        compile_model=lambda _model, _device, _config: compiled,
    )
    monkeypatch.setattr(openvino_session, "openvino_core", lambda: core)


def test_a_cpu_without_bfloat16_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be emulated, or left for float32 without a word."""
    _fake_openvino(monkeypatch, ["FP32", "INT8"], "bf16")
    for precision in ("bf16", "int8-static-bf16"):
        with pytest.raises(EngineUnavailableError, match=f"openvino/{precision} needs"):
            open_one(tmp_path / "any.onnx", precision)


def test_another_precision_than_asked_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the compiled model reports counts, not what it was asked."""
    _fake_openvino(monkeypatch, ["FP32", "BF16"], "f32")
    with pytest.raises(EngineUnavailableError, match="at f32 on this CPU, not at bf16"):
        open_one(tmp_path / "any.onnx", "bf16")


def test_an_unknown_precision_is_refused(graph: Path) -> None:
    """A bundle of a later release may name one."""
    with pytest.raises(EngineUnavailableError, match="not int4"):
        open_one(graph, "int4")


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway without the extra ends with a sentence, not with a traceback."""
    without_openvino(monkeypatch)
    with pytest.raises(EngineUnavailableError) as raised:
        open_one(tmp_path / "any.onnx")
    assert str(raised.value).endswith(SENTENCE_END)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    """Garbage, and a file that is not there, are a BundleError that names the file."""
    require_openvino()
    (tmp_path / "joint.onnx").write_bytes(b"garbage")
    for name in ("joint.onnx", "absent.onnx"):
        with pytest.raises(BundleError, match=name):
            open_one(tmp_path / name)


def test_nothing_is_told_to_google(tmp_path: Path) -> None:
    """Loaded by us, OpenVINO makes no identifier in the home folder and no telemetry object."""
    require_openvino()
    code = (
        "import sys; from ctr_service.backend.openvino_library import load_openvino; "
        "load_openvino(); print(sys.modules['openvino_telemetry'])"
    )
    # CI turns OpenVINO's telemetry off by itself; the claim is about everywhere else.
    environment = {
        k: v for k, v in os.environ.items() if k not in {"CI", "TF_BUILD", "JENKINS_URL"}
    }
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"HOME": str(tmp_path)},
    )
    assert result.stdout.strip() == "None"
    assert list(tmp_path.iterdir()) == []


AFTER_SESSIONS = """
import gc, os, signal, sys, threading
from pathlib import Path
from ctr_service.backend.openvino_session import open_openvino_sessions
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
held = [open_openvino_sessions(Path(sys.argv[1]), sessions=1, threads=1, precision="fp32")]
last = threading.Thread(target=lambda: (held.clear(), gc.collect()))
last.start()
last.join()
os.kill(os.getpid(), signal.SIGTERM)
"""
"""A session of the first thread that another thread frees, and then a signal."""


def test_a_stop_signal_is_heard_after_sessions_are_gone(graph: Path) -> None:
    """The stack for signals that OpenVINO gives a thread outlives its sessions."""
    require_openvino()
    result = subprocess.run(
        [sys.executable, "-c", AFTER_SESSIONS, str(graph)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "heard")
