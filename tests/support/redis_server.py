"""Real Redis servers for tests: Debian's redis-server on a free port, each with its own folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 20.0


def require_redis() -> None:
    """Skip where there is no redis-server; fail where CI says that there must be one."""
    if shutil.which("redis-server") is None:
        reason = "redis-server is not installed: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class RedisServer:
    """One server, which can be stopped and started again on the same port."""

    def __init__(self, *arguments: str, port: int = 0, plain: bool = True) -> None:
        """Start it.

        Args:
            arguments: of the command line, such as `--maxmemory`, `1mb`.
            port: 0 takes a free one.
            plain: speak without TLS; a TLS server gives its own `--tls-port` instead.
        """
        require_redis()
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._arguments = arguments
        self._plain = plain
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it listens."""
        port = ("--port", str(self.port)) if self._plain else ("--port", "0")
        command = [
            *("redis-server", *port, "--bind", "127.0.0.1", "--save", ""),
            *("--appendonly", "no", "--dir", str(self.folder), *self._arguments),
        ]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            assert self._process.poll() is None, (self.folder / "log").read_text()
        raise AssertionError("redis-server does not listen")

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def command(self, *words: str | bytes) -> bytes:
        """Send one command in the clear and return the first line or bulk of the reply.

        Raises:
            AssertionError: the server answers with an error.
        """
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        request = b"*%d\r\n" % len(parts)
        request += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as reply:
                line = reply.readline().rstrip(b"\r\n")
                assert not line.startswith(b"-"), line
                if line.startswith(b"$") and line != b"$-1":
                    return reply.read(int(line[1:]))
                return line[1:]

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running_redis(*arguments: str, plain: bool = True, port: int = 0) -> Iterator[RedisServer]:
    """A server for the length of a block."""
    server = RedisServer(*arguments, plain=plain, port=port)
    try:
        yield server
    finally:
        server.close()
