"""What a bench leaves that was stopped half-way."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import click
import pytest

from ctr_bench.commands.options import run_bench
from ctr_bench.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctr_bench.progress import Progress

pytestmark = pytest.mark.usefixtures("handlers")


@pytest.fixture
def handlers() -> Iterator[None]:
    """A bench takes both signals for itself; put them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def whole(_: Progress, results: Results) -> None:
    """Two repeats."""
    results.add({"pairs_s": 10.0})
    results.add({"pairs_s": 12.0})


def stopped(_: Progress, results: Results) -> None:
    """Ctrl-C in the second repeat."""
    results.add({"pairs_s": 10.0})
    raise KeyboardInterrupt


def stopped_at_once(_: Progress, _results: Results) -> None:
    """Ctrl-C before any figure."""
    raise KeyboardInterrupt


def test_ctrl_c_keeps_the_repeats_that_ended(tmp_path: Path) -> None:
    """They are marked, in a file of their own; the last whole one stays; the exit code is 130."""
    out = tmp_path / "peers.json"
    run_bench("peers", out, whole, Results())
    before = out.read_text()
    with pytest.raises(SystemExit) as ended:
        run_bench("peers", out, stopped, Results())
    assert ended.value.code == 130
    partial = json.loads((tmp_path / "peers.partial.json").read_text())
    assert (partial["partial"], partial["pairs_s"]) == (True, 10.0)
    assert out.read_text() == before
    assert "partial" not in json.loads(before)


def test_the_next_whole_result_takes_the_partial_one_away(tmp_path: Path) -> None:
    """A reader would else take an old half for the newest."""
    out = tmp_path / "soak.json"
    with pytest.raises(SystemExit):
        run_bench("soak", out, stopped, Results())
    run_bench("soak", out, whole, Results())
    assert [path.name for path in tmp_path.iterdir()] == ["soak.json"]


def test_nothing_found_is_nothing_written(tmp_path: Path) -> None:
    """Stopped before the first figure: no file, and 130 all the same."""
    with pytest.raises(SystemExit) as ended:
        run_bench("soak", tmp_path / "soak.json", stopped_at_once, Results())
    assert ended.value.code == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("measure", [whole, stopped])
def test_a_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, measure: Callable[[Progress, Results], None]
) -> None:
    """Its folder is a file: the message names the path, after a whole bench and a stopped one."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(click.ClickException, match=r"taken/soak.*json cannot be written"):
        run_bench("soak", tmp_path / "taken" / "soak.json", measure, Results())
