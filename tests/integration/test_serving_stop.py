"""Stopping the real process, under load and by force."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from tests.support.gateway import Gateway, running_gateway
from tests.support.load import REFUSED, Load
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_S = 10.0
WARM_CALLS = 32


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all gateways of this file."""
    return make_tiny_bundle(tmp_path_factory.mktemp("stop") / "bundle")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_loses_no_accepted_request(bundle: Path, number: signal.Signals) -> None:
    """Every accepted request is answered, later ones are refused, and the exit code is 0."""
    with running_gateway(bundle, module="tests.support.scripted_gateway") as gateway:
        load = Load(gateway.target)
        load.start()
        load.wait_for(WARM_CALLS)
        assert gateway.stop(number) == 0
        load.leave()
        drained, stopped = gateway.event("draining"), gateway.event("stopped")
    assert drained["in_flight"] > 0
    assert set(load.outcomes) <= {"OK", *REFUSED}
    assert (stopped["accepted"], stopped["abandoned"]) == (load.outcomes["OK"], 0)


def test_a_stop_of_a_fast_model_loses_nothing_either(bundle: Path) -> None:
    """The same with the real engine, whose answers cross the stop within milliseconds."""
    with running_gateway(bundle) as gateway:
        load = Load(gateway.target)
        load.start()
        load.wait_for(WARM_CALLS)
        assert gateway.stop() == 0
        load.leave()
        stopped = gateway.event("stopped")
    assert set(load.outcomes) <= {"OK", *REFUSED}
    assert (stopped["accepted"], stopped["abandoned"]) == (load.outcomes["OK"], 0)


def test_the_drain_delay_serves_on_with_health_not_serving(bundle: Path) -> None:
    """After SIGTERM balancers hear NOT_SERVING while searches are still answered."""
    with (
        running_gateway(bundle, "--drain-delay-s", "60") as gateway,
        PredictionClient(gateway.target) as client,
    ):
        assert client.health() == "SERVING"
        gateway.process.send_signal(signal.SIGTERM)
        gateway.event("draining")
        assert client.health() == "NOT_SERVING"
        assert client.health("ctr.v1.PredictionService") == "NOT_SERVING"
        answer = client.predict_clicks(search("mug", [Item("a", "mug")]), deadline_s=DEADLINE_S)
        assert len(answer.predictions) == 1
        assert "ctr_serving 0.0" in gateway.metrics()


def test_a_second_signal_ends_at_once(bundle: Path) -> None:
    """A second SIGTERM does not wait for the drain, and the exit code says which signal it was."""
    with running_gateway(bundle, "--drain-delay-s", "600") as gateway:
        gateway.process.send_signal(signal.SIGTERM)
        gateway.event("draining")
        assert gateway.stop(signal.SIGTERM) == 128 + signal.SIGTERM
        assert "stopped_at_once" in gateway.everything_said


def test_a_signal_during_the_start_ends_the_start(bundle: Path) -> None:
    """Whenever the signal comes once it is handled, the process ends cleanly with 0."""
    gateway = Gateway(bundle)
    try:
        gateway.event("starting")
        assert gateway.stop() == 0
    finally:
        gateway.close()


def test_the_port_file_lives_as_long_as_the_service(bundle: Path, tmp_path: Path) -> None:
    """The file holds the port while it serves, and is gone afterwards."""
    file = tmp_path / "port"
    with running_gateway(bundle, "--port-file", str(file)) as gateway:
        assert f"127.0.0.1:{int(file.read_text())}" == gateway.target
        assert gateway.stop() == 0
    assert not file.exists()
