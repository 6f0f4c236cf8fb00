"""Claims about a bundle whose vocabulary was trimmed, against the same one untrimmed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from ctr_export.commands.inspect import inspect
from ctr_export.errors import ExportError, GateFailedError
from ctr_export.tensorrt.build import PlanOptions, build_plan
from ctr_export.trim.options import TrimOptions
from ctr_export.trim.report import bundle_bytes
from ctr_export.trim.vectors import trim_model
from ctr_service.backend.base import LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.bundle import Bundle, load_bundle
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows
from ctr_service.clock import ManualClock
from ctr_train.checkpoint import digest_files, load_checkpoint, read_heldout, write_info
from tests.support.tensorrt_world import FACTS, FakeMaker
from tests.support.trim_world import NEVER_USED, RARE, build, fit_trim_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from ctr_train.checkpoint import HeldOut

ANY_AUC = 1.0
"""The held-out rows hold a few dozen clicks."""


@dataclass(frozen=True)
class World:
    """A checkpoint, its log, its bundle and its trimmed bundle."""

    checkpoint: Path
    log: Path
    untrimmed: Bundle
    trimmed: Bundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two bundles of one checkpoint that no test changes."""
    folder = tmp_path_factory.mktemp("trim")
    checkpoint, log = fit_trim_checkpoint(folder)
    build(checkpoint, folder / "bundles" / "untrimmed", None)
    build(checkpoint, folder / "bundles" / "trimmed", TrimOptions(log, auc_drop=ANY_AUC))
    names = {path.name for path in (folder / "bundles").iterdir()}
    assert names == {"untrimmed", "trimmed"}, "something was left beside the bundles"
    return World(
        checkpoint,
        log,
        load_bundle(folder / "bundles" / "untrimmed"),
        load_bundle(folder / "bundles" / "trimmed"),
    )


def _test_rows(world: World) -> HeldOut:
    return read_heldout(load_checkpoint(world.checkpoint), "test")


def _probabilities(bundle: Bundle, held: HeldOut) -> NDArray[np.float64]:
    """Score each held-out row alone, by nothing but the bundle's own files."""
    manifest = bundle.manifest
    variant = manifest.variant("joint", "onnxruntime", "fp32")
    session = OnnxSession(bundle.path_of(variant), threads=1)
    builder = RowBuilder(
        load_tokenizer(bundle.tokenizer_path), manifest.template, TokenCache(1 << 20)
    )
    logits = [
        session.run(tensors_of(pad_rows([row], row.length, manifest.template.pad_id)))[LOGITS][0]
        for row in builder.build(held.segments).rows
    ]
    return variant.calibration.apply(np.array(logits, dtype=np.float64))


def _strings(bundle: Bundle, held: HeldOut) -> list[list[str]]:
    """Return the pieces of each held-out row as strings."""
    tokenizer = load_tokenizer(bundle.tokenizer_path)
    return [
        [token for text in texts for token in tokenizer.encode(text).tokens]
        for texts in held.segments
    ]


def test_rows_of_kept_pieces_keep_their_probability(world: World) -> None:
    """By graph, tokenizer and calibration of each bundle no such row moves by 1e-6."""
    held = _test_rows(world)
    same = np.array(
        [a == b for a, b in zip(*(_strings(b, held) for b in _both(world)), strict=True)]
    )
    before, after = (_probabilities(bundle, held) for bundle in _both(world))
    assert 10 < same.sum() < len(held)
    assert np.abs(after - before)[same].max() <= 1e-6
    assert np.abs(after - before)[~same].max() > 1e-4


def test_the_float32_calibration_is_the_untrimmed_one(world: World) -> None:
    """Though validation rows hold the rare word, the trimmed graph's map is the untrimmed one's."""
    before, after = (b.manifest.variant("joint", "onnxruntime", "fp32") for b in _both(world))
    assert after.calibration == before.calibration
    held = read_heldout(load_checkpoint(world.checkpoint), "validation")
    assert any(RARE in " ".join(texts) for texts in held.segments)


def test_a_graph_far_from_the_trainer_keeps_its_calibration_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a build calibrates on the graph's own logits, trimming carries those over."""
    monkeypatch.setattr("ctr_export.judge.ROUNDING", 0.0)
    build(world.checkpoint, tmp_path / "a", None)
    build(world.checkpoint, tmp_path / "b", TrimOptions(world.log, auc_drop=ANY_AUC))
    loaded = [load_bundle(tmp_path / name).manifest for name in "ab"]
    before, after = (one.variant("joint", "onnxruntime", "fp32").calibration for one in loaded)
    assert after == before
    assert after != world.untrimmed.manifest.variant("joint", "onnxruntime", "fp32").calibration


def test_the_record_says_what_changed(world: World) -> None:
    """The rows that hold the rare word, and only they, count as changed."""
    held, record = _test_rows(world), world.trimmed.manifest.trimming
    rare = sum(RARE in " ".join(texts) for texts in held.segments)
    assert record is not None
    assert rare > 0
    assert (record.pairs, record.changed_pairs) == (len(held), rare)
    assert record.changed_share == pytest.approx(rare / len(held))
    assert record.max_abs_delta_probability <= 1e-6
    assert record.auc_before is not None
    assert record.auc_after is not None
    assert record.auc_cost == pytest.approx(record.auc_before - record.auc_after)
    assert record.changed_auc_before != record.changed_auc_after
    assert record.checkpoint_weights_sha256 == world.untrimmed.manifest.weights_sha256
    assert world.untrimmed.manifest.trimming is None


def test_the_bundle_shrinks_by_what_it_says(world: World) -> None:
    """Predicted and actual saving agree within a percent, over two graphs and the tokenizer."""
    record = world.trimmed.manifest.trimming
    assert record is not None
    sizes = [bundle_bytes(bundle.folder) for bundle in _both(world)]
    graphs = list((world.trimmed.folder / "graphs").iterdir())
    assert len(graphs) == 2
    assert record.saved_bytes(len(graphs), 0) == pytest.approx(sizes[0] - sizes[1], rel=0.01)
    assert record.saved_bytes_a_graph == 4 * 32 * (record.pieces_before - record.pieces_after)
    assert record.pieces_before - record.pieces_after >= len(NEVER_USED)


def test_graph_tokenizer_and_template_belong_together(world: World) -> None:
    """The graph has a vector a piece, and the template names the tokens that it named before."""
    manifest = world.trimmed.manifest
    record = manifest.trimming
    assert record is not None
    tokenizer = load_tokenizer(world.trimmed.tokenizer_path)
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    assert sorted(vocabulary.values()) == list(range(record.pieces_after))
    template = manifest.template
    named = [template.cls_id, template.sep_id, template.pad_id, *template.separator_ids]
    assert [tokenizer.id_to_token(n) for n in named] == ["[CLS]", "[SEP]", "[PAD]", "|"]
    for variant in manifest.graphs["joint"]["onnxruntime"].values():
        graph = onnx.load(str(world.trimmed.path_of(variant))).graph
        assert record.pieces_after in {one.dims[0] for one in graph.initializer if one.dims}


def test_a_trimmed_model_is_another_model(world: World) -> None:
    """Version and digests differ, so that no cache serves one from the other's entries."""
    before, after = (bundle.manifest for bundle in _both(world))
    assert after.model_version != before.model_version
    assert after.weights_sha256 != before.weights_sha256
    assert after.tokenizer_sha256 != before.tokenizer_sha256


def test_unseen_characters_and_chinese_ones_stay(world: World) -> None:
    """No log row holds these characters; they are read as before, and no word is unknown."""
    before, after = (load_tokenizer(bundle.tokenizer_path) for bundle in _both(world))
    assert after.encode("椅子").tokens == before.encode("椅子").tokens
    assert after.encode("红色台灯").tokens == before.encode("红色台灯").tokens
    for text in (RARE, NEVER_USED[0], "kitchenware", "zebra 007"):
        assert "[UNK]" not in after.encode(text).tokens
    assert len(after.encode(RARE).tokens) > len(before.encode(RARE).tokens) == 3


def test_inspect_tells_what_was_trimmed(world: World) -> None:
    """Pieces, bytes, share of the others and AUC are printed for people."""
    record = world.trimmed.manifest.trimming
    assert record is not None
    result = CliRunner().invoke(inspect, [str(world.trimmed.folder)])
    assert result.exit_code == 0
    for words in (
        f"{record.pieces_after:,} of {record.pieces_before:,}",
        f"saved {record.saved_bytes(2, 0):,}",
        f"{record.changed_pairs:,} ({record.changed_share:.2%})",
        f"cost {record.auc_cost:.4f}",
    ):
        assert words in " ".join(result.stdout.split())


def test_a_least_count_drops_more(world: World, tmp_path: Path) -> None:
    """A piece that the log uses less often goes too, and more rows change."""
    record = world.trimmed.manifest.trimming
    often = build(
        world.checkpoint, tmp_path / "b", TrimOptions(world.log, 1_000_000, ANY_AUC)
    ).manifest.trimming
    assert record is not None
    assert often is not None
    assert often.pieces_after < record.pieces_after
    assert often.changed_pairs > record.changed_pairs
    assert often.max_abs_delta_probability == 0


def test_a_cost_above_the_limit_is_refused(world: World, tmp_path: Path) -> None:
    """The sentence says the cost, the limit and what to do; nothing is written."""
    trim = TrimOptions(world.log)
    with pytest.raises(
        GateFailedError, match=r"AUC of .* falls by .*%\) are split otherwise. Lower --trim-least"
    ):
        build(world.checkpoint, tmp_path / "bundle", trim)  # whatever it costs
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_vector_is_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one vector of a piece in use is another's, the gate sees the probabilities move."""

    def wrong(model: PreTrainedModel, new_ids: Mapping[int, int]) -> None:
        trim_model(model, new_ids)
        embedding = model.get_input_embeddings()
        assert isinstance(embedding, torch.nn.Embedding)
        embedding.weight.data = embedding.weight.data.roll(1, dims=0)

    monkeypatch.setattr("ctr_export.trim.checkpoint.trim_model", wrong)
    with pytest.raises(GateFailedError, match=r"same word pieces moved by .* \(limit 1e-06\)"):
        build(world.checkpoint, tmp_path / "bundle", TrimOptions(world.log, auc_drop=ANY_AUC))
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_of_another_kind_is_refused(world: World, tmp_path: Path) -> None:
    """Before the log is read, with the type's name."""
    copy = tmp_path / "checkpoint"
    shutil.copytree(world.checkpoint, copy)
    path = copy / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"] = {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0]]}
    path.write_text(json.dumps(content), encoding="utf-8")
    info = load_checkpoint(world.checkpoint).info
    write_info(copy, info.model_copy(update={"files": digest_files(copy)}))
    with pytest.raises(ExportError, match="of type Unigram; only the vocabulary of WordPiece"):
        build(copy, tmp_path / "bundle", TrimOptions(tmp_path / "no.csv"))


def _both(world: World) -> tuple[Bundle, Bundle]:
    return world.untrimmed, world.trimmed


def test_a_trimmed_bundle_takes_a_tensorrt_plan(world: World, tmp_path: Path) -> None:
    """It is judged on the untrimmed checkpoint's rows, in the bundle's own tokens."""
    bundle = load_bundle(shutil.copytree(world.trimmed.folder, tmp_path / "bundle"))
    record, _ = build_plan(
        bundle,
        load_checkpoint(world.checkpoint),
        PlanOptions(timing_cache=tmp_path / "timing.cache"),
        facts=FACTS,
        maker=FakeMaker(),
        clock=ManualClock(),
        say=lambda _: None,
    )
    assert record.pairs > 0
    assert load_bundle(bundle.folder).manifest.triton["tensorrt"].plan == record
