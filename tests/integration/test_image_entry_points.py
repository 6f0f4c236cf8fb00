"""What the Dockerfiles start, started on this machine: no engine builds images here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_client.client import PredictionClient
from ctr_client.messages import Item, search
from tests.support.contained import contained, process_one
from tests.support.gateway import Gateway
from tests.support.images import EXTRAS, ROOT, dockerfile, lock
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent


def environment_of(image: str) -> dict[str, str]:
    """The image's environment, with this Python's commands on its PATH."""
    return dockerfile(image).environment | {"PATH": f"{BIN}:/usr/bin:/bin"}


@pytest.mark.parametrize("image", EXTRAS)
def test_the_entry_point_starts_in_the_images_environment(image: str, tmp_path: Path) -> None:
    """ENTRYPOINT and CMD are a command of ours, with no variable but the image's own."""
    stage = dockerfile(image).stages[-1]
    words = [*stage.words("ENTRYPOINT"), *stage.words("CMD")]
    command = [str(BIN / words[0]), *words[1:]]
    asked = command if words[-1] == "--help" else [*command, "--help"]
    result = subprocess.run(
        asked, cwd=tmp_path, env=environment_of(image), capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith(f"Usage: {' '.join(w for w in words if w != '--help')} ")
    assert result.stderr == ""


@pytest.fixture
def bundle() -> Iterator[Path]:
    """The tiny bundle where everybody may read it, as a volume is; pytest's folders are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield make_tiny_bundle(Path(folder) / "tiny")


@pytest.fixture
def gateway(bundle: Path) -> Iterator[Gateway]:
    """The gateway's image's command as process 1 of nobody over a read-only root."""
    stage = dockerfile("gateway").stages[-1]
    launch = [*contained(environment_of("gateway")), *stage.words("ENTRYPOINT")]
    # `serve`, its CMD, is what a Gateway says by itself.
    assert stage.words("CMD") == ["serve"]
    gateway = Gateway(bundle, launch=launch)
    try:
        gateway.event("serving")
        yield gateway
    finally:
        gateway.close()


def test_the_gateway_serves_on_a_read_only_root_and_hears_sigterm(gateway: Gateway) -> None:
    """As nobody, able to write in /tmp alone, it scores a search; SIGTERM drains it, exit 0."""
    number = process_one(gateway.process)
    status = Path(f"/proc/{number}/status").read_text().splitlines()
    facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert set(facts["Uid"].split()) == {"65532"}
    assert facts["NoNewPrivs"] == "1"
    assert facts["NSpid"].split()[-1] == "1"
    with PredictionClient(gateway.target) as client:
        answer = client.predict_clicks(
            search("mug", [Item("a", "red mug")]), deadline_s=10, wait_for_ready=True
        )
    assert answer.predictions[0].status == pb.PREDICTION_STATUS_SCORED
    os.kill(number, signal.SIGTERM)
    assert gateway.wait() == 0
    assert gateway.event("stopped")


def test_the_bill_of_materials_lists_what_is_installed(tmp_path: Path) -> None:
    """The SBOM stage's own command writes CycloneDX that names every package of the lock."""
    (_, run) = dockerfile("gateway").stage("sbom-maker").values("RUN")
    command = (
        run.replace("/opt/sbom/bin/", f"{BIN}/")
        .replace("/src/pyproject.toml", str(ROOT / "pyproject.toml"))
        .replace("/opt/ctr/bin/python", sys.executable)
    )
    # The build validates what it wrote; here that takes 20 s and more, as there are more packages.
    words = [*command.split(), "--no-validate"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    bill = json.loads((tmp_path / "gateway.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    component = bill["metadata"]["component"]
    assert (component["name"], component["type"]) == ("ctr-serve", "application")
    assert component["version"] == metadata.version("ctr-serve")
    listed = {part["name"].lower().replace("_", "-"): part for part in bill["components"]}
    for entry in lock("gateway").values():
        assert listed[entry.name]["version"] == metadata.version(entry.name)
        assert listed[entry.name]["purl"].startswith("pkg:pypi/")
