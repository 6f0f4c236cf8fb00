"""A real redis-server in a process of its own, empty and in memory alone."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 20.0
LOOK_EVERY_S = 0.05
STOP_S = 10.0


@contextlib.contextmanager
def running_redis() -> Iterator[int]:
    """Serve on a free port of this machine for the length of a block; yield the port.

    Raises:
        BenchError: there is no redis-server, or it did not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise BenchError("there is no redis-server here; install it: apt-get install redis-server")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        command = [
            *(program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
            *("--save", "", "--appendonly", "no"),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)  # noqa: S603 -- our own command
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_S)
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(LOOK_EVERY_S)
    raise BenchError(f"redis-server did not listen on port {port} within {START_S:.0f} s")
