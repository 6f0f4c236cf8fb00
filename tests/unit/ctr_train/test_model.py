"""Claims about loading BERT-type models and their tokenizers from disk."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from ctr_service.types import Row
from ctr_train.base_model import DEFAULT_PACKAGE, find_base_model
from ctr_train.checkpoint import TOKENIZER_FILE, WEIGHTS_FILE
from ctr_train.click_model import start_head
from ctr_train.collate import RowCollator
from ctr_train.errors import CheckpointError, TrainError
from ctr_train.model import load_classifier, load_config, max_positions, uses_token_types
from ctr_train.scorer import TorchScorer
from ctr_train.tokenizer_files import take_tokenizer
from tests.support.tiny_model import make_tiny_model, make_tiny_tokenizer, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("bert", "distilbert", "roberta", "xlm-roberta")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_torch_thread():
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_row_fits_and_no_longer_one(kind: str, tmp_path: Path) -> None:
    """Rows of `max_positions` tokens run; one token more is beyond the position embeddings."""
    folder = make_tiny_model(tmp_path / kind, kind=kind)
    config = load_config(folder)
    collator = RowCollator(pad_id=0, token_types=uses_token_types(config), multiple=1)
    scorer = TorchScorer(load_classifier(folder), collator)
    longest = max_positions(config)

    assert longest == (127 if "roberta" in kind else 128)
    assert np.isfinite(scorer.logits([_row(longest)])).all()
    with pytest.raises((IndexError, RuntimeError)):
        scorer.logits([_row(longest + 1)])


def test_only_models_with_two_types_get_token_types(tmp_path: Path) -> None:
    """RoBERTa's one type and DistilBERT's none would fail on a 1."""
    uses = {
        kind: uses_token_types(load_config(make_tiny_model(tmp_path / kind, kind=kind)))
        for kind in KINDS
    }

    assert uses == {"bert": True, "distilbert": False, "roberta": False, "xlm-roberta": False}


def test_padding_and_batch_mates_change_no_logit(tmp_path: Path) -> None:
    """A row alone, among longer rows, and in another order scores the same."""
    model = load_classifier(make_tiny_model(tmp_path / "bert"))
    scorer = TorchScorer(model, RowCollator(pad_id=0, token_types=True))
    rows = [_row(length) for length in (5, 40, 9, 23)]

    together = scorer.logits(rows)
    assert scorer.logits(rows[::-1])[::-1] == pytest.approx(together, abs=1e-5)
    assert [scorer.logits([row])[0] for row in rows] == pytest.approx(together, abs=1e-5)
    assert together.std() > 1e-3


def test_the_collator_masks_padding_and_marks_the_second_part() -> None:
    """Lengths are rounded up to a multiple; padding is masked and has type 0."""
    rows = [_row(5), _row(9)]
    inputs = RowCollator(pad_id=7, token_types=True, multiple=8).inputs(rows)

    assert inputs["input_ids"].shape == (2, 16)
    assert set(inputs["input_ids"][0, 5:].tolist()) == {7}
    assert inputs["attention_mask"].sum(dim=1).tolist() == [5, 9]
    assert inputs["token_type_ids"][0].tolist() == [0, 0, 0, 1, 1] + [0] * 11
    assert "token_type_ids" not in RowCollator(pad_id=7, token_types=False).inputs(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_training_starts_at_the_base_rate(kind: str, tmp_path: Path) -> None:
    """The last bias is the log-odds of the rate, wherever the model keeps its last layer."""
    model = load_classifier(make_tiny_model(tmp_path / kind, kind=kind))
    start_head(model, 0.2)
    biases = [m.bias for m in model.modules() if isinstance(m, torch.nn.Linear)]

    assert sum(torch.allclose(bias, torch.tensor([-1.3863]), atol=1e-3) for bias in biases) == 1


def test_weights_of_half_precision_train_in_float32(tmp_path: Path) -> None:
    """A base model stored in 16 bits is widened: the exported fp32 graph must match."""
    folder = make_tiny_model(tmp_path / "bert")
    weights = {name: tensor.half() for name, tensor in load_file(folder / WEIGHTS_FILE).items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})

    assert {p.dtype for p in load_classifier(folder).parameters()} == {torch.float32}


def test_an_existing_tokenizer_file_is_taken_byte_for_byte(tmp_path: Path) -> None:
    """What serves is what the base model's makers wrote."""
    folder = make_tiny_model(tmp_path / "bert")
    special = take_tokenizer(folder, tmp_path / "taken")

    taken = (tmp_path / "taken" / TOKENIZER_FILE).read_bytes()
    assert taken == (folder / TOKENIZER_FILE).read_bytes()
    assert (special.pad, special.unknown, special.cls, special.sep) == (0, 1, 2, 3)


def test_a_vocabulary_file_alone_is_converted(tmp_path: Path) -> None:
    """An old BERT folder with `vocab.txt` gets the `tokenizer.json` that serving needs."""
    folder = make_tiny_model(tmp_path / "bert")
    vocabulary = make_tiny_tokenizer().get_vocab()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    lines = sorted(vocabulary, key=lambda token: vocabulary[token])
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n")
    take_tokenizer(folder, tmp_path / "taken")
    ids = AutoTokenizer.from_pretrained(tmp_path / "taken")("red lamp")["input_ids"]

    assert ids == make_tiny_tokenizer()("red lamp")["input_ids"]


def test_a_folder_without_model_or_tokenizer_is_refused(tmp_path: Path) -> None:
    """Each sentence says what is missing."""
    folder = make_tiny_model(tmp_path / "bert")
    bare = tmp_path / "bare"
    bare.mkdir()
    with pytest.raises(TrainError, match=r"no config\.json"):
        find_base_model(bare)
    shutil.copy(folder / "config.json", bare)
    with pytest.raises(TrainError, match="holds no tokenizer"):
        take_tokenizer(bare, tmp_path / "taken")
    with pytest.raises(CheckpointError, match="no BERT-type model"):
        load_classifier(bare)


def test_without_a_folder_the_packaged_weights_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is the MiniLM package; where it is not installed the sentence says what to do."""
    assert (find_base_model(None) / WEIGHTS_FILE).is_file()

    monkeypatch.setattr("ctr_train.base_model.DEFAULT_PACKAGE", f"no_{DEFAULT_PACKAGE}")
    with pytest.raises(TrainError, match="give --base-model FOLDER, or install"):
        find_base_model(None)


def _row(length: int) -> Row:
    rng = np.random.default_rng(length)
    ids = rng.integers(5, 90, size=length).astype(np.int32)
    ids[0], ids[2], ids[-1] = 2, 3, 3
    return Row.of(ids, 3)
