"""Claims about a fit from end to end, on tiny models that learn in seconds."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_service.clock import SystemClock
from ctr_train.checkpoint import (
    HELDOUT_FILE,
    TOKENIZER_FILE,
    TRAIN_CONFIG_FILE,
    WEIGHTS_FILE,
    load_checkpoint,
    read_heldout,
)
from ctr_train.collate import RowCollator
from ctr_train.config import make_config
from ctr_train.errors import TrainError
from ctr_train.fit import Fitter
from ctr_train.log import read_log
from ctr_train.model import load_classifier, uses_token_types
from ctr_train.progress import Reporter
from ctr_train.scorer import TorchScorer
from ctr_train.split import split_by_group
from tests.support.tiny_log import COLOURS, THINGS, write_rows, write_tiny_log
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_train.checkpoint import Checkpoint
    from ctr_train.writing import Results


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_torch_thread():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT as base model."""
    return make_tiny_model(tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled log of 480 rows."""
    return write_tiny_log(tmp_path_factory.mktemp("log") / "log.csv", queries=80)


@pytest.fixture(scope="module")
def fitted(model: Path, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint that no test changes."""
    out = tmp_path_factory.mktemp("fit") / "checkpoint"
    fit(log, out, base_model=model, epochs=4)
    assert [path.name for path in out.parent.iterdir()] == ["checkpoint"]
    return load_checkpoint(out)


def fit(
    log: Path,
    out: Path,
    *,
    reporter: Reporter | None = None,
    resume: bool = False,
    **options: object,
) -> Results:
    """Fit with options that suit a tiny model."""
    given = {"learning_rate": 3e-3, "batch_size": 16, "epochs": 1, "early_stopping": 0} | options
    quiet = Reporter(Console(file=io.StringIO()))
    return Fitter(reporter or quiet, SystemClock()).fit(log, out, make_config(given), resume=resume)


def test_a_fit_learns_what_the_log_says(fitted: Checkpoint) -> None:
    """The tiny model finds the colours that are clicked, and beats the constant."""
    metrics = fitted.info.metrics

    assert metrics["test.auc"] > 0.7
    assert metrics["test.log_loss"] < metrics["test.constant_log_loss"]
    assert metrics["test.rows"] + metrics["validation.rows"] > 100
    assert {"test.ece", "test.normalised_entropy", "test.auc_within_group"} <= metrics.keys()


def test_held_out_rows_are_those_of_the_split(fitted: Checkpoint, log: Path) -> None:
    """No training row is judged, and none of the held-out rows is missing."""
    split = split_by_group(read_log(log).group, seed=0)

    assert read_heldout(fitted, "validation").row.tolist() == split.validation.tolist()
    assert read_heldout(fitted, "test").row.tolist() == split.test.tolist()


def test_held_out_logits_are_those_of_the_saved_model(fitted: Checkpoint) -> None:
    """The folder alone gives them again: texts, tokenizer and weights belong together."""
    held = read_heldout(fitted, "test")
    template = fitted.info.template
    tokenizer = load_tokenizer(fitted.tokenizer_path)
    rows = RowBuilder(tokenizer, template, TokenCache(1 << 20)).build(held.segments).rows
    classifier = load_classifier(fitted.folder)
    collator = RowCollator(pad_id=template.pad_id, token_types=uses_token_types(classifier.config))

    assert TorchScorer(classifier, collator).logits(rows) == pytest.approx(held.logit, abs=1e-5)


def test_the_exact_config_is_kept(fitted: Checkpoint, model: Path) -> None:
    """What was asked for, what was resolved, and the digests of log and base model."""
    record = json.loads((fitted.folder / TRAIN_CONFIG_FILE).read_text())

    assert record["config"]["epochs"] == 4
    assert record["config"]["base_model"] == str(model)
    assert record["config"]["seed"] == 0
    assert len(record["log"]["sha256"]) == len(record["base_model_sha256"]) == 64
    assert {"torch", "transformers", "ctr-serve"} <= fitted.info.tools.keys()


def test_figures_and_pictures_are_written(fitted: Checkpoint) -> None:
    """Figures for people and programs, and three pictures that are PNG files."""
    assert json.loads((fitted.folder / "metrics.json").read_text())["test.auc"] > 0.5
    for name in ("roc", "calibration", "loss"):
        assert (fitted.folder / "plots" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("kind", ["distilbert", "roberta", "xlm-roberta"])
def test_other_bert_types_train_too(kind: str, log: Path, tmp_path: Path) -> None:
    """Models without token types, and with an offset of positions, take the longest row."""
    base = make_tiny_model(tmp_path / "base", kind=kind)
    fit(log, tmp_path / "out", base_model=base)
    checkpoint = load_checkpoint(tmp_path / "out")

    assert np.isfinite(read_heldout(checkpoint, "test").logit).all()
    assert load_classifier(checkpoint.folder).config.model_type == kind


def test_lora_is_merged_before_saving(model: Path, log: Path, tmp_path: Path) -> None:
    """The saved weights are a plain model's, and the encoder's have moved."""
    fit(log, tmp_path / "out", base_model=model, lora_rank=4)
    before, after = (load_file(f / WEIGHTS_FILE) for f in (model, tmp_path / "out"))

    assert after.keys() == before.keys()
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(before[name], after[name])
    words = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(before[words], after[words])


def test_frozen_layers_stay(model: Path, log: Path, tmp_path: Path) -> None:
    """Embeddings and the first layer keep their weights, the second layer and the head learn."""
    fit(log, tmp_path / "out", base_model=model, freeze="layers:1")
    before, after = (load_file(f / WEIGHTS_FILE) for f in (model, tmp_path / "out"))
    moved = {name for name in before if not torch.equal(before[name], after[name])}

    assert not any("embeddings" in name or "layer.0." in name for name in moved)
    assert any("layer.1." in name for name in moved)
    assert "classifier.weight" in moved


def test_freezing_more_layers_than_there_are_is_refused(
    model: Path, log: Path, tmp_path: Path
) -> None:
    """The sentence names both numbers, and nothing is left that looks complete."""
    with pytest.raises(TrainError, match=r"layers:9: the base model has 2 layers"):
        fit(log, tmp_path / "out", base_model=model, freeze="layers:9")

    assert not (tmp_path / "out").exists()


def test_impressions_and_clicks_count_by_their_number(model: Path, tmp_path: Path) -> None:
    """Rates without queries train, and the base rate is clicks by impressions."""
    rng = np.random.default_rng(0)
    rows = []
    for test in range(60):
        for colour in rng.choice(len(COLOURS), size=4, replace=False):
            shown = int(rng.integers(100, 3000))
            clicks = int(rng.binomial(shown, 0.01 + 0.02 * colour / len(COLOURS)))
            rows.append(("", f"{COLOURS[colour]} lamp", f"t{test}", shown, clicks))
    header = ("query", "item_title", "group", "impressions", "clicks")
    path = write_rows(tmp_path / "rates.csv", header, rows)
    fit(path, tmp_path / "out", base_model=model, group="group", class_weight="balanced")
    info = load_checkpoint(tmp_path / "out").info

    assert info.target == "P(click)"
    assert 0.01 < info.base_rate < 0.03
    assert info.metrics["test.impressions"] > 10_000
    # Balanced classes must not raise the level of the probability.
    assert info.metrics["test.mean_probability"] == pytest.approx(info.base_rate, rel=0.3)


def test_positions_are_learnt_and_dropped(model: Path, tmp_path: Path) -> None:
    """The served level is that of examined items, above the click rate of the log."""
    rng = np.random.default_rng(0)
    rows = []
    for query in range(150):
        for place in range(1, 6):
            colour = int(rng.integers(len(COLOURS)))
            attraction = 0.7 - 0.1 * colour
            label = int(rng.random() < attraction * (1.0, 0.7, 0.5, 0.3, 0.2)[place - 1])
            rows.append((f"lamp {query}", f"{COLOURS[colour]} {THINGS[0]}", place, label))
    path = write_rows(tmp_path / "log.csv", ("query", "item_title", "position", "label"), rows)
    fit(path, tmp_path / "out", base_model=model, epochs=3)
    info = load_checkpoint(tmp_path / "out").info
    held = read_heldout(load_checkpoint(tmp_path / "out"), "test")

    assert info.examination is not None
    assert info.examination[0] == 1.0
    assert info.examination[4] < 0.5
    assert info.target == "P(click | examined)"
    assert info.base_rate > 1.3 * held.target.mean()
    assert held.position is not None
    assert info.metrics["examination.2"] == info.examination[1]


def test_unknown_characters_join_the_vocabulary(model: Path, tmp_path: Path) -> None:
    """A Chinese log on an English vocabulary: the tokenizer that serves spells every title."""
    rng = np.random.default_rng(0)
    words = ["红灯", "蓝灯", "绿椅", "大桌", "小锤", "钢架"]
    rows = [
        (f"灯{query}", f"{words[index]}{words[int(rng.integers(6))]}", int(index < 3))
        for query in range(60)
        for index in rng.integers(6, size=4).tolist()
    ]
    path = write_rows(tmp_path / "log.csv", ("query", "item_title", "label"), rows)
    shown = io.StringIO()
    fit(path, tmp_path / "out", base_model=model, reporter=Reporter(Console(file=shown)))
    checkpoint = load_checkpoint(tmp_path / "out")
    tokenizer = load_tokenizer(checkpoint.tokenizer_path)
    texts = [text for row in read_heldout(checkpoint, "test").segments for text in row]

    assert "own characters are added" in shown.getvalue()
    assert all(tokenizer.token_to_id("[UNK]") not in tokenizer.encode(t).ids for t in texts)
    assert load_classifier(checkpoint.folder).config.vocab_size == tokenizer.get_vocab_size()
    assert checkpoint.info.metrics["training.unknown_token_share_before"] > 0.5
    assert (checkpoint.folder / TOKENIZER_FILE).read_bytes() != (
        model / TOKENIZER_FILE
    ).read_bytes()


class Interrupting(Reporter):
    """Breaks the fit off when the second validation pass is reported."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.passes = 0

    def say(self, text: str) -> None:
        """Count validation passes."""
        self.passes += text.startswith("step ")
        if self.passes > 1:
            raise KeyboardInterrupt


def test_a_resumed_fit_ends_as_an_uninterrupted_one(model: Path, log: Path, tmp_path: Path) -> None:
    """Batches, dropout, optimiser and schedule go on where they were: weights are equal."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(log, whole, base_model=model, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        fit(log, broken, base_model=model, epochs=2, reporter=Interrupting())
    assert not broken.exists()

    said = io.StringIO()
    fit(log, broken, base_model=model, epochs=2, resume=True, reporter=Reporter(Console(file=said)))

    assert "going on from checkpoint-" in said.getvalue()
    first, second = (load_file(folder / WEIGHTS_FILE) for folder in (whole, broken))
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-4, atol=1e-5)


def test_kill_minus_nine_leaves_nothing_that_looks_complete(
    model: Path, log: Path, tmp_path: Path
) -> None:
    """After SIGKILL in mid-training there is no checkpoint; the same command then finishes."""
    out = tmp_path / "out"
    command = [
        *(sys.executable, "-m", "ctr_train.cli", "fit", str(log), "--out", str(out)),
        *("--base-model", str(model), "--epochs", "2", "--threads", "1", "--lr", "1e-3"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        # The first state is saved before the second pass is reported.
        passes = (line for line in child.stderr if re.match(r"step \d", line))
        assert next(passes)
        assert next(passes)
        child.kill()
    assert not out.exists()
    with pytest.raises(TrainError):
        load_checkpoint(tmp_path / ".out.work")

    resumed = subprocess.run([*command, "--resume"], check=True, capture_output=True, text=True)

    assert "going on from checkpoint-" in resumed.stderr
    assert load_checkpoint(out).info.files[HELDOUT_FILE]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
