"""The port that answers Kubernetes' probes beside TLS, on the real process."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import pytest

from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError
from ctr_client.messages import Item, search
from tests.support.certificates import Authority
from tests.support.gateway import running_gateway
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
DEADLINE_S = 9.0
READINESS, LIVENESS = "ctr.v1.PredictionService", "liveness"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all gateways of this file."""
    return make_tiny_bundle(tmp_path_factory.mktemp("probes") / "bundle")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def test_probes_are_answered_in_clear_beside_mutual_tls(bundle: Path, tmp_path: Path) -> None:
    """Readiness follows the drain, liveness does not, and a search is not let in there."""
    pem, port = Authority(tmp_path).issue("server"), free_port()
    flags = ("--tls-certificate", str(pem.certificate), "--tls-private-key", str(pem.private_key))
    with (
        running_gateway(
            bundle,
            *(*flags, "--tls-client-ca", str(pem.ca)),
            *("--health-port", str(port), "--drain-delay-s", "60"),
        ) as gateway,
        PredictionClient(f"{HOST}:{port}") as probe,
    ):
        gateway.event("serving")
        assert (probe.health(READINESS), probe.health(LIVENESS)) == ("SERVING", "SERVING")
        with pytest.raises(PredictionError):
            probe.predict_clicks(search("mug", [Item("a", "mug")]), deadline_s=DEADLINE_S)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.event("draining")
        assert (probe.health(READINESS), probe.health(LIVENESS)) == ("NOT_SERVING", "SERVING")


def test_workers_share_the_probe_port(bundle: Path) -> None:
    """A supervisor holds the port, and whichever worker a probe reaches answers for itself."""
    port = free_port()
    with (
        running_gateway(bundle, "--workers", "2", "--health-port", str(port)) as gateway,
        PredictionClient(f"{HOST}:{port}") as probe,
    ):
        gateway.event("serving")
        assert (probe.health(READINESS), probe.health(LIVENESS)) == ("SERVING", "SERVING")
