"""On what a run was measured: CPU, cores, memory, kernel, versions. No host name, no user."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # -- ships no types

PACKAGES = ("ctr-serve", "grpcio", "protobuf", "numpy", "pyarrow", "onnxruntime", "openvino")
CPU_INFO = Path("/proc/cpuinfo")


def fingerprint() -> dict[str, object]:
    """Describe this machine and what is installed."""
    return {
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(psutil.virtual_memory().total),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _cpu_model() -> str:
    """Return the CPU's own name and numbers: names of virtual machines hide the generation."""
    wanted = ("model name", "cpu family", "model")
    found: dict[str, str] = {}
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in wanted:
            found.setdefault(key.strip(), value.strip())
    name = found.get("model name", platform.processor())
    numbers = [f"{key} {found[key]}" for key in wanted[1:] if key in found]
    return f"{name} ({', '.join(numbers)})" if numbers else name
