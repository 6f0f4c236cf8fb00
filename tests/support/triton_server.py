"""Real Triton servers for tests, on free ports; see tools/setup_triton.sh."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".tools" / "triton.installed"
START_S = 60.0
POLL_S = 0.05
STUB = "triton_python_backend_stub"


def require_triton() -> None:
    """Skip where there is no tritonserver; fail where CI says that there must be one."""
    if not INSTALLED.is_file():
        reason = "tritonserver is not installed: make triton-setup"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class TritonServer:
    """One server, which can be killed, stopped in its tracks and started again on the same port."""

    def __init__(self, repository: Path, *flags: str, port: int = 0) -> None:
        """Start it.

        Args:
            repository: its model repository.
            flags: of the command line.
            port: of gRPC; 0 takes a free one.
        """
        require_triton()
        self.port = port or free_port()
        self.repository = repository
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="triton-")
        self._log = Path(self._folder.name) / "log"
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int:
        """Of the server itself."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it answers with its model loaded."""
        command = [
            *(str(ROOT / "tools" / "tritonserver.sh"), f"--model-repository={self.repository}"),
            *("--model-control-mode=explicit", "--load-model=*"),
            *("--grpc-address=127.0.0.1", f"--grpc-port={self.port}"),
            *("--allow-http=false", "--allow-metrics=false", *self._flags),
        ]
        with self._log.open("ab") as log:
            # A group of its own: the processes that run model.py die with it.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            assert self._process.poll() is None, self._log.read_text()
            with contextlib.suppress(grpc.RpcError), self.stub() as stub:
                if stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=1).ready:
                    return
            time.sleep(POLL_S)  # it tells nobody that it listens
        raise AssertionError(f"tritonserver does not answer: {self._log.read_text()}")

    @contextlib.contextmanager
    def stub(self) -> Iterator[service_pb2_grpc.GRPCInferenceServiceStub]:
        """Talk to it directly."""
        with grpc.insecure_channel(self.target) as channel:
            yield service_pb2_grpc.GRPCInferenceServiceStub(channel)

    def load(self, model: str) -> None:
        """Load a model, or load it again with its folder as it is now."""
        with self.stub() as stub:
            request = service_pb2.RepositoryModelLoadRequest(model_name=model)
            stub.RepositoryModelLoad(request, timeout=START_S)

    def unload(self, model: str) -> None:
        """Unload a model."""
        with self.stub() as stub:
            request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
            stub.RepositoryModelUnload(request, timeout=START_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server and to all that run its models."""
        os.killpg(self.process_id, number)

    def signal_models(self, number: signal.Signals) -> None:
        """Send a signal to those alone that run its models."""
        for line in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, _, rest = line.read_text().partition(") ")
                parent = int(rest.split()[1])
                if parent == self.process_id and STUB.startswith(name.partition("(")[2]):
                    os.kill(int(line.parent.name), number)

    def stop_in_its_tracks(self) -> None:
        """Stop the server, not those that run its models; connections stand."""
        os.kill(self.process_id, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self.process_id, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it and remove its log."""
        self.kill()
        self._folder.cleanup()


@contextlib.contextmanager
def running_triton(repository: Path, *flags: str, port: int = 0) -> Iterator[TritonServer]:
    """A server for the length of a block."""
    server = TritonServer(repository, *flags, port=port)
    try:
        yield server
    finally:
        server.close()
