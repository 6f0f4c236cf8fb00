"""Claims about bundles side by side."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from ctr_export.build import build_bundle
from ctr_export.commands.compare import compare
from ctr_export.compare import Comparer, Figures
from ctr_export.compare_report import comparison_json, comparison_notes, comparison_table
from ctr_export.entries import Entry, choose_entries, count_layers, rival_of
from ctr_export.errors import ExportError
from ctr_export.measure import Speed
from ctr_export.options import BuildOptions
from ctr_export.report import plain_console
from ctr_service.bundle.bundle import load_bundle
from ctr_service.clock import SystemClock
from ctr_service.errors import BundleError
from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.metrics import auc
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_model import one_torch_thread

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_export.compare import Comparison


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint of 2 layers."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "one")


@pytest.fixture(scope="module")
def bundles(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """That checkpoint with two graphs, and another model of the same features with one."""
    folder = tmp_path_factory.mktemp("bundles")
    other = make_tiny_checkpoint(folder / "other-checkpoint", seed=3)
    with one_torch_thread():
        for source, name, candidates in (
            (checkpoint, "first", ("fp32", "int8-token")),
            (other, "second", ("fp32",)),
        ):
            options = BuildOptions(candidates=candidates, judge_slow=True)
            build_bundle(
                source, folder / name, options, clock=SystemClock(), say=lambda _text: None
            )
    return [folder / "first", folder / "second"]


def run(folders: list[Path], rows_from: Path | None, most: int = 1_000) -> Comparison:
    """Compare on one core."""
    comparer = Comparer(cores=1, seed=0, clock=SystemClock(), say=lambda _text: None)
    return comparer.compare(choose_entries(folders), rows_from, most)


def test_every_graph_has_layers_size_speed_and_auc(bundles: list[Path], checkpoint: Path) -> None:
    """The first bundle's graphs stand first; each AUC is that of its own scores on the rows."""
    comparison = run(bundles, checkpoint)
    held = read_heldout(load_checkpoint(checkpoint), "test")
    lines = comparison.lines

    assert comparison.pairs == len(held) == 100
    assert [line.entry.number for line in lines] == sorted(line.entry.number for line in lines)
    assert {line.entry.layers for line in lines} == {2}
    for line in lines:
        assert line.entry.variant.size_bytes == line.entry.path.stat().st_size
        assert line.speed.pairs_per_second > 0
    plain = next(line for line in lines if line.entry.precision == "fp32")
    assert plain.auc == pytest.approx(auc(held.target, held.logit), abs=1e-6)


def test_the_cost_is_against_the_first_bundles_graph_of_the_same_precision(
    bundles: list[Path], checkpoint: Path
) -> None:
    """Ratio, difference, interval and share of the lift, and none of them for the first itself."""
    lines = run(bundles, checkpoint).lines
    first = next(line for line in lines if line.entry.key == "0/fp32")
    second = next(line for line in lines if line.entry.key == "1/fp32")

    assert (first.rival, first.ratio, first.cost) == (None, None, None)
    assert second.rival is not None
    assert second.rival.key == "0/fp32"
    assert second.ratio == pytest.approx(
        second.speed.pairs_per_second / first.speed.pairs_per_second
    )
    assert first.auc is not None
    assert second.auc is not None
    assert second.cost is not None
    assert second.cost.value == pytest.approx(second.auc - first.auc)
    assert second.cost.low < second.cost.value < second.cost.high
    assert second.lift_kept == pytest.approx((second.auc - 0.5) / (first.auc - 0.5))


def test_a_bundle_beside_itself_costs_nothing(bundles: list[Path], checkpoint: Path) -> None:
    """The same scores on the same rows: no difference, and an interval without width."""
    lines = run([bundles[0], bundles[0]], checkpoint).lines
    seconds = [line for line in lines if line.entry.number == 1]

    assert seconds
    for line in seconds:
        assert line.rival is not None
        assert line.rival.precision == line.entry.precision
        assert line.cost is not None
        assert (line.cost.value, line.cost.low, line.cost.high) == (0, 0, 0)
        assert line.lift_kept == 1


def test_without_rows_the_trainers_own_figures_stand(bundles: list[Path]) -> None:
    """A bundle holds no rows: its AUC is what the manifest says, and no interval is known."""
    comparison = run(bundles, None)
    assert comparison.pairs == 0
    for line in comparison.lines:
        assert line.auc == load_bundle(bundles[0]).manifest.metrics["test.auc"] == 0.7
        assert line.cost is None
    assert any("each trainer wrote it down" in note for note in comparison_notes(comparison))


def test_a_limit_of_rows_keeps_lists_whole(bundles: list[Path], checkpoint: Path) -> None:
    """Ten rows a list: 35 leaves three."""
    assert run(bundles, checkpoint, most=35).pairs == 30


def test_a_precision_that_the_first_lacks_stands_beside_its_default(bundles: list[Path]) -> None:
    """A default that only one bundle has is compared with what the first serves."""
    entries = choose_entries([bundles[1], bundles[0]])
    for entry in entries:
        assert rival_of(entry, entries).number == 0
        assert rival_of(entry, entries).precision == "fp32"


def test_the_same_precision_goes_before_the_default(tmp_path: Path) -> None:
    """The first bundle serves int8-static; another's fp32 stands beside its fp32 all the same."""
    bundle = load_bundle(make_tiny_bundle(tmp_path / "hand-made"))
    variant = bundle.manifest.graphs["joint"]["onnxruntime"]["fp32"]
    entries = [
        Entry(number, bundle, engine, precision, variant, is_default, None)
        for number, engine, precision, is_default in (
            (0, "onnxruntime", "fp32", False),
            (0, "onnxruntime", "int8-static", True),
            (1, "onnxruntime", "fp32", False),
            (1, "openvino", "fp32", True),
        )
    ]
    assert rival_of(entries[2], entries).key == "0/fp32"
    assert rival_of(entries[3], entries).key == "0/int8-static", "OpenVINO's is another graph"


def test_figures_come_from_the_measured_speeds(bundles: list[Path]) -> None:
    """Twice the pairs a second are a ratio of two."""
    entries = [e for e in choose_entries(bundles) if e.precision == "fp32"]
    speeds = {"0/fp32": Speed(100.0, 0.0), "1/fp32": Speed(200.0, 0.0)}
    line = Figures(speeds, {}, None, 0).line(entries[1], entries[0])
    assert line.ratio == 2


def test_layers_are_counted_in_the_graph(bundles: list[Path], tmp_path: Path) -> None:
    """A hand-made graph without attention has none that could be told."""
    bundle = load_bundle(bundles[0])
    plain = bundle.manifest.graphs["joint"]["onnxruntime"]["fp32"]
    hand_made = make_tiny_bundle(tmp_path / "hand-made")
    assert count_layers(bundle.path_of(plain)) == 2
    assert count_layers(hand_made / "graphs" / "joint.onnxruntime.fp32.onnx") is None


def test_one_bundle_is_no_comparison(bundles: list[Path]) -> None:
    """Two are asked for."""
    with pytest.raises(ExportError, match="at least two"):
        choose_entries(bundles[:1])


def test_rows_of_other_features_are_refused(
    bundles: list[Path], checkpoint: Path, tmp_path: Path
) -> None:
    """Rendered texts of one log mean nothing to a model of another."""
    hand_made = make_tiny_bundle(tmp_path / "hand-made")
    with pytest.raises(ExportError, match=r"hand-made reads other features"):
        run([bundles[0], hand_made], checkpoint)


def test_a_spoilt_bundle_is_refused(bundles: list[Path], tmp_path: Path) -> None:
    """Digests are checked before anything is timed."""
    copy = tmp_path / "copy"
    shutil.copytree(bundles[0], copy)
    graph = copy / "graphs" / "joint.onnxruntime.fp32.onnx"
    graph.unlink()
    graph.write_bytes(b"no graph")
    with pytest.raises(BundleError, match="changed or cut"):
        choose_entries([bundles[0], copy])


def test_the_table_has_a_line_for_each_graph(
    bundles: list[Path], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every column has a cell, and the default is marked."""
    comparison = run(bundles, checkpoint)
    table = comparison_table(comparison)
    plain_console().print(table)
    shown = capsys.readouterr().out

    assert table.row_count == len(comparison.lines)
    assert "fp32 *" in shown or "int8-token *" in shown
    assert all(name in shown for name in ("layers", "pairs/s", "AUC cost", "lift kept"))
    assert np.isfinite([graph["speed_ratio"] or 1.0 for graph in _graphs(comparison)]).all()


def _graphs(comparison: Comparison) -> list[dict[str, float]]:
    graphs = comparison_json(comparison)["graphs"]
    assert isinstance(graphs, list)
    return graphs


def test_the_command_prints_a_table_or_json(bundles: list[Path], checkpoint: Path) -> None:
    """Progress goes to stderr; a wrong folder is one sentence and exit code 1."""
    arguments = [*map(str, bundles), "--rows", str(checkpoint), "--threads", "1"]
    people = CliRunner().invoke(compare, arguments)
    program = CliRunner().invoke(compare, [*arguments, "--json"])
    wrong = CliRunner().invoke(compare, [str(bundles[0]), "no/such/bundle"])

    assert people.exit_code == 0, people.output
    assert "Bundles side by side" in people.stdout
    assert "alternating rounds" in people.stderr
    content = json.loads(program.stdout)
    assert content["pairs"] == 100
    assert {graph["bundle"] for graph in content["graphs"]} == set(map(str, bundles))
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("Error: no/such/bundle is no folder")
