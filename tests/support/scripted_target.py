"""A scripted target in its own process, and `ctr-bench run` against it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from ctr_bench.scripted_load import scripted_server
from ctr_bench.scripted_queue import Script
from tests.support.bench import bench

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

QUICK = Script(kind="lognormal", service_ms=5.0, servers=4)


@contextlib.contextmanager
def scripted(script: Script = QUICK) -> Iterator[str]:
    """Yield the target of a scripted server."""
    with scripted_server(script) as server:
        yield server.target


def bench_run(target: str, runs: Path, name: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `ctr-bench run` into a folder."""
    return bench("run", "--target", target, "--out", str(runs), "--name", name, *more)


def content_of(folder: Path) -> dict[str, Any]:
    """Read a run's file."""
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found
