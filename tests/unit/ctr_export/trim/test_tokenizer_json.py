"""Claims about the trimmed `tokenizer.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer, models

from ctr_export.errors import ExportError
from ctr_export.trim.pieces import kept_ids, renumber
from ctr_export.trim.tokenizer_json import read_tokenizer_json
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "Lámp CHAIR, garden 红"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A tiny WordPiece tokenizer whose special tokens do not begin at 0, padded and truncated."""
    folder = make_tiny_model(tmp_path / "model", words=("lamp", "chair", "garden", "红"))
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    moved = {name: number + 7 for name, number in content["model"]["vocab"].items()}
    moved |= {f"unused{number}": number for number in range(7)}
    content["model"]["vocab"] = moved
    for token in content["added_tokens"]:
        token["id"] += 7
    for token in content["post_processor"]["special_tokens"].values():
        token["ids"] = [number + 7 for number in token["ids"]]
    content["padding"] = {
        "strategy": "BatchLongest",
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 7,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _trim(path: Path, words: set[str]) -> dict[int, int]:
    """Trim the file in place to specials, characters and `words`; return the new ids."""
    read = read_tokenizer_json(path)
    new_ids = renumber(
        kept_ids(
            read.vocabulary,
            {read.vocabulary[word]: 1 for word in words},
            prefix=read.prefix,
            least_count=1,
            always=read.ids_with_a_meaning,
        )
    )
    read.trimmed(new_ids).write(path)
    return new_ids


def test_every_id_in_the_file_is_the_new_one(path: Path) -> None:
    """Special tokens, padding and the template of the post-processor name the same tokens."""
    before = Tokenizer.from_file(str(path))
    expected = before.encode(TEXT).tokens
    _trim(path, {"lamp", "chair", "garden"})
    after = Tokenizer.from_file(str(path))
    assert after.encode(TEXT).tokens == expected
    assert expected[0] == "[CLS]"
    assert "lamp" in expected
    assert after.padding is not None
    assert after.token_to_id("[PAD]") == after.padding["pad_id"] == 0
    padded = after.encode_batch(["lamp", "lamp chair garden"])[0]
    assert padded.tokens == ["[CLS]", "lamp", "[SEP]", "[PAD]", "[PAD]"]
    assert padded.ids[-1] == 0
    ids = list(after.get_vocab(with_added_tokens=True).values())
    assert sorted(ids) == list(range(len(ids)))


def test_nothing_but_vocabulary_and_ids_changes(path: Path) -> None:
    """Normaliser, pre-tokeniser, decoder and the model's other fields stay as they were."""
    before = json.loads(path.read_text(encoding="utf-8"))
    _trim(path, {"lamp"})
    after = json.loads(path.read_text(encoding="utf-8"))
    assert "garden" in before["model"].pop("vocab")
    assert "garden" not in after["model"].pop("vocab")
    for part in ("normalizer", "pre_tokenizer", "decoder", "truncation", "model", "version"):
        assert after[part] == before[part]


def test_a_dropped_word_is_spelt(path: Path) -> None:
    """Characters stay, so a word whose piece went is no unknown one; nor is a Chinese one."""
    _trim(path, {"lamp"})
    after = Tokenizer.from_file(str(path))
    assert after.encode("garden 红", add_special_tokens=False).tokens == [
        *("g", "##a", "##r", "##d", "##e", "##n"),
        "红",
    ]


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({"type": "BertProcessing", "sep": ["[SEP]", 10], "cls": ["[CLS]", 9]}, {9, 10}),
        (
            {
                "type": "Sequence",
                "processors": [
                    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
                    {
                        "type": "RobertaProcessing",
                        "sep": ["[SEP]", 10],
                        "cls": ["[CLS]", 9],
                        "trim_offsets": True,
                        "add_prefix_space": True,
                    },
                ],
            },
            {9, 10},
        ),
        (None, set()),
    ],
)
def test_the_ids_of_every_post_processor_move(
    path: Path, processor: dict[str, Any] | None, expected: set[int]
) -> None:
    """They are kept whatever the log says, and renumbered."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["post_processor"], content["added_tokens"] = processor, []
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_tokenizer_json(path).ids_with_a_meaning == expected | {7, 8}  # padding, unknown
    new_ids = _trim(path, {"lamp"})
    tokens = Tokenizer.from_file(str(path)).encode("lamp").tokens
    assert tokens == (["[CLS]", "lamp", "[SEP]"] if processor else ["lamp"])
    text = path.read_text(encoding="utf-8")
    assert processor is None or f'["[SEP]", {new_ids[10]}]' in text


def test_an_unknown_post_processor_is_refused(path: Path) -> None:
    """Ids in a place that is not known would go wrong silently."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["post_processor"] = {"type": "Novel"}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ExportError, match="post-processor is of type Novel"):
        read_tokenizer_json(path)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (models.BPE({"a": 0, "b": 1}, []), "BPE"),
        (models.Unigram([("a", 0.0)], unk_id=0), "Unigram"),
        (models.WordLevel({"a": 0}, "a"), "WordLevel"),
    ],
)
def test_a_tokenizer_that_is_not_wordpiece_is_refused(
    tmp_path: Path, model: models.Model, kind: str
) -> None:
    """The sentence names its type."""
    Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ExportError, match=f"of type {kind}; only the vocabulary of WordPiece"):
        read_tokenizer_json(tmp_path / "tokenizer.json")
