"""`ctr-bench run` from end to end: generators and a scripted target, each its own process."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_bench.child import running_child
from ctr_bench.cli import main
from ctr_bench.gateway_process import ZERO_COST, GatewaySetup, running_gateway
from ctr_bench.rows_file import read_rows
from ctr_service.server.tokens_file import entry_of
from tests.support.certificates import Authority
from tests.support.gateway import ROOT
from tests.support.gateway import running_gateway as guarded_gateway
from tests.support.scripted_target import bench_run, content_of, scripted
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "ctr_canary-load"


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """One scripted server for all tests that only ask it."""
    with scripted() as found:
        yield found


def test_two_generators_make_one_run_whose_rows_and_figures_agree(
    target: str, tmp_path: Path
) -> None:
    """Every request of the schedule has a row, and run.json says what the rows say."""
    shape = ("--rate", "100", "--seconds", "1", "--generators", "2", "--candidates", "2..5")
    mix = ("--priority", "interactive=1,bulk=1", "--cold", "0.3", "--slo", "p99=2s")
    done = bench_run(target, tmp_path, "a", *shape, *mix)
    assert done.returncode == 0, done.stderr
    content, rows = content_of(tmp_path / "a"), read_rows(tmp_path / "a" / "rows.parquet")
    assert (content["kind"], content["schema"], content["loop"]) == ("run", 1, "open")
    assert content["figures"]["requests"] == len(rows) == 100
    assert content["figures"]["codes"] == {"OK": 100}
    assert content["figures"]["good_share"] == 1.0
    assert content["slo"] == {"p99_ms": 2000.0}
    assert len(content["generators"]) == 2
    assert content["valid"]
    assert set(rows.candidates.tolist()) == {2, 3, 4, 5}
    assert set(rows.priority.tolist()) == {1, 2}
    assert rows.versions.tolist() == ["scripted-1"]
    assert (rows.model_ns > 0).all()
    assert (rows.sent_ns >= rows.scheduled_ns).all()
    assert "open loop" in done.stdout


def test_a_closed_loop_is_labelled_as_such(target: str, tmp_path: Path) -> None:
    """In the file, in the table, and by the callers in the rows."""
    done = bench_run(target, tmp_path, "c", "--callers", "3", "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    content, rows = content_of(tmp_path / "c"), read_rows(tmp_path / "c" / "rows.parquet")
    assert content["loop"] == "closed"
    assert content["offered_requests_s"] is None
    assert set(rows.caller.tolist()) == {0, 1, 2}
    assert "closed loop" in done.stdout


def test_a_log_is_replayed_at_its_own_times(target: str, tmp_path: Path) -> None:
    """Three requests at 0, 0.1 and 0.4 s, at twice the speed; nobody's words reach the files."""
    log = tmp_path / "log.jsonl"
    lines = [
        {"at_s": at_s, "query": "private words", "candidates": [{"title": "private title"}] * 1}
        for at_s in (5.0, 5.1, 5.4)
    ]
    log.write_text("\n".join(json.dumps(line) for line in lines))
    way = ("--workload", f"log:{log}", "--arrivals", "replay:speed=2")
    done = bench_run(target, tmp_path, "r", *way, "--slo", "p99=10s")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "r" / "rows.parquet")
    assert (rows.scheduled_ns / 1e6).round().tolist() == [0, 50, 200]
    written = (tmp_path / "r" / "run.json").read_bytes()
    written += (tmp_path / "r" / "rows.parquet").read_bytes()
    assert b"private" not in written


def test_both_protocols_reach_a_real_gateway(tmp_path: Path) -> None:
    """One gateway answers ctr.v1 and Open Inference whole; for another model it is no target."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    setup = GatewaySetup(bundle, (*ZERO_COST, "--open-inference"))
    with running_gateway(setup) as gateway:
        for protocol in ("ctr.v1", "open-inference"):
            load = ("--protocol", protocol, "--rate", "40", "--seconds", "0.5", "--slo", "p99=9s")
            bundled = ("--bundle", str(bundle), "--deadline-ms", "9000")
            done = bench_run(gateway.target, tmp_path, protocol, *load, *bundled)
            assert done.returncode == 0, done.stderr
            content = content_of(tmp_path / protocol)
            assert content["protocol"] == protocol
            assert content["figures"]["good_share"] == 1.0
            assert content["workload"]["tokens_are"] == "counted"
            assert content["server"]["model_name"]
        other = ("--rate", "5", "--seconds", "1", "--model", "other")
        refused = bench_run(gateway.target, tmp_path / "refused", "m", *other)
    assert refused.returncode == 1
    assert "does not serve the model of --model" in refused.stderr
    assert not (tmp_path / "refused").exists()


def test_ctrl_c_keeps_the_rows_so_far_and_marks_them(target: str, tmp_path: Path) -> None:
    """Stopped once answers were seen: exit code 130, fewer rows than the schedule, `partial`."""
    command = [sys.executable, "-m", "ctr_bench", "run", "--target", target, "--out", str(tmp_path)]
    load = ["--name", "p", "--rate", "50", "--seconds", "600"]
    with subprocess.Popen(
        [*command, *load], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "answers" in line:
                break
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    content = content_of(tmp_path / "p")
    assert content["partial"]
    assert 0 < content["figures"]["requests"] == len(read_rows(tmp_path / "p" / "rows.parquet"))
    assert content["figures"]["requests"] < 30_000
    assert "partial" in stdout


def test_an_unreachable_target_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    """Exit code 1; the message says what to do."""
    done = bench_run("127.0.0.1:1", tmp_path / "runs", "u", "--rate", "5", "--seconds", "1")
    assert done.returncode == 1
    assert "nothing serves at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_target_of_another_protocol_is_one_line(tmp_path: Path) -> None:
    """A server that has neither service is named with the protocol that was asked for."""
    response = tmp_path / "response"
    response.write_bytes(b"")
    with running_child("echo", ("-m", "ctr_bench.echo", str(response))) as echo:
        for protocol, other in (("ctr.v1", "open-inference"), ("open-inference", "ctr.v1")):
            load = ("--rate", "5", "--seconds", "1", "--protocol", protocol)
            done = bench_run(echo.target, tmp_path / "runs", "w", *load)
            assert done.returncode == 1
            assert (
                f"does not speak {protocol}; try `ctr-bench run --protocol {other}`" in done.stderr
            )
    assert not (tmp_path / "runs").exists()


def test_a_malformed_log_is_refused_before_the_target_is_asked(tmp_path: Path) -> None:
    """Line and field are named, though nothing even serves there."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"at_s": 0, "query": "q", "candidates": [{"title": 1}]}')
    way = ("--workload", f"log:{log}", "--arrivals", "replay")
    done = bench_run("127.0.0.1:1", tmp_path / "runs", "l", *way)
    assert done.returncode == 2
    assert "line 1: candidates[0].title must be a text" in done.stderr


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """No rate, a rate beside callers, an SLO that is none ...: exit code 2, and no run."""
    for more in (
        (),
        ("--rate", "5", "--callers", "2"),
        ("--rate", "5", "--slo", "p50=3"),
        ("--rate", "5", "--arrivals", "sawtooth"),
        ("--rate", "5", "--generators", "2", "--core", "0"),
        ("--rate", "5", "--candidates", "2000"),
    ):
        arguments = ["run", "--target", "127.0.0.1:1", "--out", str(tmp_path / "runs"), *more]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2
        assert "nothing serves" not in done.output
        assert "--" in done.output.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_while_files_are_read_is_the_same_as_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130 and a sentence, before anything was sent."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ctr_bench.run_options.open_source", interrupted)
    arguments = ["run", "--target", "127.0.0.1:1", "--out", str(tmp_path / "runs"), "--rate", "5"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 130
    assert "stopped before the first answer" in done.output
    assert not (tmp_path / "runs").exists()


def test_a_full_disk_is_one_line_and_earlier_runs_stay(target: str, tmp_path: Path) -> None:
    """Files may not grow beyond a few kB: the run fails with a sentence, the first one is whole."""
    load = ("--rate", "400", "--seconds", "1", "--slo", "p99=9s", "--pool", "1")
    first = bench_run(target, tmp_path, "first", *load)
    assert first.returncode == 0, first.stderr
    before = (tmp_path / "first" / "rows.parquet").read_bytes()

    def full() -> None:
        limit = len(before) // 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    arguments = ["run", "--target", target, "--out", str(tmp_path), "--name", "second", *load]
    done = subprocess.run(
        [sys.executable, "-m", "ctr_bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=full,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "could not be" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first" / "rows.parquet").read_bytes() == before


def test_a_guarded_server_is_reached_by_tls_and_token_which_reach_no_file(tmp_path: Path) -> None:
    """The generators read the token's file themselves; without it the run stops with a sentence."""
    pem = Authority(tmp_path / "ca").issue("server")
    tokens, token = tmp_path / "tokens.toml", tmp_path / "token"
    tokens.write_text(entry_of("load", CANARY))
    token.write_text(CANARY)
    flags = (
        *("--tls-certificate", str(pem.certificate), "--tls-private-key", str(pem.private_key)),
        *("--tokens-file", str(tokens)),
    )
    load = ("--rate", "20", "--seconds", "0.5", "--slo", "p99=9s", "--tls-ca", str(pem.ca))
    runs = tmp_path / "runs"
    with guarded_gateway(make_tiny_bundle(tmp_path / "bundle"), *flags) as gateway:
        refused = bench_run(gateway.target, runs, "r", *load)
        done = bench_run(gateway.target, runs, "g", *load, "--token-file", str(token))
    assert refused.returncode == 1
    assert "--token-file" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert content_of(runs / "g")["figures"]["codes"] == {"OK": 10}
    assert CANARY not in (runs / "g" / "run.json").read_text() + done.stdout + done.stderr
