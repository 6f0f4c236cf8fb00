"""`ctr-bench sweep`, `compare`, `plan` and `report` from end to end, on gateways of known capacity.

The engine sleeps 20 ms a list and has one slot, so a gateway does 50 lists a second and no more,
and gateways on one machine add up. An SLO here is a p95 of several lists' time: a machine that
stands still for a moment makes a few requests in a hundred late, and changes no verdict.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ctr_bench.cli import main
from ctr_bench.gateway_process import NO_SCORE_CACHE, GatewaySetup, running_gateway
from tests.support.bench import bench
from tests.support.timed_bundle import (
    CANDIDATES,
    make_timed_bundle,
    timed_flags,
    write_catalogue,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST_S = 0.02
MOST_PAIRS_S = CANDIDATES / LIST_S
PARTS = ("start", "queue", "callers", "cache", "loss")
WITHOUT = [f"--without={part}" for part in PARTS]


@dataclass(frozen=True)
class World:
    """A bundle, its searches, and the engine's script.

    Attributes:
        flags: `--flag`s of a gateway.
        out: where the commands write.
    """

    bundle: Path
    catalogue: Path
    flags: list[str]
    out: Path

    @property
    def searches(self) -> list[str]:
        """Options that say what is asked."""
        files = ["--bundle", str(self.bundle), "--catalogue", str(self.catalogue)]
        return [*files, "--candidates", str(CANDIDATES)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make them."""
    folder = tmp_path_factory.mktemp("capacity")
    bundle, catalogue = make_timed_bundle(folder / "bundle"), write_catalogue(folder)
    return World(bundle, catalogue, timed_flags(bundle, catalogue, LIST_S), folder / "bench")


@pytest.fixture(scope="module")
def target(world: World) -> Iterator[str]:
    """One running gateway, for all that starts none."""
    flags = tuple(flag.removeprefix("--flag=") for flag in world.flags)
    with running_gateway(GatewaySetup(world.bundle, (*NO_SCORE_CACHE, *flags))) as gateway:
        yield gateway.target


def plan(world: World, name: str, share: float, *options: str) -> tuple[dict[str, Any], str]:
    """Verify a plan for a share of what one gateway can do at most; return JSON and table.

    A gateway's goodput is said to be 65 % of that, and none of it is headroom.
    """
    load = ("--forecast", f"peak={share * MOST_PAIRS_S:.0f}", "--goodput", f"{0.65 * MOST_PAIRS_S}")
    slo = ("--slo", "p95=300ms", "--trial-requests", "100", "--headroom", "1")
    out = world.out / name
    asked = (*world.searches, *world.flags, *load, *slo, *WITHOUT, "--verify", "--out", str(out))
    done = bench("plan", *asked, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text()), done.stdout


@pytest.fixture(scope="module")
def plain_plan(world: World) -> tuple[dict[str, Any], str]:
    """No failure tolerated: two are loaded to 60 %, one to 120 %; noise crosses neither gap."""
    return plan(world, "plan.json", 1.2, "--failures", "0", "--price", "0.5")


@pytest.fixture(scope="module")
def swept(world: World, target: str) -> tuple[dict[str, Any], str, str]:
    """Search once for the knee, with a limit of 8 lists' time; return JSON, table, progress."""
    out = world.out / "sweep.json"
    size = ("--trial-requests", "100", "--confirm-requests", "100", "--repeats", "1", "--no-curve")
    asked = (*size, "--start", f"{0.7 / LIST_S}", "--slo", "p95=160ms", "--target", target)
    done = bench("sweep", *world.searches, *asked, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text()), done.stdout, done.stderr


@pytest.fixture(scope="module")
def compared(world: World, target: str) -> tuple[dict[str, Any], str]:
    """One gateway against itself; return JSON and what was said."""
    out = world.out / "compare.json"
    load = ("--rate", f"{0.6 / LIST_S}", "--pairs", "6", "--requests", "20", "--slo", "p99=2s")
    done = bench("compare", target, target, *world.searches, *load, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text()), done.stdout


def test_the_planned_replicas_hold_the_forecast_and_one_fewer_does_not(
    plain_plan: tuple[dict[str, Any], str],
) -> None:
    """No headroom, no failure tolerated: two real gateways hold the peak, one fails it."""
    found, table = plain_plan
    assert found["kind"] == "plan"
    assert found["replicas"] == 2
    holds, fails = found["verification"]
    assert (holds["replicas"], holds["held"], holds["killed"]) == (2, True, 0)
    assert (fails["replicas"], fails["held"]) == (1, False)
    assert found["cost_a_million"]["an_hour"] == 1.0
    assert "true: 2 replicas hold the forecast's peak" in table


def test_a_plan_that_tolerates_a_failure_survives_a_killed_replica(world: World) -> None:
    """One replica of two is killed under load: the SLO holds and every request is answered."""
    found, _ = plan(world, "plan-with-failure.json", 0.6, "--failures", "1")
    assert found["replicas"] == 2
    (run,) = found["verification"]
    assert (run["replicas"], run["killed"], run["held"], run["failed"]) == (2, 1, True, 0)
    assert 0 < run["killed_after_requests"] < run["requests"]


def test_a_sweep_finds_the_knee_below_the_capacity_and_says_how_sure_it_is(
    swept: tuple[dict[str, Any], str, str],
) -> None:
    """The knee lies between 35 and 110 % of what is possible.

    A trial lasts 20 limits, and what was asked in 20 may be answered in time in 21: 105 % is
    possible, and a Poisson schedule may be a little shorter.
    """
    found, table, progress = swept
    assert (found["kind"], found["partial"]) == ("sweep", False)
    assert 0.35 * MOST_PAIRS_S < found["knee"]["goodput_pairs_s"] < 1.1 * MOST_PAIRS_S
    assert {"rate", "requests", "p50_ms", "p99_ms", "goodput_pairs_s", "late", "verdict"} <= (
        found["trials"][0].keys()
    )
    assert "knee:" in table
    assert "about" in progress  # it says how long a trial takes


def test_an_slo_that_no_rate_keeps_says_what_was_tried(
    world: World, target: str, tmp_path: Path
) -> None:
    """A list of 12 takes 60 ms and shall take 40: the lowest rate is named, and its outcome."""
    out = tmp_path / "sweep.json"
    options = ("--slo", "p95=40ms", "--trial-requests", "20", "--repeats", "1", "--start", "100")
    asked = (*world.searches, "--candidates", f"{3 * CANDIDATES}", "--target", target)
    done = bench("sweep", *asked, *options, "--out", str(out))
    assert done.returncode == 1
    assert "kept at no rate: even at" in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(out.read_text())
    assert found["partial"]
    assert found["knee"] is None
    assert found["trials"]


def test_a_gateway_compared_with_itself_is_no_difference(
    compared: tuple[dict[str, Any], str],
) -> None:
    """Goodput of both sides is all that was offered, so its interval is 1."""
    found, said = compared
    assert "goodput_pairs_s" in said
    assert found["figures"]["goodput_pairs_s"]["differs"] is False
    assert "no difference" in said


@pytest.mark.usefixtures("plain_plan", "swept", "compared")
def test_the_page_shows_the_plan_the_sweep_and_the_comparison(world: World) -> None:
    """What the commands wrote is what the report reads, each in a section with a plot."""
    out = world.out / "page" / "report.html"
    names = [str(world.out / f"{name}.json") for name in ("plan", "sweep", "compare")]
    done = CliRunner().invoke(main, ["report", *names, "--out", str(out)])
    assert done.exit_code == 0, done.output
    page = out.read_text()
    for sentence in ("Buy 2 replicas", "The server holds", "B against A", "no difference"):
        assert sentence in page
    plots = {path.stem for path in (out.parent / "report-plots").glob("*.png")}
    assert {"sweep-latency", "sweep-goodput", "compare-ratios"} <= plots


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sweep", "--target", "127.0.0.1:1"), "nothing serves at 127.0.0.1:1"),
        (("sweep", "--slo", "fast"), "--slo must be like p99=100ms"),
        (("plan", "--forecast", "peak=lots"), "a peak is like peak=1200"),
        (("compare", "127.0.0.1:1", "127.0.0.1:2"), "give --rate"),
    ],
)
def test_bad_input_is_a_sentence_and_nothing_is_written(
    world: World, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit code 1, what is wrong, no file."""
    out = tmp_path / "out.json"
    handler = signal.getsignal(signal.SIGTERM)
    try:
        done = CliRunner().invoke(main, [*arguments, *world.searches, "--out", str(out)])
    finally:
        signal.signal(signal.SIGTERM, handler)  # the command's own would end this process
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert sentence in done.output
    assert not out.exists()
