"""A WordPiece `tokenizer.json`: its vocabulary, every place that holds an id, and the trimmed file.

Normaliser, pre-tokeniser and decoder hold no ids and are taken over as they are.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_export.errors import ExportError
from ctr_service.bundle.files import write_text_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

WORDPIECE = "WordPiece"
USUAL_PREFIX = "##"
WITHOUT_IDS = ("ByteLevel",)
PAIRS = ("BertProcessing", "RobertaProcessing")
"""Post-processors whose `sep` and `cls` are each a token and its id."""


@dataclass(frozen=True, slots=True)
class TokenizerJson:
    """The content of a `tokenizer.json` whose model is WordPiece; never changed in place."""

    content: dict[str, Any]

    @property
    def vocabulary(self) -> dict[str, int]:
        """Piece -> id, as the model holds it."""
        vocabulary: dict[str, int] = self.content["model"]["vocab"]
        return vocabulary

    @property
    def prefix(self) -> str:
        """What marks a piece that goes on with a word."""
        return str(self.content["model"].get("continuing_subword_prefix", USUAL_PREFIX))

    @property
    def ids_with_a_meaning(self) -> set[int]:
        """Ids of the unknown token, of added tokens, of padding and of the post-processor."""
        found: set[int] = set()

        def note(number: int) -> int:
            found.add(number)
            return number

        _change_ids(self._without_vocabulary(), note)
        unknown = self.content["model"].get("unk_token")
        return found | {self.vocabulary[unknown]} if unknown in self.vocabulary else found

    def trimmed(self, new_ids: Mapping[int, int]) -> TokenizerJson:
        """Return the tokenizer of those pieces that have a new id.

        Args:
            new_ids: old id -> new id; holds all `ids_with_a_meaning`.
        """
        content = self._without_vocabulary()
        _change_ids(content, new_ids.__getitem__)
        content["model"]["vocab"] = {
            piece: new_ids[old] for piece, old in self.vocabulary.items() if old in new_ids
        }
        return TokenizerJson(content)

    def write(self, path: Path) -> None:
        """Write the file."""
        write_text_aside(path, json.dumps(self.content, ensure_ascii=False))

    def _without_vocabulary(self) -> dict[str, Any]:
        """Return a copy to change, with an empty vocabulary."""
        model = {**self.content["model"], "vocab": {}}
        return deepcopy({**self.content, "model": model})


def read_tokenizer_json(path: Path) -> TokenizerJson:
    """Read a `tokenizer.json`.

    Raises:
        ExportError: its model is not WordPiece, or its post-processor is of an unknown type.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kind = content["model"].get("type")
    if kind != WORDPIECE:
        raise ExportError(
            f"{path.name} holds a tokenizer of type {kind or 'without a name'}; only the "
            f"vocabulary of {WORDPIECE} can be trimmed. Build without --trim-vocabulary"
        )
    read = TokenizerJson(content)
    _ = read.ids_with_a_meaning  # an unknown post-processor is refused here, before any work
    return read


def _change_ids(content: dict[str, Any], change: Callable[[int], int]) -> None:
    """Replace every id outside of the vocabulary by what `change` makes of it, in place."""
    for token in content.get("added_tokens") or ():
        token["id"] = change(token["id"])
    padding = content.get("padding")
    if padding:
        padding["pad_id"] = change(padding["pad_id"])
    if content.get("post_processor"):
        _change_post_processor(content["post_processor"], change)


def _change_post_processor(node: dict[str, Any], change: Callable[[int], int]) -> None:
    kind = node.get("type")
    if kind == "Sequence":
        for one in node["processors"]:
            _change_post_processor(one, change)
    elif kind == "TemplateProcessing":
        for token in node["special_tokens"].values():
            token["ids"] = [change(number) for number in token["ids"]]
    elif kind in PAIRS:
        for name in ("sep", "cls"):
            token, number = node[name]
            node[name] = [token, change(number)]
    elif kind not in WITHOUT_IDS:
        raise ExportError(
            f"the tokenizer's post-processor is of type {kind}, whose token ids are not known "
            "here; build without --trim-vocabulary"
        )
