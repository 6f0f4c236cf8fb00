"""`ctr-service model`: real gateways asked, real bundles verified and compared."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ctr_service.bundle.bundle import load_bundle, write_manifest
from ctr_service.cli import main
from tests.support.gateway import Gateway
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(*arguments: str, code: int = 0) -> str:
    """Run `ctr-service model` and return what it said; the exit code must be this one."""
    result = CliRunner().invoke(main, ["model", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def other_version(folder: Path, version: str, seed: int = 0) -> Path:
    """The tiny bundle under another version's name."""
    manifest = load_bundle(make_tiny_bundle(folder, seed=seed)).manifest
    write_manifest(folder, manifest.model_copy(update={"model_version": version}))
    return folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Version t1, and version t2 with other scores."""
    made = tmp_path_factory.mktemp("bundles")
    return make_tiny_bundle(made / "one"), other_version(made / "two", "t2", seed=1)


@pytest.fixture(scope="module")
def gateways(bundles: tuple[Path, Path]) -> Iterator[tuple[Gateway, Gateway]]:
    """One that serves each."""
    with contextlib.ExitStack() as stack:
        started = [Gateway(bundle) for bundle in bundles]
        for gateway in started:
            stack.callback(gateway.close)
        for gateway in started:
            gateway.event("serving")
        yield started[0], started[1]


def test_each_address_tells_its_version(gateways: tuple[Gateway, Gateway]) -> None:
    """Two versions are told where they serve, and both are counted; all is well."""
    first, second = (gateway.target for gateway in gateways)
    lines = run("serving", first, second).splitlines()
    assert lines[0].split() == ["ADDRESS", "HEALTH", "MODEL", "VERSION", "GRAPH", "MANIFEST"]
    told = [line.split()[:4] for line in lines[1:3]]
    assert told == [[first, "SERVING", "tiny", "t1"], [second, "SERVING", "tiny", "t2"]]
    assert lines[3] == "2 asked, t1 at 1, t2 at 1"


def test_a_dead_address_is_told(gateways: tuple[Gateway, Gateway]) -> None:
    """A port that nobody listens on stands beside the living one, and the command fails."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes it meanwhile
        dead = f"127.0.0.1:{held.getsockname()[1]}"
        found = json.loads(run("serving", gateways[0].target, dead, "--json", code=1))
    assert not found["as_wanted"]
    alive, gone = found["addresses"]
    assert (alive["well"], alive["version"], len(alive["manifest_sha256"])) == (True, "t1", 64)
    assert (gone["address"], gone["well"], gone["problem"]) == (dead, False, "no answer")


def test_an_expected_version_must_serve_everywhere(gateways: tuple[Gateway, Gateway]) -> None:
    """`--expect` fails while one address serves another version."""
    first, second = (gateway.target for gateway in gateways)
    assert "t1 everywhere" in run("serving", first, "--expect", "t1")
    assert "1 without t2" in run("serving", first, second, "--expect", "t2", code=1)


def test_a_name_stands_for_all_its_addresses(gateways: tuple[Gateway, Gateway]) -> None:
    """With --every-address the name's own addresses are asked; a name unknown is told as dead."""
    port = gateways[0].target.rpartition(":")[2]
    found = json.loads(run("serving", f"127.0.0.1:{port}", "--every-address", "--json"))
    assert [one["address"] for one in found["addresses"]] == [f"127.0.0.1:{port}"]
    told = run("serving", "no-such-host.invalid:1", "--every-address", code=1)
    assert "no-such-host.invalid:1  -" in told


def test_what_is_no_address_is_refused() -> None:
    """A name without a port is told with an example, before anybody is asked."""
    assert "HOST:PORT" in run("serving", "gateways", code=2)


def test_verify_says_whether_it_would_serve(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    """A whole bundle ends with what would serve; a tampered one fails and names the file."""
    assert "would serve here: tiny t1, joint/onnxruntime/fp32" in run("verify", str(bundles[0]))
    broken = make_tiny_bundle(tmp_path / "broken")
    with (broken / GRAPH_FILE).open("ab") as file:
        file.write(b"x")
    told = run("verify", str(broken), code=1)
    assert "wrong  files graphs/joint.onnxruntime.fp32.onnx" in told
    found = json.loads(run("verify", str(broken), "--json", code=1))
    assert not found["serves"]


def test_diff_expects_the_same_scores_only_of_the_same_makers(
    bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    """Another seed is another graph; another version's name alone scores the same."""
    told = run("diff", *map(str, bundles))
    assert "model_version" in told
    assert told.splitlines()[-1] == "scores may differ: other graph"
    renamed = other_version(tmp_path / "renamed", "t9")
    found: dict[str, Any] = json.loads(run("diff", str(bundles[0]), str(renamed), "--json"))
    assert found["same_scores_expected"]
    assert [one["path"] for one in found["differences"]] == ["model_version"]
    assert "the manifests say the same" in run("diff", str(bundles[0]), str(bundles[0]))


def test_diff_refuses_what_is_not_whole(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    """A folder that is no bundle is told in one sentence."""
    assert "no folder" in run("diff", str(bundles[0]), str(tmp_path / "none"), code=1)
