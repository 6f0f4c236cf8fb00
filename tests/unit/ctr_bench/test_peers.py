"""`ctr-bench peers` without its servers: pins, set-up files, the JSON's shape."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format
from rich.console import Console
from tritonclient.grpc import model_config_pb2

from ctr_bench.answers import probabilities_of
from ctr_bench.bound.choice import ONNX_RUNTIME, choice_named, onnxruntime_choice
from ctr_bench.bound.rows import open_bundle
from ctr_bench.bound.sessions import name_of
from ctr_bench.commands.peers import NAMES
from ctr_bench.errors import BenchError
from ctr_bench.job import CTR_V1, HTTP_JSON
from ctr_bench.peers.environments import PLACE, REQUIREMENTS, ROOT, pins_of, python_of
from ctr_bench.peers.facts import cpu_flags, facts_of
from ctr_bench.peers.mlserver_settings import write_settings
from ctr_bench.peers.process import Command, ask_once, free_port, running_peer
from ctr_bench.peers.quiet import CpuClock, others_share, read_clock
from ctr_bench.peers.results import PeerResults
from ctr_bench.peers.targets import TARGETS
from ctr_bench.peers.triton_repository import write_repository
from ctr_bench.results import write_results
from ctr_bench.searches import Search
from ctr_client.messages import Item
from peers.scorer import Setup
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENTS = sorted(path.stem for path in (ROOT / REQUIREMENTS).glob("*.txt"))
ASKED = {"goodput_pairs_s", "bound_ratio", "p50_ms", "p99_ms", "rss_mb"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_line_of_a_peers_requirements_pins_a_version(name: str) -> None:
    """So that a figure can be had again; the engine is the gateway's own version."""
    pins = pins_of(name)
    ours = {
        line.split("==")[0].lower(): line.split("==")[1]
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert pins["onnxruntime"] == ours["onnxruntime"]
    assert pins["tokenizers"] == ours["tokenizers"]
    assert name == "sync-grpc" or name in pins


def test_an_environment_is_used_with_the_versions_that_are_pinned_alone(tmp_path: Path) -> None:
    """Absent, or installed before the requirements changed: the sentence says what to run."""
    shutil.copytree(ROOT / REQUIREMENTS, tmp_path / REQUIREMENTS)
    with pytest.raises(BenchError, match="make peers-setup"):
        python_of("mosec", tmp_path)
    (tmp_path / PLACE).mkdir(parents=True)
    done = tmp_path / PLACE / "mosec.installed"
    shutil.copyfile(tmp_path / REQUIREMENTS / "mosec.txt", done)
    assert python_of("mosec", tmp_path) == tmp_path / PLACE / "mosec" / "bin" / "python"
    done.write_text("mosec==0.1\n")
    with pytest.raises(BenchError, match="mosec is not installed"):
        python_of("mosec", tmp_path)


def test_a_line_without_a_version_is_refused(tmp_path: Path) -> None:
    """A range would make the figures another day's."""
    (tmp_path / REQUIREMENTS).mkdir(parents=True)
    (tmp_path / REQUIREMENTS / "x.txt").write_text("# a comment\nx>=1\n")
    with pytest.raises(BenchError, match="x>=1 pins no exact version"):
        pins_of("x", tmp_path)


def test_the_command_offers_the_targets_that_there_are() -> None:
    """`--only` lists them without importing the bench; every peer with requirements is measured."""
    assert tuple(target.name for target in TARGETS) == NAMES
    assert sorted(t.environment for t in TARGETS if t.environment) == ENVIRONMENTS


def test_triton_runs_two_instances_and_joins_nothing(tmp_path: Path) -> None:
    """Its config says so, and the code is the one of this repository."""
    repository = write_repository(tmp_path, "ctr")
    config = text_format.Parse(
        (repository / "ctr" / "config.pbtxt").read_text(), model_config_pb2.ModelConfig()
    )
    assert config.instance_group[0].count == 2
    assert not config.HasField("dynamic_batching")
    assert [tensor.name for tensor in config.input] == ["query", "title", "item_id", "features"]
    code = (repository / "ctr" / "1" / "model.py").read_text()
    assert code == (ROOT / "bench" / "peers" / "triton_model.py").read_text()


def test_mlserver_listens_here_alone_with_two_workers(tmp_path: Path) -> None:
    """And its adaptive batching is off, because nothing turns it on."""
    write_settings(tmp_path, "ctr", grpc_port=1, http_port=2)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert (settings["host"], settings["parallel_workers"]) == ("127.0.0.1", 2)
    assert "max_batch_size" not in json.loads((tmp_path / "model-settings.json").read_text())


def test_the_json_has_each_targets_figures_and_the_facts(tmp_path: Path) -> None:
    """Medians and spreads over repeats; no latency where no rate held, and no NaN anywhere."""
    results = PeerResults(facts_of(TARGETS[:1]) | {"graph": "g"})
    results.add({"raw_bound_pairs_s": 300.0})
    for goodput in (100.0, 120.0, 110.0):
        results.add_target(
            "gateway",
            {
                "goodput_pairs_s": goodput,
                "bound_ratio": goodput / 300,
                "p50_ms": 50.0,
                "p99_ms": 90.0,
                "rss_mb": 100.0,
            },
        )
    results.add_target("naive", {**dict.fromkeys(ASKED, None), "goodput_pairs_s": 0.0})
    write_results(results, tmp_path / "peers.json")
    found = json.loads((tmp_path / "peers.json").read_text(), parse_constant=pytest.fail)
    assert found["raw_bound_pairs_s"] == 300
    assert found["fingerprint"]["cores"] >= 1
    assert set(found["targets"]) == {"gateway", "naive"}
    assert set(found["targets"]["gateway"]) >= ASKED
    assert found["targets"]["gateway"]["goodput_pairs_s"] == 110
    assert found["targets"]["gateway"]["goodput_pairs_s_spread"] == [100, 120]
    assert found["targets"]["naive"]["p99_ms"] is None


def test_the_table_has_a_row_a_target() -> None:
    """With a dash where there is no figure; one that failed says why among the facts."""
    results = PeerResults()
    results.add_failure("mosec", "it ended")
    assert results.facts["failed"] == {"mosec": "it ended"}
    results.add_target("triton", {"goodput_pairs_s": 0.0, "bound_ratio": 0.0, "p99_ms": None})
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(results.table("peers"))
    lines = {line.split()[1]: line for line in shown.get().splitlines() if line.startswith("│")}
    assert set(lines) == {"mosec", "triton"}
    assert lines["mosec"].count(" - ") == 8


def test_what_others_used_of_the_machine_is_told() -> None:
    """40 busy seconds of two CPUs in 20, of which 25 were ours: others had 15 of 40."""
    before, after = CpuClock(100.0, 1_000.0, 7.0), CpuClock(120.0, 1_040.0, 32.0)
    assert others_share(before, after, cpus=2) == pytest.approx(15 / 40)
    alone = CpuClock(120.0, 1_020.0, 27.5)  # clocks of different grain: never below none
    assert others_share(before, alone, cpus=2) == 0
    assert read_clock().busy_s > 0


def test_the_cpus_instructions_are_told_where_proc_knows_them(tmp_path: Path) -> None:
    """Those that decide an 8-bit graph's speed; none on a machine without /proc/cpuinfo."""
    info = tmp_path / "cpuinfo"
    assert cpu_flags(info) == []
    info.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni sse\n")
    assert cpu_flags(info) == ["avx2", "avx_vnni"]


def test_the_graph_is_the_default_where_onnxruntime_runs_it(tmp_path: Path) -> None:
    """So that every server has the same file."""
    bundle = open_bundle(make_tiny_bundle(tmp_path / "bundle"))
    assert name_of(onnxruntime_choice(bundle)) == f"joint/{ONNX_RUNTIME}/fp32"
    assert name_of(choice_named("joint/onnxruntime/int8")) == "joint/onnxruntime/int8"


def test_a_server_that_ends_at_its_start_is_a_sentence_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for, and its last words are kept."""
    monkeypatch.chdir(tmp_path)
    target = f"http://127.0.0.1:{free_port()}/"
    broken = Command("broken", ("sh", "-c", "echo no graph; exit 3"), target, HTTP_JSON)
    with (
        pytest.raises(BenchError, match=r"ended with exit code 3; see build/bench/logs/broken.log"),
        running_peer(broken, b"{}"),
    ):
        pass
    assert "no graph" in (tmp_path / "build/bench/logs/broken.log").read_text()
    assert ask_once(target, HTTP_JSON, b"{}", 1.0)[0] != 0


def test_a_peer_is_handed_out_once_it_answered_and_ends_with_the_block(tmp_path: Path) -> None:
    """The synchronous gRPC peer as a process: it scores, it holds memory, and then it is gone."""
    setup = Setup(make_tiny_bundle(tmp_path / "bundle"), "joint/onnxruntime/fp32", 8)
    port = free_port()
    target = f"127.0.0.1:{port}"
    path = f"{ROOT / 'bench'}:{ROOT / 'proto'}"
    command = Command(
        "sync-grpc",
        (sys.executable, "-m", "peers.sync_grpc", str(port)),
        target,
        CTR_V1,
        {**setup.variables(), "PYTHONPATH": path},
    )
    message = Search("lamp", [Item("a", "red lamp"), Item("b", "oak shelf")]).serialise()
    with running_peer(command, message) as peer:
        code, raw = ask_once(peer.target, CTR_V1, message)
        assert code == 0
        assert len(probabilities_of(raw)) == 2
        assert peer.rss_bytes() > 10_000_000
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", port)) != 0
