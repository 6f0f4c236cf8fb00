"""A peer's server in a process group of its own: started, asked until it answers, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil  # type: ignore[import-untyped]  # -- ships no types

from ctr_bench.child import KEPT_LOGS
from ctr_bench.connecting import connected
from ctr_bench.errors import BenchError
from ctr_bench.job import CTR_V1, Job
from ctr_bench.record import OK
from ctr_client.security import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctr_bench.calls import Method
    from ctr_bench.job import Protocol

START_S = 120.0
LOOK_EVERY_S = 0.2
CONNECT_S = 5.0
ANSWER_S = 30.0
STOP_S = 30.0
WARM_REQUESTS = 16
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a server.

    Attributes:
        name: for messages and the kept log.
        target: where it will serve; see `Job`.
        protocol: what it speaks.
        variables: of its environment, beside this process's own.
        folder: the process's working folder; None is this one's.
    """

    name: str
    arguments: Sequence[str]
    target: str
    protocol: Protocol = CTR_V1
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Peer:
    """A running server.

    Attributes:
        target: where it serves.
    """

    def __init__(self, target: str, process_id: int) -> None:
        self.target = target
        self._process = psutil.Process(process_id)

    def rss_bytes(self) -> int:
        """Memory that it and its children hold; what they share counts for each."""
        processes = [self._process, *self._process.children(recursive=True)]
        return int(sum(process.memory_info().rss for process in processes))


@contextlib.contextmanager
def running_peer(command: Command, first: bytes) -> Iterator[Peer]:
    """Run a server until the block ends; it is handed out once it has answered.

    Args:
        command: how.
        first: a request in the target's protocol.

    Raises:
        BenchError: it ended, or did not answer in time; its log is kept, and named.
    """
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        log_file = Path(folder) / f"{command.name}.log"
        own = {name: value for name, value in os.environ.items() if name not in _OURS}
        with log_file.open("wb") as log:
            # A group of its own: the processes that run the model end with it.
            process = subprocess.Popen(  # noqa: S603 -- our own command
                command.arguments,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**own, **command.variables},
                cwd=command.folder,
                start_new_session=True,
            )
        try:
            _wait(process, command, first, log_file)
            yield Peer(command.target, process.pid)
        finally:
            _stop(process)


def ask_once(
    target: str, protocol: Protocol, message: bytes, deadline_s: float = ANSWER_S
) -> tuple[int, bytes]:
    """Send one request outside of any run; return gRPC's code and the answer's bytes.

    Raises:
        BenchError: nothing listens at a gRPC target.
    """
    with _connected(target, protocol) as method:
        try:
            return OK, method.future(message, timeout=deadline_s, metadata=None).result()
        except grpc.RpcError as error:
            code: tuple[int, str] = error.code().value
            return code[0], b""


def settle(target: str, protocol: Protocol, message: bytes, requests: int = 2) -> None:
    """Ask until everything that waited at a server before was done.

    After a trial beyond its capacity a server may still compute for callers that have gone; that
    must not be charged to the next trial.

    Raises:
        BenchError: nothing listens at a gRPC target.
    """
    for _ in range(requests):
        ask_once(target, protocol, message)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], command: Command, first: bytes, log_file: Path) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None:
        # A server that does not listen yet is asked again as long as the process lives.
        with contextlib.suppress(BenchError):
            code, _ = ask_once(command.target, command.protocol, first)
            if code == OK:
                _warm_up(command, first)
                return
        time.sleep(LOOK_EVERY_S)
    KEPT_LOGS.mkdir(parents=True, exist_ok=True)
    kept = shutil.copy(log_file, KEPT_LOGS / log_file.name)
    ended = "" if process.poll() is None else f", and ended with exit code {process.returncode}"
    raise BenchError(f"{command.name} did not answer within {START_S:.0f} s{ended}; see {kept}")


def _warm_up(command: Command, message: bytes) -> None:
    """Ask so much at once that every worker has had its share."""
    with _connected(command.target, command.protocol) as method:
        calls = [
            method.future(message, timeout=ANSWER_S, metadata=None) for _ in range(WARM_REQUESTS)
        ]
        for call in calls:
            with contextlib.suppress(grpc.RpcError):
                call.result()


@contextlib.contextmanager
def _connected(target: str, protocol: Protocol) -> Iterator[Method]:
    job = Job(target, ANSWER_S, protocol=protocol)
    with connected(job, PLAIN, connect_s=CONNECT_S) as (method,):
        yield method


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
