"""Open-loop load in a process of its own, and what it found in any stretch of time."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import percentile_ms
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, Job, Payloads, write_job
from ctr_bench.record import OK, Records, read_records
from ctr_bench.schedule import poisson
from ctr_client import messages
from ctr_client.messages import Item
from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.traffic.generator import STARTED_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

START_S, STOP_S = 60.0, 60.0
LOOK_EVERY_S = 0.05
LAST_WORDS = 2_000
WARM_UP = 4


@dataclass(frozen=True, slots=True)
class Flow:
    """One stream of requests.

    Attributes:
        name: for reports.
        target: host:port, or `list:FILE` to balance over a published list.
        rate: requests a second, exponential gaps.
        seconds: at most; a load is ended before.
        candidates: items a request.
        deadline_s: of each call.
        seed: of gaps and texts, one digit.
        callers: of a closed loop, which sends as fast as it is answered; 0 is an open loop.
        requests: of a closed loop.
    """

    name: str
    target: str
    rate: float
    seconds: float = 600.0
    candidates: int = 8
    deadline_s: float = 2.0
    seed: int = 1
    callers: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of monotonic time in ns, and what happened in it."""

    begin_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a flow met in a window.

    Attributes:
        requests: due in it.
        failed: of those, not answered, or answered without a score for every item.
        unnamed: answers that named no model version.
        versions: answers by model version.
        p50_ms, p99_ms: from the due time; failed ones are left out.
        failures: code and words of the first failures.
    """

    requests: int
    failed: int
    unnamed: int
    versions: Counter[str]
    p50_ms: float
    p99_ms: float
    failures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """Everything that a flow left.

    Attributes:
        began_ns: monotonic time to which the records' times are relative.
        answers: (monotonic ns, model version).
        failures: (monotonic ns, code, words).
    """

    flow: Flow
    began_ns: int
    records: Records
    answers: list[tuple[int, str]]
    failures: list[tuple[int, str, str]]

    def within(self, window: Window) -> Found:
        """Return what happened to the requests that were due in a window."""
        records = self.records
        due_ns = records.scheduled_ns + self.began_ns
        inside = (due_ns >= window.begin_ns) & (due_ns < window.end_ns)
        good = inside & records.complete
        answered = [v for at, v in self.answers if window.begin_ns <= at < window.end_ns]
        said = [(c, w) for at, c, w in self.failures if window.begin_ns <= at < window.end_ns]
        latency_ms = records.latency_ms[good]
        return Found(
            requests=int(inside.sum()),
            failed=int((inside & ~records.complete).sum()),
            unnamed=sum(not version for version in answered),
            versions=Counter(answered),
            p50_ms=percentile_ms(latency_ms, 50),
            p99_ms=percentile_ms(latency_ms, 99),
            failures=tuple(said[:5]),
        )

    def in_flight_at(self, moment_ns: int, slack_ns: int) -> int:
        """Count the requests that were under way around a moment of monotonic time."""
        sent, done = (self.records.sent_ns + self.began_ns, self.records.done_ns + self.began_ns)
        inside: NDArray[np.bool_] = (sent <= moment_ns + slack_ns) & (done >= moment_ns - slack_ns)
        return int(inside.sum())

    def failed_outside(self, moment_ns: int, slack_ns: int) -> int:
        """Count failures of requests that were not under way around a moment."""
        sent, done = (self.records.sent_ns + self.began_ns, self.records.done_ns + self.began_ns)
        inside = (sent <= moment_ns + slack_ns) & (done >= moment_ns - slack_ns)
        return int(((self.records.code != OK) & ~inside).sum())


class Load:
    """A running flow."""

    def __init__(self, flow: Flow, folder: Path) -> None:
        self.flow = flow
        self._folder = folder
        folder.mkdir(parents=True)
        requests = flow.requests or max(1, round(flow.rate * flow.seconds))
        job = Job(
            *(flow.target, flow.deadline_s, flow.callers),
            max_requests=flow.requests,
            warm_up=WARM_UP,
        )
        write_job(folder, job, _payloads(flow, requests))
        self._log = folder / "generator.log"
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "ctr_rehearsal.traffic.generator", str(folder)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 -- our own command
        self.record: FlowRecord | None = None

    def wait_until_started(self) -> None:
        """Return once requests go out.

        Raises:
            RehearsalError: the generator ended before.
        """
        end_s = time.monotonic() + START_S
        while not (self._folder / STARTED_FILE).exists():
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise RehearsalError(f"the generator did not start: {self._last_words()}")
            time.sleep(LOOK_EVERY_S)

    def check(self) -> None:
        """Say if it ended by itself.

        Raises:
            RehearsalError: it did.
        """
        if self._process.poll() is not None:
            raise RehearsalError(f"the generator ended: {self._last_words()}")

    def stop(self) -> FlowRecord:
        """End the schedule, wait for the last answers, and return everything.

        Raises:
            RehearsalError: the generator failed.
        """
        if self.record is None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                code = self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            if code:
                raise RehearsalError(f"the generator failed: {self._last_words()}")
            report = json.loads((self._folder / REPORT_FILE).read_text())
            self.record = FlowRecord(
                self.flow,
                json.loads((self._folder / STARTED_FILE).read_text())["began_ns"],
                read_records(self._folder / RECORDS_FILE),
                [(at, version) for at, version in report["answers"]],
                [(at, code, words) for at, code, words in report["failures"]],
            )
        return self.record

    def finish(self) -> FlowRecord:
        """Wait for the end of a closed loop, and return everything.

        Raises:
            RehearsalError: the generator failed or took too long.
        """
        try:
            self._process.wait(self.flow.seconds)
        except subprocess.TimeoutExpired:
            raise RehearsalError(f"{self.flow.name} took over {self.flow.seconds:g} s") from None
        return self.stop()

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-LAST_WORDS:]


@contextlib.contextmanager
def running_load(folder: Path, *flows: Flow) -> Iterator[dict[str, Load]]:
    """Send all flows until the block ends.

    Raises:
        RehearsalError: a generator did not start.
    """
    loads: dict[str, Load] = {}
    try:
        for flow in flows:
            loads[flow.name] = Load(flow, folder / flow.name)
        for load in loads.values():
            load.wait_until_started()
        yield loads
    finally:
        for load in loads.values():
            load.kill()


def _payloads(flow: Flow, requests: int) -> Payloads:
    """Make requests whose texts differ, so that no cache answers them, but for their length."""
    texts = []
    for number in range(requests):
        items = [
            Item(f"i{i}", f"lamp {flow.seed}{number:06} {i:02}") for i in range(flow.candidates)
        ]
        message = messages.search(
            f"q {flow.seed}{number:06}", items, request_id=f"{flow.name}-{number}"
        )
        texts.append(message.SerializeToString())
    counts = np.full(requests, flow.candidates, dtype=np.int32)
    return Payloads(texts, counts, poisson(flow.rate, requests, flow.seed))
