"""A server in a process of its own: started, waited for by what it logs, stopped by SIGTERM."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from ctr_observe.errors import ObserveError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_S = 120.0
"""A gateway verifies, loads and warms up its bundle first."""
STOP_S = 30.0
LOOK_EVERY_S = 0.05
LAST_LINES = 5
PACKAGES = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager"}


class Child:
    """A running server.

    It stands in a session of its own, so that Ctrl-C reaches us alone and we stop servers in order.

    Attributes:
        log_file: its stdout and stderr so far.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            name: for messages.
            command: program and arguments.
            log_file: where its output goes.
            environment: variables beside our own.

        Raises:
            ObserveError: the program is not installed.
        """
        if shutil.which(command[0]) is None:
            package = PACKAGES.get(command[0])
            how = f": apt-get install {package}" if package else ""
            raise ObserveError(f"{command[0]} is not installed{how}")
        self.name = name
        self.log_file = log_file
        with log_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- our own commands
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match of a line of its log, once there is one.

        Raises:
            ObserveError: it ended before, or said nothing of the kind within START_S.
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            # Whether it ended is asked before the log is read, so that its last words are seen.
            ended = self.process.poll()
            if match := re.search(pattern, self._said(), re.MULTILINE):
                return match
            if ended is not None:
                raise ObserveError(
                    f"{self.name} ended with exit code {ended} at its start: {self._last_words()}"
                )
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=LOOK_EVERY_S)
        raise ObserveError(f"{self.name} did not start within {START_S:.0f} s; see {self.log_file}")

    def stop(self) -> None:
        """Stop it, and kill it if it does not."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _said(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        return " | ".join(self._said().splitlines()[-LAST_LINES:])


@contextlib.contextmanager
def running(child: Child) -> Iterator[Child]:
    """Stop it at the block's end, whatever happens."""
    try:
        yield child
    finally:
        child.stop()
