"""The gateway as its own process, with everything that it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
START_S = 60.0
STOP_S = 60.0


class Gateway:
    """A running `ctr-service serve` on free ports."""

    def __init__(
        self,
        bundle: Path,
        *flags: str,
        module: str = "ctr_service",
        variables: Mapping[str, str] | None = None,
        launch: Sequence[str] | None = None,
    ) -> None:
        """Start the process; `event("serving")` waits until it serves.

        Args:
            bundle: that it serves.
            flags: of `serve`.
            module: run by this Python.
            variables: beside this process's environment.
            launch: other words than this Python and the module before `serve`.
        """
        command = [
            *(launch or (sys.executable, "-m", module)),
            *("serve", "--bundle", str(bundle)),
            *("--port", "0", "--metrics-port", "0", "--log-format", "json", *flags),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(variables or {})},
        )
        self.errors: list[str] = []
        self.output: list[str] = []
        self._seen = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors)),
            threading.Thread(target=self._read, args=(self.process.stdout, self.output)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def target(self) -> str:
        """Where it listens for gRPC."""
        return str(self.event("serving")["address"])

    @property
    def everything_said(self) -> str:
        """All of stdout and stderr so far."""
        return "".join((*self.output, *self.errors))

    def metrics(self, accept: str = "text/plain") -> str:
        """The text of /metrics now."""
        url = f"http://127.0.0.1:{self.event('serving')['metrics_port']}/metrics"
        ask = urllib.request.Request(url, headers={"Accept": accept})
        with urllib.request.urlopen(ask, timeout=10) as answer:  # noqa: S310 -- our own endpoint
            return str(answer.read().decode())

    def event(self, name: str) -> dict[str, Any]:
        """Wait for a log event and return it.

        Raises:
            AssertionError: the process ended, or took too long, without it.
        """
        with self._seen:
            found = self._seen.wait_for(lambda: self._find(name) or self._ended(), START_S)
            event = self._find(name)
        assert found, f"no event {name} within {START_S} s"
        assert event is not None, f"ended without event {name}: {self.everything_said}"
        return event

    def events(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait for so many log events of a name and return them.

        Raises:
            AssertionError: the process ended, or took too long, without them.
        """
        with self._seen:
            self._seen.wait_for(lambda: len(self._all(name)) >= count or self._ended(), START_S)
            found = self._all(name)
        assert len(found) >= count, f"{len(found)} of {count} {name}: {self.everything_said}"
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(timeout=STOP_S)
        for reader in self._readers:
            reader.join(timeout=STOP_S)
        return code

    def close(self) -> None:
        """Make sure that nothing is left of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _find(self, name: str) -> dict[str, Any] | None:
        return next(iter(self._all(name)), None)

    def _all(self, name: str) -> list[dict[str, Any]]:
        events = [json.loads(line) for line in self.errors if line.startswith("{")]
        return [event for event in events if event["event"] == name]

    def _ended(self) -> bool:
        return not self._readers[0].is_alive()

    def _read(self, pipe: Any, lines: list[str]) -> None:  # noqa: ANN401 -- subprocess's pipes
        for line in pipe:
            with self._seen:
                lines.append(line)
                self._seen.notify_all()
        with self._seen:
            self._seen.notify_all()


@contextlib.contextmanager
def running_gateway(
    bundle: Path,
    *flags: str,
    module: str = "ctr_service",
    variables: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """Start a gateway, wait until it serves, and leave nothing behind."""
    gateway = Gateway(bundle, *flags, module=module, variables=variables)
    try:
        gateway.event("serving")
        yield gateway
    finally:
        gateway.close()
