"""The gateway as its own process, started and stopped as an operator would."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_client.client import PredictionClient
from ctr_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_LOOKS = 1_200
LOOK_EVERY_S = 0.1
STOP_TIMEOUT_S = 60.0


@contextlib.contextmanager
def running_gateway(bundle: Path, log_file: Path) -> Iterator[PredictionClient]:
    """Start `ctr-service serve` on a free port, yield a client once it serves, stop by SIGTERM.

    Raises:
        DemoError: it did not start, or did not stop with exit code 0.
    """
    with tempfile.TemporaryDirectory() as folder, log_file.open("wb") as log:
        port_file = Path(folder) / "port"
        command = [
            *(sys.executable, "-m", "ctr_service", "serve"),
            *("--bundle", str(bundle)),
            *("--port", "0", "--port-file", str(port_file), "--metrics-port", "0"),
        ]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 -- our own command
        try:
            port = _wait_for_port(process, port_file, log_file)
            with PredictionClient(f"127.0.0.1:{port}") as client:
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=STOP_TIMEOUT_S)
    if code != 0:
        raise DemoError(f"the gateway stopped with exit code {code}; see {log_file}")


def _wait_for_port(process: subprocess.Popen[bytes], port_file: Path, log_file: Path) -> int:
    """Return the port once the gateway says that it serves; it writes the file only then."""
    for _ in range(START_LOOKS):
        if port_file.exists():
            return int(port_file.read_text())
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=LOOK_EVERY_S)
            raise DemoError(f"the gateway ended with exit code {code} at start; see {log_file}")
    raise DemoError(f"the gateway did not serve in {START_LOOKS * LOOK_EVERY_S:.0f} s: {log_file}")
