"""A server in a process of its own: started, watched, stopped by SIGTERM."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # -- ships no types

from ctr_bench.errors import BenchError
from ctr_client.client import PredictionClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_LOOKS = 2_400
LOOK_EVERY_S = 0.05
STOP_S = 60.0
KEPT_LOGS = Path("build/bench/logs")
"""Where the log of a server lands that failed."""


class Child:
    """A running server.

    Attributes:
        target: "127.0.0.1:port" of its gRPC port.
        log_file: stdout and stderr so far.
        pid: of the process itself.
        killed: `kill` ended it, so that its exit code is no complaint.
    """

    def __init__(self, process: subprocess.Popen[bytes], target: str, log_file: Path) -> None:
        self.target = target
        self.log_file = log_file
        self.pid = process.pid
        self.killed = False
        self._process = psutil.Process(process.pid)

    def kill(self) -> None:
        """End it as a lost machine would: no drain, no goodbye."""
        self.killed = True
        self._process.kill()

    def rss_bytes(self) -> int:
        """Memory that it and its children hold."""
        processes = [self._process, *self._process.children(recursive=True)]
        return int(sum(process.memory_info().rss for process in processes))


@contextlib.contextmanager
def running_child(
    name: str,
    arguments: Sequence[str],
    *,
    core: int | None = None,
    health: bool = False,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Run `python ARGUMENTS --port-file FILE` until the block ends.

    Args:
        name: for messages and the kept log.
        arguments: after the interpreter; the program must write its port to the file once it
            serves, and end on SIGTERM with exit code 0.
        core: the CPU that it stays on.
        health: ask grpc.health.v1 for SERVING before it is handed out.
        variables: of its environment, beside this process's own.

    Raises:
        BenchError: it did not start or did not stop well; its log is kept, and named.
    """
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        port_file, log_file = Path(folder) / "port", Path(folder) / f"{name}.log"
        pinned = [] if core is None else ["-m", "ctr_bench.pinned", str(core), sys.executable]
        command = [sys.executable, *pinned, *arguments, "--port-file", str(port_file)]
        with log_file.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 -- our own command
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(variables or {})},
            )
        try:
            target = f"127.0.0.1:{_wait_for_port(name, process, port_file, log_file)}"
            if health:
                with PredictionClient(target) as client:
                    client.health(deadline_s=10.0, wait_for_ready=True)
            child = Child(process, target, log_file)
            yield child
        except BaseException:
            process.kill()
            process.wait()
            raise
        if child.killed:
            process.wait()
        else:
            _stop(name, process, log_file)


def _stop(name: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        kept = _keep(log_file)
        raise BenchError(f"{name} did not stop within {STOP_S:.0f} s; see {kept}") from None
    if code != 0:
        raise BenchError(f"{name} ended with exit code {code}; see {_keep(log_file)}")


def _wait_for_port(
    name: str, process: subprocess.Popen[bytes], port_file: Path, log_file: Path
) -> int:
    for _ in range(START_LOOKS):
        if port_file.exists():
            return int(port_file.read_text())
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=LOOK_EVERY_S)
            kept = _keep(log_file)
            raise BenchError(f"{name} ended with exit code {code} at its start; see {kept}")
    raise BenchError(
        f"{name} did not serve within {START_LOOKS * LOOK_EVERY_S:.0f} s; see {_keep(log_file)}"
    )


def _keep(log_file: Path) -> Path:
    KEPT_LOGS.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(log_file, KEPT_LOGS / log_file.name))
