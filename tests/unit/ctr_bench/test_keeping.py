"""What a measurement leaves, however it ends."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from ctr_bench.errors import BenchError
from ctr_bench.keeping import kept

if TYPE_CHECKING:
    from pathlib import Path


def test_a_measurement_that_ends_well_is_whole(tmp_path: Path) -> None:
    """Kind, facts, content and machine; what is endless is null, as JSON knows no infinity."""
    out = tmp_path / "new" / "sweep.json"
    found: dict[str, object] = {}
    with kept("sweep", out, {"target": "here"}, lambda: found):
        found["knee"] = {"p99_ms": math.inf, "rates": (1.0, math.nan)}
    content = json.loads(out.read_text())
    assert (content["kind"], content["target"], content["partial"]) == ("sweep", "here", False)
    assert content["knee"] == {"p99_ms": None, "rates": [1.0, None]}
    assert content["fingerprint"]["cores"] >= 1


def test_ctrl_c_keeps_what_was_found_beside_the_last_whole_one(tmp_path: Path) -> None:
    """The exit code is 130, the file says partial and has a name of its own; the old one stays."""
    out = tmp_path / "sweep.json"
    with kept("sweep", out, {}, lambda: {"trials": [1, 2]}):
        pass
    whole = out.read_text()
    with pytest.raises(SystemExit) as ended, kept("sweep", out, {}, lambda: {"trials": [1]}):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    content = json.loads((tmp_path / "sweep.partial.json").read_text())
    assert (content["partial"], content["trials"]) == (True, [1])
    assert out.read_text() == whole


def test_what_ctrl_c_left_goes_with_the_next_that_comes_to_its_end(tmp_path: Path) -> None:
    """A report of the folder would else call the new one partial."""
    out = tmp_path / "sweep.json"
    with pytest.raises(SystemExit), kept("sweep", out, {}, dict):
        raise KeyboardInterrupt
    with kept("sweep", out, {}, dict):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.json"]


def test_an_error_is_kept_with_what_came_before_it_and_raised(tmp_path: Path) -> None:
    """The file names it, too."""
    out = tmp_path / "sweep.json"
    with pytest.raises(BenchError, match="no rate"), kept("sweep", out, {}, dict):
        raise BenchError("kept at no rate")
    assert json.loads(out.read_text())["error"] == "kept at no rate"


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """Its folder is a file: nothing is left there, and the message names the path."""
    (tmp_path / "taken").write_text("")
    with (
        pytest.raises(BenchError, match=r"taken/sweep.json cannot be written"),
        kept("sweep", tmp_path / "taken" / "sweep.json", {}, dict),
    ):
        pass
