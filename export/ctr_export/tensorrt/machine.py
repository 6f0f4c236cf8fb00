"""What a machine must have before a plan is built: GPU, driver, TensorRT, CUDA in torch, disk."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctr_export.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

OLDEST_DRIVER = (525, 60)
"""CUDA 12's least driver, which TensorRT 10 needs."""
OLDEST_COMPUTE = (7, 5)
"""Turing: TensorRT 10's oldest GPU."""
TENSORRT_MAJOR = 10
"""INT32 inputs, explicit batches, and precisions chosen by flags, which 11 no longer has."""
SPARE_BYTES = 1 << 30
DISK_SHARE = 3
"""Of the graph's size: the plan, the timing cache, and a copy beside the old one."""
QUERY = "name,compute_cap,driver_version"
SMI_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as its driver calls it."""

    name: str
    compute_capability: str
    driver_version: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether a plan runs."""

    gpu: Gpu
    tensorrt_version: str


class Machine(Protocol):
    """What is asked of the machine; tests bring their own."""

    def gpus(self) -> list[Gpu]:
        """Return the GPUs in the driver's order.

        Raises:
            MachineError: there is no driver, or it does not answer.
        """
        ...

    def tensorrt_version(self) -> str | None:
        """Return the version of the Python package, or None where it cannot be imported."""
        ...

    def torch_sees_cuda(self) -> bool:
        """Say whether torch can hold a plan's inputs on the GPU."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """Return the free bytes of the disk that holds `folder`."""
        ...


class LocalMachine:
    """This machine."""

    def gpus(self) -> list[Gpu]:
        """Ask `nvidia-smi`, which comes with the driver; see `Machine.gpus`."""
        program = shutil.which("nvidia-smi")
        if program is None:
            raise MachineError(
                "no NVIDIA GPU: nvidia-smi is not on PATH. Run this on the machine that has the "
                "GPU (in a container: with --gpus all), with NVIDIA's driver installed; "
                "`--dry-run` shows here what would be built"
            )
        command = [program, f"--query-gpu={QUERY}", "--format=csv,noheader"]
        try:
            done = subprocess.run(  # noqa: S603 -- fixed arguments
                command, capture_output=True, text=True, timeout=SMI_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise MachineError(
                f"nvidia-smi fails ({type(error).__name__}): the driver is not loaded or does not "
                "match its kernel module; reboot, or install the driver again"
            ) from error
        return parse_gpus(done.stdout)

    def tensorrt_version(self) -> str | None:
        """Import the package; see `Machine.tensorrt_version`."""
        try:
            module = importlib.import_module("tensorrt")
        except (ImportError, OSError):  # OSError: a CUDA library that it loads is missing
            return None
        return str(module.__version__)

    def torch_sees_cuda(self) -> bool:
        """Ask torch; see `Machine.torch_sees_cuda`."""
        import torch  # noqa: PLC0415 -- slow, and only this needs it

        return torch.cuda.is_available()

    def free_bytes(self, folder: Path) -> int:
        """Ask the filesystem; see `Machine.free_bytes`."""
        return shutil.disk_usage(folder).free


def parse_gpus(text: str) -> list[Gpu]:
    """Read what `nvidia-smi --query-gpu` prints: a GPU a line.

    Raises:
        MachineError: it printed something else.
    """
    gpus = []
    for line in text.strip().splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != len(QUERY.split(",")):
            raise MachineError(
                f"nvidia-smi answered {line[:80]!r} where {QUERY} was asked; update the driver"
            )
        gpus.append(Gpu(*fields))
    return gpus


def check_gpu(machine: Machine, index: int) -> Facts:
    """Check that plans can be built and run here; the cheapest checks first.

    Args:
        machine: to be asked.
        index: which GPU, in the driver's order.

    Raises:
        MachineError: says what is missing and what to do.
    """
    gpus = machine.gpus()
    if not 0 <= index < len(gpus):
        raise MachineError(
            f"there is no GPU {index}: the driver lists {len(gpus)}; choose another with --gpu"
        )
    gpu = gpus[index]
    if _numbers(gpu.driver_version) < OLDEST_DRIVER:
        raise MachineError(
            f"the driver is {gpu.driver_version}, and TensorRT {TENSORRT_MAJOR} needs "
            f"{'.'.join(map(str, OLDEST_DRIVER))} or newer; update the driver"
        )
    if _numbers(gpu.compute_capability) < OLDEST_COMPUTE:
        raise MachineError(
            f"{gpu.name} has compute capability {gpu.compute_capability}, and TensorRT "
            f"{TENSORRT_MAJOR} needs {'.'.join(map(str, OLDEST_COMPUTE))}; serve the target "
            "onnxruntime-cuda on it"
        )
    version = machine.tensorrt_version()
    if version is None:
        raise MachineError(
            "the Python package tensorrt cannot be imported; install the version that your Triton "
            "image holds (its release notes name it): pip install tensorrt==<version>"
        )
    if _numbers(version)[:1] != (TENSORRT_MAJOR,):
        raise MachineError(
            f"tensorrt is {version}, and this program is written for {TENSORRT_MAJOR}.x; install "
            "the version that your Triton image holds"
        )
    return Facts(gpu, version)


def check_build(machine: Machine, folder: Path, graph_bytes: int) -> None:
    """Check what building needs beside the GPU: torch with CUDA, and disk.

    Args:
        machine: to be asked.
        folder: where the bundle lies.
        graph_bytes: size of the ONNX graph.

    Raises:
        MachineError: says what is missing and what to do.
    """
    needed = DISK_SHARE * graph_bytes + SPARE_BYTES
    free = machine.free_bytes(folder)
    if free < needed:
        raise MachineError(
            f"the disk of {folder} has {free:,} bytes free, and the build needs {needed:,}; free "
            "some, or move the bundle"
        )
    if not machine.torch_sees_cuda():
        raise MachineError(
            "torch sees no GPU, so the plan could not be judged: it is the CPU build, or CUDA does "
            "not match the driver; install torch's CUDA build of the same version"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, `10.9.0.34` -> (10, 9, 0, 34)."""
    numbers = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
