"""Which files are taken, and how a bad one is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ctr_bench.errors import BenchError
from ctr_bench.report.artefacts import Run, Slo, Sweep, parsed, read_json
from ctr_bench.report.finding import find
from tests.support.simulated_bench import sweep, write, write_run
from tests.support.simulated_load import SimulatedServer, simulate_load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """A run.json."""
    folder = write_run(tmp_path / "run", simulate_load(SimulatedServer(), 10, 3))
    return read_json(folder / "run.json")


def test_fields_of_a_newer_bench_are_kept(content: dict[str, Any], tmp_path: Path) -> None:
    """An unknown field is no error, neither at the top nor in the figures."""
    content["new"] = 1
    content["figures"]["new_ms"] = 2.0
    run = parsed(Run, content, tmp_path)
    assert run.figures.requests == content["figures"]["requests"]


def test_an_endless_percentile_is_no_error(content: dict[str, Any], tmp_path: Path) -> None:
    """A p99 of null says that more than one in a hundred was never answered well."""
    content["figures"]["p99_ms"] = None
    assert parsed(Run, content, tmp_path).figures.p99_ms is None


def drop_p99(content: dict[str, Any]) -> None:
    """Leave a figure out."""
    del content["figures"]["p99_ms"]


def wrong_loop(content: dict[str, Any]) -> None:
    """Neither of the two loops."""
    content["loop"] = "secret"


def wrong_requests(content: dict[str, Any]) -> None:
    """Less than none."""
    content["figures"]["requests"] = -1


def wrong_slo(content: dict[str, Any]) -> None:
    """No limit that one could draw."""
    content["slo"] = {"p99_ms": 0}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (drop_p99, r"field figures\.p99_ms: Field required"),
        (wrong_loop, r"field loop: Input should be 'open' or 'closed'"),
        (wrong_requests, r"field figures\.requests: Input should be greater than or equal to 0"),
        (wrong_slo, r"field slo\.limit_ms: Input should be greater than 0"),
    ],
)
def test_a_malformed_field_is_named(
    content: dict[str, Any],
    tmp_path: Path,
    spoil: Callable[[dict[str, Any]], None],
    said: str,
) -> None:
    """The refusal names the file and the field, and repeats no value."""
    spoil(content)
    with pytest.raises(BenchError, match=said) as refused:
        parsed(Run, content, tmp_path / "run.json")
    assert str(tmp_path / "run.json") in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON: .* in line 1"),
        (b"[1]", "holds no JSON object"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_bench_s_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    """The refusal says what is wrong with it, without showing it."""
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(BenchError, match=said):
        read_json(path)


@pytest.mark.parametrize("written", [{"p99.9_ms": 250}, {"percentile": 99.9, "limit_ms": 250}])
def test_an_slo_has_name_and_limit(written: dict[str, float]) -> None:
    """Either way of writing it says which percentile, and its limit."""
    slo = Slo.model_validate(written)
    assert (slo.name, slo.limit_ms) == ("p99.9", 250.0)


def test_a_sweep_without_a_knee_held_nothing(tmp_path: Path) -> None:
    """A knee of nulls, or none at all, means that no rate held."""
    found = sweep(SimulatedServer(), [150.0], seconds=4)
    assert parsed(Sweep, found, tmp_path).held is None
    del found["knee"]
    assert parsed(Sweep, found, tmp_path).held is None


def test_a_folder_is_searched_and_each_file_taken_once(tmp_path: Path) -> None:
    """A folder's JSON, the run folders in it and in `runs`; the report's own JSON is left out."""
    columns = simulate_load(SimulatedServer(), 10, 2)
    write_run(tmp_path / "runs" / "b", columns)
    write_run(tmp_path / "a", columns)
    write(tmp_path / "sweep.json", {})
    own = write(tmp_path / "report.json", {})
    found = find([tmp_path, tmp_path / "a", tmp_path / "sweep.json"], leave_out=own)
    names = [str(path.relative_to(tmp_path)) for path in found]
    assert names == ["sweep.json", "a/run.json", "runs/b/run.json"]


def test_nothing_to_report_is_an_error(tmp_path: Path) -> None:
    """An empty folder and a path that does not exist each say so."""
    with pytest.raises(BenchError, match=r"nothing to report in .*run a bench first"):
        find([tmp_path], leave_out=tmp_path / "report.json")
    with pytest.raises(BenchError, match="there is no such file or folder"):
        find([tmp_path / "absent"], leave_out=tmp_path / "report.json")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file beyond the limit is refused by its size, which costs no memory."""
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(BenchError, match="a bench writes at most 67,108,864"):
        read_json(path)


def test_json_with_infinity_reads(tmp_path: Path) -> None:
    """Python's own JSON may hold Infinity for an endless percentile."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"p99_ms": float("inf")}))
    assert read_json(path)["p99_ms"] == float("inf")
