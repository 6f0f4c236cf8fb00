"""A real tritonserver in a process of its own; see tools/setup_triton.sh."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from ctr_bench.child import KEPT_LOGS
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "tools" / "tritonserver.sh"
INSTALLED = ROOT / ".tools" / "triton.installed"
START_S = 120.0
LOOK_EVERY_S = 0.1
STOP_S = 30.0


@contextlib.contextmanager
def running_triton(repository: Path) -> Iterator[str]:
    """Serve a model repository for the length of a block; yield the target.

    Raises:
        BenchError: there is no tritonserver, or it did not start; its log is kept.
    """
    if not INSTALLED.is_file():
        raise BenchError("there is no tritonserver here; install it with `make triton-setup`")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        log_file = Path(folder) / "triton.log"
        command = [
            *(str(LAUNCHER), f"--model-repository={repository}", "--grpc-address=127.0.0.1"),
            *(f"--grpc-port={port}", "--allow-http=false", "--allow-metrics=false"),
        ]
        with log_file.open("wb") as log:
            # A group of its own: the processes that run the model end with it.
            process = subprocess.Popen(  # noqa: S603 -- our own command
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _wait(process, f"127.0.0.1:{port}", log_file)
            yield f"127.0.0.1:{port}"
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], target: str, log_file: Path) -> None:
    end_s = time.monotonic() + START_S
    with grpc.insecure_channel(target) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        while time.monotonic() < end_s and process.poll() is None:
            with contextlib.suppress(grpc.RpcError):
                if stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=1).ready:
                    return
            time.sleep(LOOK_EVERY_S)
    KEPT_LOGS.mkdir(parents=True, exist_ok=True)
    kept = shutil.copy(log_file, KEPT_LOGS / log_file.name)
    raise BenchError(f"tritonserver did not serve within {START_S:.0f} s; see {kept}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
