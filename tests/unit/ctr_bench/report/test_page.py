"""The report's files: whole, safe, the same each time, and none at all when something is wrong."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_bench.cli import main
from ctr_bench.errors import BenchError
from ctr_bench.report.drawing import styled
from ctr_bench.report.finding import find
from ctr_bench.report.page import Places, write_report
from ctr_bench.report.sections import sections_of
from ctr_bench.report.summary import summary
from tests.support.simulated_bench import FINGERPRINT, sweep, write, write_run
from tests.support.simulated_load import SimulatedServer, simulate_load
from tests.support.simulated_report import HOSTILE, write_all

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.report.view import Section

MADE = datetime(2026, 11, 29, 13, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n"


def read(folder: Path) -> list[Section]:
    """Read a folder, without drawing."""
    with styled():
        return sections_of(find([folder], leave_out=folder / "report.json"))


def made_of(folder: Path, out: Path) -> Places:
    """Make a report of a folder."""
    places = Places(out / "report.html", out / "plots")
    with styled():
        write_report(sections_of(find([folder], leave_out=places.data)), places, MADE)
    return places


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A report of everything."""
    folder = tmp_path_factory.mktemp("everything")
    return made_of(write_all(folder), folder)


def test_the_page_needs_nothing_but_itself(places: Places) -> None:
    """No script, no style sheet, no picture and no address of anything elsewhere."""
    page = places.page.read_text("utf-8")
    assert not re.search(r"<script|<img|<link(?! rel=\"icon\" href=\"data:)|<iframe|@import", page)
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert set(re.findall(r"https?://[\w.]+", page)) <= {"http://www.w3.org"}
    assert page.count("<svg") == len(list(places.pictures.glob("*.png")))


def test_every_plot_is_a_picture_too_and_the_data_says_which(places: Places) -> None:
    """Each PNG is one, and the JSON lists them by section."""
    data = json.loads(places.data.read_text())
    named = [name for section in data["sections"] for name in section["pictures"]]
    assert sorted(named) == sorted(path.name for path in places.pictures.iterdir())
    assert len(named) == len(set(named)) >= 12 + 2 + 2
    for path in places.pictures.iterdir():
        assert path.read_bytes().startswith(PNG)


def test_nothing_unfinished_stays(places: Places) -> None:
    """All files were renamed into their place."""
    assert not list(places.page.parent.rglob("*.new"))


def test_what_files_say_is_only_text(places: Places) -> None:
    """Markup in a reason, a model's name and a fact is escaped."""
    page = places.page.read_text("utf-8")
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(") >= 3


def test_links_lead_to_the_raw_data(places: Places) -> None:
    """Every relative link of the page leads to a file that is there."""
    page = places.page.read_text("utf-8")
    links = set(re.findall(r'<a href="([^"#][^"]*)"', page))
    assert {"runs/steady/rows.parquet", "sweep.json", "report.json", "plots/"} <= links
    for link in links:
        assert (places.page.parent / link).exists(), link


def test_anchors_lead_somewhere(places: Places) -> None:
    """Every link within the page has its target, and no id occurs twice."""
    page = places.page.read_text("utf-8")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_an_invalid_and_partial_run_says_so_at_the_head(places: Places) -> None:
    """Both banners stand above the answer, and the reason with them."""
    head = places.page.read_text("utf-8").split("In short")[0]
    assert "overload: INVALID, do not use these figures: the generator was late" in head
    assert "overload: PARTIAL: the run was stopped before its end" in head


def test_the_data_shows_the_stall_and_no_endless_number(places: Places) -> None:
    """The stall of the simulation is in the JSON, which any parser reads."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    data = json.loads(places.data.read_text(), parse_constant=refuse)
    run = next(s for s in data["sections"] if s["title"] == "stalled")
    assert run["stalls"][0]["length_ms"] == pytest.approx(1_000, rel=0.1)
    assert run["time_line"]["step_s"] == 1


def test_the_same_files_make_the_same_page(tmp_path: Path) -> None:
    """A second report of the same files is the same, byte for byte."""
    write(tmp_path / "in" / "sweep.json", sweep(SimulatedServer(), [20.0, 120.0], seconds=4))
    pages = [made_of(tmp_path / "in", tmp_path / name) for name in "ab"]
    assert pages[0].page.read_bytes() == pages[1].page.read_bytes()
    assert pages[0].data.read_bytes() == pages[1].data.read_bytes()


def test_files_of_two_machines_are_not_set_against_each_other(tmp_path: Path) -> None:
    """A fingerprint that differs is named at the head, with the field."""
    columns = simulate_load(SimulatedServer(), 20, 3)
    write_run(tmp_path / "a", columns)
    other = FINGERPRINT | {"cpu": "another", "versions": {"onnxruntime": "1.30.0"}}
    write_run(tmp_path / "b", columns, fingerprint=other)
    head = summary(read(tmp_path)).banners
    assert "What differs: cpu, versions.onnxruntime." in head[0][1].text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loop": "closed", "offered_requests_s": None}, "Closed loop: callers wait for answers"),
        ({"slo": None}, "60 requests are too few to say anything of p99"),
    ],
)
def test_a_run_that_says_less_than_it_seems_warns(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    """A closed loop and a run of few requests each carry their warning."""
    write_run(tmp_path / "run", simulate_load(SimulatedServer(), 20, 3), **changes)
    (section,) = read(tmp_path)
    assert any(said in banner.text for banner in section.banners)


def test_a_run_of_which_nothing_was_good_is_shown(tmp_path: Path) -> None:
    """All refused: no percentile, no stage, and still a page."""
    server = SimulatedServer(refuse_ms=-1.0)
    write_run(tmp_path / "run", simulate_load(server, 20, 3))
    page = made_of(tmp_path, tmp_path / "out").page.read_text("utf-8")
    assert "endless" in page
    assert "RESOURCE_EXHAUSTED" in page


def test_a_malformed_file_stops_the_command_before_it_writes(tmp_path: Path) -> None:
    """One bad file among good ones: an error of one line with file and field, and no page."""
    write(tmp_path / "in" / "sweep.json", sweep(SimulatedServer(), [20.0], seconds=3))
    bad = write(tmp_path / "in" / "x.json", {"kind": "sweep", "slo": {"p99_ms": 1}, "trials": [{}]})
    out = tmp_path / "out" / "report.html"
    result = CliRunner().invoke(main, ["report", str(tmp_path / "in"), "--out", str(out)])
    assert result.exit_code == 1
    assert f"Error: {bad}: field trials.0.rate_requests_s: Field required" in result.output
    assert not out.parent.exists()


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """Where the pictures cannot go, the page of before stays as it was."""
    write(tmp_path / "in" / "sweep.json", sweep(SimulatedServer(), [20.0], seconds=3))
    places = Places(tmp_path / "report.html", tmp_path / "plots")
    places.page.write_text("old")
    places.pictures.write_text("a file where the folder should be")
    with styled(), pytest.raises(BenchError, match="cannot be written"):
        write_report(sections_of([tmp_path / "in" / "sweep.json"]), places, MADE)
    assert places.page.read_text() == "old"


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    """Without --png-dir the pictures lie beside the page, under its name."""
    write(tmp_path / "sweep.json", sweep(SimulatedServer(), [20.0, 120.0], seconds=3))
    out = tmp_path / "monday.html"
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "1 file read" in result.output
    assert sorted(path.name for path in (tmp_path / "monday-plots").iterdir()) == [
        "sweep-goodput.png",
        "sweep-latency.png",
    ]
    again = CliRunner().invoke(main, ["report", str(tmp_path), "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert "1 file read" in again.output
