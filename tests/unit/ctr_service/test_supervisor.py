"""The supervisor over workers that start at once and serve nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import CapturingLogger

from ctr_service import supervisor as supervising
from ctr_service.errors import SettingsError, WorkerFailedError
from ctr_service.settings import load_settings
from ctr_service.supervisor import Supervisor
from ctr_service.workers import process as processes
from ctr_service.workers.policy import RestartPolicy
from ctr_service.workers.seat import Surroundings
from tests.support.fake_worker import CRASH_CODE

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 60.0
QUICK = RestartPolicy(first_delay_s=0.001, max_delay_s=0.002, start_deaths=3)


class Log(CapturingLogger):
    """Remembers events."""

    def all(self, event: str) -> list[dict[str, Any]]:
        """The fields of every event of that name."""
        return [call.kwargs for call in self.calls if call.args == (event,)]

    async def wait(self, event: str, count: int = 1) -> None:
        """Return once it was logged so often."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.all(event)) < count:  # noqa: ASYNC110 -- a log tells nobody
                await asyncio.sleep(0.005)


def supervisor(what: str, log: Log, cpus: int = 8, **flags: object) -> Supervisor:
    """A supervisor of two fake workers."""
    settings = load_settings(
        {"bundle": "b", "port": 0, "metrics_port": 0, "workers": 2, "drain_delay_s": 0, **flags}
    )
    command = (sys.executable, "-m", "tests.support.fake_worker", what)
    around = Surroundings(command=command, cpus=lambda: cpus, chance=lambda: 0.0, policy=QUICK)
    return Supervisor(settings, log=log, surroundings=around)


async def stopped(running: asyncio.Task[None]) -> None:
    """Send SIGTERM to this process, where the supervisor handles it, and wait for its end."""
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, PATIENCE_S)


async def test_it_says_serving_when_all_serve_and_stops_when_asked(tmp_path: Path) -> None:
    """Two workers with their part of the CPUs; the port file lives as long as the service."""
    log, file = Log(), tmp_path / "port"
    running = asyncio.create_task(supervisor("serve", log, cpus=5, port_file=file).run())
    await log.wait("serving")
    (serving,) = log.all("serving")
    assert (serving["workers"], serving["cpus_a_worker"]) == (2, 2)
    assert serving["address"] == f"127.0.0.1:{int(file.read_text())}"
    await stopped(running)
    assert not file.exists()
    assert log.all("worker_died") == []


async def test_a_crash_loop_before_serving_is_given_up_with_its_reason() -> None:
    """After the stated number of deaths the start fails and says how the last one was."""
    log = Log()
    with pytest.raises(WorkerFailedError, match=f"3 times.*exit code {CRASH_CODE}"):
        await asyncio.wait_for(supervisor("crash", log).run(), PATIENCE_S)
    deaths = [death["worker"] for death in log.all("worker_died")]
    assert max(deaths.count(0), deaths.count(1)) == 3
    assert log.all("serving") == []


async def test_one_worker_that_never_serves_fails_the_start() -> None:
    """A start with fewer workers than asked for is no start; the other worker is stopped."""
    log = Log()
    with pytest.raises(WorkerFailedError, match="worker 1 died 3 times"):
        await asyncio.wait_for(supervisor("half", log).run(), PATIENCE_S)
    assert {death["worker"] for death in log.all("worker_died")} == {1}


async def test_a_refusal_before_serving_ends_at_once_with_one_sentence() -> None:
    """Another start would say the same, so there is none."""
    log = Log()
    with pytest.raises(WorkerFailedError, match=r"^the bundle b is broken$"):
        await asyncio.wait_for(supervisor("refuse", log).run(), PATIENCE_S)
    assert log.all("worker_died") == []


async def test_a_worker_of_another_release_is_found_out() -> None:
    """What is no event ends the worker, and the log says what to do."""
    log = Log()
    with pytest.raises(WorkerFailedError, match="another release"):
        await asyncio.wait_for(supervisor("babble", log).run(), PATIENCE_S)


async def test_a_command_that_cannot_start_counts_as_a_death() -> None:
    """No process at all is a death like another, and ends the start the same way."""
    log = Log()
    settings = load_settings({"bundle": "b", "port": 0, "metrics": False, "workers": 2})
    around = Surroundings(command=("/nonexistent/worker",), policy=QUICK)
    with pytest.raises(WorkerFailedError, match="could not be started: No such file"):
        await asyncio.wait_for(Supervisor(settings, log=log, surroundings=around).run(), PATIENCE_S)


async def test_a_silent_worker_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that says nothing any more hangs; it is killed, and started again for ever."""
    monkeypatch.setattr(processes, "SILENCE_S", 0.05)
    log = Log()
    running = asyncio.create_task(supervisor("serve", log).run())
    await log.wait("serving")
    await log.wait("worker_died", 2 * QUICK.start_deaths)
    assert "without a sign of life" in log.all("worker_died")[0]["how"]
    await stopped(running)


async def test_a_worker_that_does_not_stop_is_killed_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stop ends in any case; that a worker hung in it is an error."""
    monkeypatch.setattr(supervising, "stop_patience_s", lambda _: 0.01)
    monkeypatch.setattr(supervising, "FORCE_MARGIN_S", 0.0)
    log = Log()
    running = asyncio.create_task(supervisor("stubborn", log).run())
    await log.wait("serving")
    with pytest.raises(WorkerFailedError, match="hung in its stop"):
        await stopped(running)


async def test_more_workers_than_cpus_is_a_sentence() -> None:
    """It serves, and warns that the workers will wait for each other."""
    log = Log()
    running = asyncio.create_task(supervisor("serve", log, cpus=1).run())
    await log.wait("serving")
    (warning,) = log.all("more_workers_than_cpus")
    assert "--workers 2 share 1 CPUs" in warning["advice"]
    await stopped(running)


async def test_a_port_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """The start fails and names the file; the workers are stopped."""
    (tmp_path / "taken").touch()
    file = tmp_path / "taken" / "port"
    with pytest.raises(SettingsError, match=r"--port-file .*taken/port cannot be written"):
        await asyncio.wait_for(supervisor("serve", Log(), port_file=file).run(), PATIENCE_S)
