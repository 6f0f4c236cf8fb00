"""Claims about a whole export of a tiny checkpoint."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from ctr_export.build import Built, build_bundle
from ctr_export.catalogue import CATALOGUE, FUSED, OPENVINO_STATIC, PLAIN, TOKEN, UNPADDED
from ctr_export.commands.build import LIMITS
from ctr_export.commands.inspect import inspect
from ctr_export.errors import ExportError, GateFailedError
from ctr_export.gate import GateLimits
from ctr_export.options import BuildOptions
from ctr_export.report import facts_table, figures_tables, layouts_table, plain_console
from ctr_service.backend.base import LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.manifest import JOINT_GRAPH, Manifest
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows
from ctr_service.clock import SystemClock
from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.errors import CheckpointError
from tests.support.openvino_variants import require_openvino
from tests.support.tiny_checkpoint import make_tiny_checkpoint
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = "onnxruntime"


def _build(checkpoint: Path, out: Path, options: BuildOptions | None = None) -> Built:
    with one_torch_thread():
        return build_bundle(
            checkpoint, out, options or BuildOptions(), clock=SystemClock(), say=lambda _text: None
        )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def built(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    """A bundle of every candidate, those that are slow on so small a model judged as well."""
    out = tmp_path_factory.mktemp("bundle") / "tiny"
    return out, _build(checkpoint, out, BuildOptions(judge_slow=True, cores=2))


def test_the_bundle_loads_and_says_what_the_build_said(built: tuple[Path, Built]) -> None:
    """Every digest matches, and the manifest survives its way through JSON."""
    folder, result = built
    assert load_bundle(folder).manifest == result.manifest


def test_the_bundle_holds_what_it_names_and_nothing_else(built: tuple[Path, Built]) -> None:
    """No working file and no refused graph stays behind, in the bundle or beside it."""
    folder, result = built
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    variants = [v for one in result.manifest.graphs[JOINT_GRAPH].values() for v in one.values()]
    named = {file for variant in variants for file in (variant.file, *variant.extra_files)}
    named |= {file for target in result.manifest.triton.values() for file in target.files}
    assert files == named | {"manifest.json", "manifest.json.sha256", "tokenizer.json"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_every_candidate_is_accounted_for(built: tuple[Path, Built]) -> None:
    """Each is a graph with figures or refused with a reason, and has a speed if it runs here."""
    manifest = built[1].manifest
    graphs = {
        (engine, precision): variant
        for engine, found in manifest.graphs[JOINT_GRAPH].items()
        for precision, variant in found.items()
    }
    refused = {(one.engine, one.precision): one for one in manifest.rejected}
    wanted = {(one.engine, one.precision) for one in CATALOGUE.values()}
    assert graphs.keys() | refused.keys() == wanted
    assert not graphs.keys() & refused.keys()
    assert all(one.failures for one in refused.values())
    # bfloat16 needs instructions that not every CPU has.
    tried = [one for one in refused.values() if not one.failures[0].startswith("not tried")]
    assert all(one.pairs_per_second for one in tried)
    plain = graphs[ENGINE, PLAIN]
    assert plain.parity.pairs == 100
    assert plain.parity.max_abs_delta_probability <= 1e-4
    assert (ENGINE, FUSED) in graphs


def test_openvino_runs_the_graph_that_skips_padding_itself(built: tuple[Path, Built]) -> None:
    """Its float32 variant is the same file with the same digest, judged on its own."""
    require_openvino()
    graphs = built[1].manifest.graphs[JOINT_GRAPH]
    ours, theirs = graphs[ENGINE][UNPADDED], graphs["openvino"][PLAIN]
    assert (theirs.file, theirs.sha256) == (ours.file, ours.sha256)
    assert 0 < theirs.parity.max_abs_delta_logit < 1e-4


def test_an_8bit_graph_for_openvino_is_two_files(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are in the manifest, and the pair scores as the checkpoint does, within 8 bits."""
    require_openvino()
    monkeypatch.setattr("ctr_export.parity.MIN_ECE_ROWS", 50)
    loose = GateLimits(auc_drop=1, ece_rise=1, p99_delta_8bit=1, rank_correlation=-1)
    options = BuildOptions(candidates=(OPENVINO_STATIC,), judge_slow=True, limits=loose)
    built = _build(checkpoint, tmp_path / "bundle", options)
    assert load_bundle(tmp_path / "bundle").manifest == built.manifest
    variant = built.manifest.variant(JOINT_GRAPH, "openvino", "int8-static")
    assert variant.file == "graphs/joint.openvino.int8-static.xml"
    assert list(variant.extra_files) == ["graphs/joint.openvino.int8-static.bin"]
    # Random weights round worse than learnt ones.
    assert 1e-6 < variant.parity.max_abs_delta_probability < 0.5
    assert variant.parity.invariance_max < 1e-3


def test_reduced_precision_needs_enough_rows(checkpoint: Path, tmp_path: Path) -> None:
    """A hundred rows cannot tell a calibration error, so no 8-bit graph of them is served."""
    loose = GateLimits(auc_drop=1, p99_delta_8bit=1, rank_correlation=-1)
    options = BuildOptions(candidates=(TOKEN,), judge_slow=True, limits=loose)
    (refused,) = _build(checkpoint, tmp_path / "bundle", options).manifest.rejected
    assert (refused.engine, refused.precision) == (ENGINE, TOKEN)
    assert any("100 held-out rows are too few" in line for line in refused.failures)


def test_the_graph_gives_the_checkpoints_logits(
    built: tuple[Path, Built], checkpoint: Path
) -> None:
    """Texts -> rows -> graph, by the bundle's own files, give what the trainer wrote down."""
    bundle = load_bundle(built[0])
    variant = bundle.manifest.variant(JOINT_GRAPH, ENGINE, PLAIN)
    held = read_heldout(load_checkpoint(checkpoint), "test")
    template = bundle.manifest.template
    tokenizer = load_tokenizer(bundle.tokenizer_path)
    rows = RowBuilder(tokenizer, template, TokenCache(1 << 20)).build(held.segments).rows
    batch = pad_rows(rows, bundle.manifest.layout.buckets_tokens[-1], template.pad_id)
    session = OnnxSession(bundle.path_of(variant), threads=1)
    logits = np.asarray(session.run(tensors_of(batch))[LOGITS], dtype=np.float64)
    np.testing.assert_allclose(logits, held.logit, atol=1e-4)


def test_the_layout_and_costs_fit_together(built: tuple[Path, Built]) -> None:
    """Each graph has a cost for one row and for a full batch of every bucket."""
    manifest = built[1].manifest
    layout = manifest.layout
    for variant in (v for one in manifest.graphs[JOINT_GRAPH].values() for v in one.values()):
        shapes = {(cost.bucket_tokens, cost.rows) for cost in variant.costs}
        assert {bucket for bucket, _ in shapes} == set(layout.buckets_tokens)
        assert all(rows * bucket <= layout.max_batch_tokens for bucket, rows in shapes)
    assert layout.sessions * layout.threads_a_session == 2


def test_a_failed_gate_writes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    """When float32 fails, the error names the check and the distance, and no file appears."""
    strict = BuildOptions(candidates=(PLAIN,), limits=GateLimits(fp32_max_delta=0.0))
    with pytest.raises(GateFailedError, match=r"against PyTorch .* exceeds the limit 0 by"):
        _build(checkpoint, tmp_path / "bundle", strict)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_gate_leaves_the_older_bundle(
    built: tuple[Path, Built], checkpoint: Path, tmp_path: Path
) -> None:
    """A bundle that serves today is not touched by an export that fails."""
    older = tmp_path / "bundle"
    shutil.copytree(built[0], older)
    strict = BuildOptions(candidates=(PLAIN,), limits=GateLimits(fp32_max_delta=0.0))
    with pytest.raises(GateFailedError):
        _build(checkpoint, older, strict)
    assert load_bundle(older).manifest == built[1].manifest


def test_a_new_export_replaces_the_older_bundle(checkpoint: Path, tmp_path: Path) -> None:
    """Name and version are the user's where given; a second export takes the first one's place."""
    out = tmp_path / "bundle"
    for version in ("v1", "v2"):
        options = BuildOptions(candidates=(PLAIN,), name="shop", version=version)
        _build(checkpoint, out, options)
        manifest = load_bundle(out).manifest
        assert (manifest.model_name, manifest.model_version) == ("shop", version)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_changed_checkpoint_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Weights that do not match their digest are not exported."""
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    make_tiny_model(copy, seed=1)
    with pytest.raises(CheckpointError, match="does not match"):
        _build(copy, tmp_path / "bundle")


def test_bad_options_fail_before_the_checkpoint_is_read(tmp_path: Path) -> None:
    """A wrong name or candidate costs no minute."""
    missing = tmp_path / "none"
    with pytest.raises(ExportError, match="--name"):
        _build(missing, tmp_path / "bundle", BuildOptions(name="a b"))
    with pytest.raises(ExportError, match="no candidate is called int4"):
        _build(missing, tmp_path / "bundle", BuildOptions(candidates=("int4",)))


def test_inspect_prints_the_manifest_as_json(built: tuple[Path, Built]) -> None:
    """What inspect prints is the manifest, to the last figure."""
    result = CliRunner().invoke(inspect, [str(built[0]), "--json"])
    assert result.exit_code == 0
    assert Manifest.model_validate(json.loads(result.stdout)) == built[1].manifest


def test_inspect_tells_people_what_matters(built: tuple[Path, Built]) -> None:
    """Default, version, figures, refusals and the verified digests are all there."""
    folder, made = built
    result = CliRunner().invoke(inspect, [str(folder)])
    assert result.exit_code == 0
    for words in (
        made.manifest.model_version,
        f"joint/{made.manifest.default.engine}/{made.manifest.default.precision}",
        "rank correlation in lists",
        "refused: onnxruntime/int8-token: ",
        "note: onnxruntime/fp32: rise of the calibration error over the float32 graph's could",
        "All digests match",
    ):
        assert words in result.stdout


def test_the_report_has_a_column_for_every_candidate(built: tuple[Path, Built]) -> None:
    """Tables name each candidate and mark the chosen layout."""
    made = built[1]
    console = plain_console()
    with console.capture() as capture:
        for table in figures_tables(made.manifest):
            console.print(table)
        console.print(layouts_table(made.layouts, made.manifest.layout))
        console.print(facts_table(made.manifest, "here"))
    text = capture.get()
    assert all(one.precision in text for one in CATALOGUE.values())
    assert text.count("chosen") == 1


def test_every_limit_has_an_option_with_help() -> None:
    """Options and limits name the same figures."""
    assert LIMITS.keys() == set(GateLimits.__dataclass_fields__)
