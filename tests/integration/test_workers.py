"""Several real worker processes behind one port."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # -- ships no types
import pytest

from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions
from tests.support.gateway import Gateway, running_gateway
from tests.support.load import REFUSED, Load
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_S = 10.0
GONE_S = 30.0
MAX_CONNECTIONS = 64
"""All of them reach one of two workers once in 2^63 times."""
WARM_CALLS = 32
TWO = ("--workers", "2")
ONE_ATTEMPT = ClientOptions(max_attempts=1, own_connection=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all gateways of this file."""
    return make_tiny_bundle(tmp_path_factory.mktemp("workers") / "bundle")


@contextlib.contextmanager
def two_workers(bundle: Path, *flags: str, module: str = "ctr_service") -> Iterator[Gateway]:
    """A gateway of two workers."""
    with running_gateway(bundle, *TWO, *flags, module=module) as gateway:
        yield gateway


def ask(client: PredictionClient) -> None:
    """Score one item."""
    answer = client.predict_clicks(search("mug", [Item("a", "mug")]), deadline_s=DEADLINE_S)
    assert len(answer.predictions) == 1


def requests_by_worker(gateway: Gateway) -> dict[str, int]:
    """How many searches each worker ended, by the merged metrics."""
    pattern = r'^ctr_requests_total\{[^}]*worker="(\d)"[^}]*\} (\S+)'
    counted: dict[str, int] = {}
    for worker, value in re.findall(pattern, gateway.metrics(), re.MULTILINE):
        counted[worker] = counted.get(worker, 0) + round(float(value))
    return counted


def a_client_of_each(
    gateway: Gateway, stack: contextlib.ExitStack, sent: dict[str, int]
) -> dict[str, PredictionClient]:
    """Open connections until each worker has one; `sent` holds the searches so far by worker."""
    found: dict[str, PredictionClient] = {}
    for _ in range(MAX_CONNECTIONS):
        client = stack.enter_context(PredictionClient(gateway.target, ONE_ATTEMPT))
        ask(client)
        now = requests_by_worker(gateway)
        (worker,) = (worker for worker in now if now[worker] > sent.get(worker, 0))
        sent.update(now)
        found.setdefault(worker, client)
        if len(found) == 2:
            return found
    pytest.fail(f"only worker {set(found)} had a connection")


def pid_of(gateway: Gateway, worker: str, life: int = 1) -> int:
    """The process of a worker, in its so-manieth life."""
    lives = [
        event for event in gateway.events("worker_starting", 2) if str(event["worker"]) == worker
    ]
    return int(lives[life - 1]["pid"])


def gone(pids: list[int]) -> bool:
    """Whether the processes end in good time; one that only waits to be reaped has ended."""
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    running = [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    return not psutil.wait_procs(running, timeout=GONE_S)[1]


def test_both_workers_get_connections_and_the_metrics_speak_for_both(bundle: Path) -> None:
    """Connections spread over the workers, and the merged counters sum up to what was sent."""
    sent = 0
    with two_workers(bundle) as gateway, contextlib.ExitStack() as stack:
        by_worker: dict[str, int] = {}
        clients = a_client_of_each(gateway, stack, by_worker)
        sent = sum(by_worker.values())
        for client in clients.values():
            for _ in range(5):
                ask(client)
                sent += 1
            assert client.health() == "SERVING"
        counted = requests_by_worker(gateway)
        text = gateway.metrics()
        assert set(counted) == {"0", "1"}
        health_checks = 2
        assert sum(counted.values()) in {sent, sent + health_checks}
        assert text.count("# TYPE ctr_requests_total counter") == 1
        assert 'ctr_worker_up{worker="0"} 1.0' in text
        assert 'ctr_worker_up{worker="1"} 1.0' in text
        assert gateway.stop() == 0


def test_a_killed_worker_comes_back_and_the_other_serves_on(bundle: Path) -> None:
    """SIGKILL of one: no request on the other's connection fails, and the seat is filled again."""
    with two_workers(bundle) as gateway, contextlib.ExitStack() as stack:
        sent: dict[str, int] = {}
        clients = a_client_of_each(gateway, stack, sent)
        failures: list[Exception] = []
        leave = threading.Event()

        def send_on() -> None:
            while not leave.is_set():
                try:
                    ask(clients["0"])
                except Exception as error:  # noqa: BLE001 -- every failure counts
                    failures.append(error)

        sender = threading.Thread(target=send_on)
        sender.start()
        os.kill(pid_of(gateway, "1"), signal.SIGKILL)
        assert gateway.event("worker_died")["how"] == "was killed by SIGKILL"
        assert gateway.event("worker_died")["worker"] == 1
        gateway.events("worker_serving", 3)
        leave.set()
        sender.join(GONE_S)
        assert failures == []
        # Every new connection is answered, by either.
        a_client_of_each(gateway, stack, requests_by_worker(gateway))
        assert 'ctr_worker_restarts_total{worker="1"} 1.0' in gateway.metrics()
        assert gateway.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_loses_no_accepted_request(bundle: Path, number: signal.Signals) -> None:
    """Every request that either worker accepted is answered, and the exit code is 0."""
    with two_workers(bundle, module="tests.support.scripted_gateway") as gateway:
        load = Load(gateway.target, own_connections=True)
        load.start()
        load.wait_for(WARM_CALLS)
        assert gateway.stop(number) == 0
        load.leave()
        stopped = gateway.events("stopped", 2)
    assert set(load.outcomes) <= {"OK", *REFUSED}
    assert sum(event["accepted"] for event in stopped) == load.outcomes["OK"]
    assert sum(event["abandoned"] for event in stopped) == 0
    assert all(event["accepted"] > 0 for event in stopped)


def test_a_signal_to_all_processes_is_one_stop(bundle: Path) -> None:
    """What signals the whole group at once (systemd) drains as well, and nobody ends at once."""
    with two_workers(bundle, "--drain-delay-s", "1") as gateway:
        for worker in ("0", "1"):
            os.kill(pid_of(gateway, worker), signal.SIGTERM)
        assert gateway.stop() == 0
        assert "stopped_at_once" not in gateway.everything_said
        assert "worker_died" not in gateway.everything_said


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_killed_supervisor_leaves_no_process(bundle: Path, loop: str) -> None:
    """SIGKILL of the supervisor: the workers notice, drain and end, on either event loop."""
    with two_workers(bundle, "--event-loop", loop) as gateway:
        pids = [pid_of(gateway, "0"), pid_of(gateway, "1")]
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
        assert gone(pids)
        assert len(gateway.events("stopped", 2)) == 2


def test_a_second_signal_ends_all_at_once(bundle: Path) -> None:
    """Nobody waits for the drain, and no worker stays behind."""
    with two_workers(bundle, "--drain-delay-s", "600") as gateway:
        pids = [pid_of(gateway, "0"), pid_of(gateway, "1")]
        gateway.process.send_signal(signal.SIGTERM)
        gateway.events("draining", 2)
        assert gateway.stop(signal.SIGTERM) == 128 + signal.SIGTERM
        assert gone(pids)


def sentence_of(bundle: Path, *flags: str) -> str:
    """Serve what cannot be served, and return the one sentence."""
    result = subprocess.run(
        [sys.executable, "-m", "ctr_service", "serve", "--bundle", str(bundle), *flags],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = (line for line in result.stderr.splitlines() if not line.startswith("{"))
    return line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_server_on_the_port_is_refused(bundle: Path, workers: str) -> None:
    """Shared among workers is not shared with others: the sentence is today's."""
    with two_workers(bundle) as gateway:
        port = gateway.target.rpartition(":")[2]
        flags = ("--port", port, "--metrics-port", "0", "--workers", workers)
        line = sentence_of(bundle, *flags)
        assert line.startswith(f"Error: cannot listen on 127.0.0.1:{port}: Address already in use")
        assert gateway.stop() == 0


def test_a_broken_bundle_is_one_sentence(bundle: Path, tmp_path: Path) -> None:
    """Not one a worker, and without a second try."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    graph = copy / GRAPH_FILE
    graph.write_bytes(graph.read_bytes()[:-1])
    line = sentence_of(copy, "--port", "0", "--metrics-port", "0", *TWO, "--log-format", "json")
    assert line.startswith("Error: ")
    assert "does not match" in line


def test_the_port_file_comes_when_all_serve(bundle: Path, tmp_path: Path) -> None:
    """It holds the shared port, and is gone after the stop."""
    file = tmp_path / "port"
    with two_workers(bundle, "--port-file", str(file)) as gateway:
        assert len(gateway.events("worker_serving", 2)) == 2
        assert f"127.0.0.1:{int(file.read_text())}" == gateway.target
        assert gateway.stop() == 0
    assert not file.exists()
