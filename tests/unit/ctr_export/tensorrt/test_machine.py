"""Claims about what a machine must have, and what is said where it has not."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ctr_export.errors import MachineError, PlanRefusedError
from ctr_export.tensorrt.fits import check_plan_fits
from ctr_export.tensorrt.machine import (
    Facts,
    LocalMachine,
    check_build,
    check_gpu,
    parse_gpus,
)
from ctr_service.bundle.manifest import PlanRecord
from tests.support.tensorrt_world import FACTS, GPU, FakeMachine

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "0" * 64
RECORD = PlanRecord(
    graph_sha256=SHA256,
    gpu=GPU.name,
    compute_capability=GPU.compute_capability,
    driver_version=GPU.driver_version,
    tensorrt_version=FACTS.tensorrt_version,
    build_seconds=1.0,
    profiles=3,
    pairs=100,
    max_abs_delta_probability=0.01,
    p99_abs_delta_probability=0.001,
)


def test_a_machine_with_everything_says_what_it_is(tmp_path: Path) -> None:
    """GPU and versions are what the manifest will record."""
    assert check_gpu(FakeMachine(), 0) == FACTS
    check_build(FakeMachine(), tmp_path, 100)


@pytest.mark.parametrize(
    ("machine", "index", "sentence"),
    [
        (FakeMachine(), 1, "there is no GPU 1: the driver lists 1"),
        (FakeMachine([]), 0, "there is no GPU 0: the driver lists 0"),
        (FakeMachine([replace(GPU, driver_version="470.82.01")]), 0, "update the driver"),
        (FakeMachine([replace(GPU, driver_version="525.59.1")]), 0, "525.60 or newer"),
        (FakeMachine([replace(GPU, compute_capability="7.0")]), 0, "onnxruntime-cuda"),
        (FakeMachine(version=None), 0, "pip install tensorrt==<version>"),
        (
            FakeMachine(version="11.0.1"),
            0,
            "tensorrt is 11.0.1, and this program is written for 10",
        ),
        (FakeMachine(version="8.6.1"), 0, "install the version that your Triton image holds"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(
    machine: FakeMachine, index: int, sentence: str
) -> None:
    """GPU, driver, compute capability, TensorRT: each has its own sentence."""
    with pytest.raises(MachineError) as caught:
        check_gpu(machine, index)
    assert sentence in str(caught.value)


def test_too_little_disk_is_said_in_bytes(tmp_path: Path) -> None:
    """The build would fail after minutes; the check fails at once, with both figures."""
    with pytest.raises(MachineError, match=r"1,000 bytes free, and the build needs 1,073,742,124"):
        check_build(FakeMachine(free=1_000), tmp_path, 100)


def test_torch_without_cuda_is_refused(tmp_path: Path) -> None:
    """The plan could be built but not judged, so it is not built."""
    with pytest.raises(MachineError, match="it is the CPU build"):
        check_build(FakeMachine(cuda=False), tmp_path, 100)


def test_what_nvidia_smi_prints_is_read() -> None:
    """A GPU a line; names hold spaces."""
    text = "NVIDIA A100-SXM4-80GB, 8.0, 535.104.05\nNVIDIA L4, 8.9, 550.54.15\n"
    assert parse_gpus(text)[1] == GPU
    assert [gpu.name for gpu in parse_gpus(text)] == ["NVIDIA A100-SXM4-80GB", "NVIDIA L4"]
    assert parse_gpus("") == []


def test_an_answer_that_is_none_is_refused() -> None:
    """An old nvidia-smi does not know compute_cap."""
    with pytest.raises(MachineError, match="update the driver"):
        parse_gpus('Field "compute_cap" is not a valid field to query.')


def test_a_machine_without_a_driver_is_told_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """No nvidia-smi: the sentence names the machine that is needed, and the dry run."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(MachineError, match="--dry-run"):
        LocalMachine().gpus()


def test_a_driver_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that does not match its kernel module fails every nvidia-smi."""

    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(9, "nvidia-smi")

    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr("subprocess.run", fail)
    with pytest.raises(MachineError, match="kernel module"):
        LocalMachine().gpus()


def test_a_package_that_is_not_there_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT without its CUDA libraries counts as none."""

    def fail(_: str) -> None:
        raise OSError("libcudart.so.12")

    monkeypatch.setattr("importlib.import_module", fail)
    assert LocalMachine().tensorrt_version() is None


def test_a_plan_fits_the_machine_that_built_it() -> None:
    """Another driver is no other machine: CUDA's minor versions are compatible."""
    check_plan_fits(RECORD, FACTS, SHA256)
    newer = replace(GPU, driver_version="560.1.1")
    check_plan_fits(RECORD, Facts(newer, FACTS.tensorrt_version), SHA256)


@pytest.mark.parametrize(
    ("facts", "sha256", "sentence"),
    [
        (Facts(replace(GPU, name="NVIDIA T4"), FACTS.tensorrt_version), SHA256, "here NVIDIA T4"),
        (
            Facts(replace(GPU, compute_capability="9.0"), FACTS.tensorrt_version),
            SHA256,
            "compute capability 8.9, here 9.0",
        ),
        (Facts(GPU, "10.9.0.35"), SHA256, "TensorRT 10.9.0.34, here 10.9.0.35"),
        (FACTS, "1" * 64, "graph 000"),
    ],
)
def test_a_plan_of_another_machine_is_refused(facts: Facts, sha256: str, sentence: str) -> None:
    """Another GPU, TensorRT or graph: the sentence names both sides and the command."""
    with pytest.raises(PlanRefusedError) as caught:
        check_plan_fits(RECORD, facts, sha256)
    assert sentence in str(caught.value)
    assert "ctr-export tensorrt BUNDLE --checkpoint" in str(caught.value)
