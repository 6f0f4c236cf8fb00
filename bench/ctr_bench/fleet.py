"""The generator processes of one run: started, begun at one moment, listened to, stopped."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from ctr_bench.errors import BenchError
from ctr_bench.job import JOB_FILE, RECORDS_FILE, REPORT_FILE
from ctr_bench.record import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    from ctr_bench.job import Job
    from ctr_bench.record import Records

    Event: TypeAlias = dict[str, object]
    Watch: TypeAlias = Callable[[float, str], None]

STOP_S = 30.0
"""After Ctrl-C: the last answers, and writing what there is."""
AHEAD_S = 0.1
"""All generators hear of the begin before it comes."""
LAST_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class GeneratorReport:
    """What one generator took."""

    wall_s: float
    cpu_s: float
    watched_cpu_s: float

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time; near 1 it limits."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


class GeneratorProcess:
    """One process; a thread of this one reads what it says."""

    def __init__(self, job: Job, payloads: Path, out: Path) -> None:
        self._out = out
        out.mkdir()
        (out / JOB_FILE).write_text(json.dumps(asdict(job)))
        self._errors = (out / "stderr").open("w+b")
        command = [sys.executable, "-m", "ctr_bench.generator"]
        # A session of its own: Ctrl-C on the terminal is this process's to handle.
        self._process = subprocess.Popen(  # noqa: S603 -- our own command
            [*command, str(out / JOB_FILE), str(payloads), str(out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def tell(self, heard: queue.SimpleQueue[Event]) -> None:
        """Read what it says until it ends."""
        for line in self._process.stdout or ():
            heard.put(json.loads(line))
        heard.put({"event": "ended", "code": self._process.wait()})

    def begin(self, begin_ns: int) -> None:
        """Say when."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended; its code says why
                self._process.stdin.write(f"{begin_ns}\n")
                self._process.stdin.flush()

    def stop(self) -> None:
        """Let it send no more and write what there is."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def last_words(self) -> str:
        """Return what it said on stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-LAST_WORDS:]

    def result(self) -> tuple[Records, GeneratorReport]:
        """Read what it left."""
        report = json.loads((self._out / REPORT_FILE).read_text())
        return read_records(self._out / RECORDS_FILE), GeneratorReport(**report)


class Conductor:
    """Starts all generators at one moment and waits for them."""

    def __init__(
        self, fleet: Sequence[GeneratorProcess], watch: Watch | None, *, keep_partial: bool
    ) -> None:
        self._fleet = fleet
        self._watch = watch
        self._keep_partial = keep_partial
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._starting = self._running = len(fleet)

    def run(self, limit_s: float, target: str) -> bool:
        """Return whether the run was stopped early.

        Raises:
            BenchError: a generator failed or did not end.
        """
        readers = [
            threading.Thread(target=generator.tell, args=(self._heard,), daemon=True)
            for generator in self._fleet
        ]
        for reader in readers:
            reader.start()
        ends_s, stopped = time.monotonic() + limit_s, False
        while self._running:
            try:
                self._take(self._heard.get(timeout=max(0.0, ends_s - time.monotonic())))
            except queue.Empty:
                raise BenchError(f"the load generator did not end; is {target} alive?") from None
            except KeyboardInterrupt:
                if not self._keep_partial or stopped or self._starting:
                    raise
                stopped, ends_s = True, time.monotonic() + STOP_S
                for generator in self._fleet:
                    generator.stop()
        return stopped

    def _take(self, event: Event) -> None:
        if event["event"] == "ready":
            self._starting -= 1
            if not self._starting:
                self._begin()
        elif event["event"] == "live":
            if self._watch is not None:
                self._watch(float(str(event["at_s"])), str(event["answers"]))
        else:
            self._running -= 1
            if event["code"]:
                raise BenchError(self._failure())

    def _begin(self) -> None:
        begin_ns = time.monotonic_ns() + round(AHEAD_S * 1e9)
        for generator in self._fleet:
            generator.begin(begin_ns)

    def _failure(self) -> str:
        said = [words for generator in self._fleet if (words := generator.last_words())]
        return said[0] if said and "\n" not in said[0] else f"the load generator failed: {said}"
