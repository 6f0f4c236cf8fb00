"""A search -> the token rows that the model reads, by the bundle's files alone.

The peers run where the gateway is not installed, so this says once more what `ctr_service.bundle`
says, from `manifest.json` and `tokenizer.json`; a test holds both to the same rows. It needs
tokenizers and nothing else.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tokenizers import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

Value: TypeAlias = "float | str | Sequence[str] | None"
Features: TypeAlias = Mapping[str, Value]
NO_FEATURES: Features = {}


@dataclass(frozen=True)
class Search:
    """One request as every peer's wire carries it.

    Attributes:
        titles: of the candidates, in the caller's order.
        item_features: of each candidate; empty when none has any.
    """

    query: str
    titles: Sequence[str]
    item_features: Sequence[Features] = ()
    user: Features = field(default_factory=dict)
    context: Features = field(default_factory=dict)


def search_of(message: Mapping[str, Any]) -> Search:
    """Read the JSON object that the peers over HTTP take.

    Raises:
        KeyError: the query or a title is missing.
    """
    candidates = message["candidates"]
    return Search(
        message["query"],
        [candidate["title"] for candidate in candidates],
        [candidate.get("features", NO_FEATURES) for candidate in candidates],
        message.get("user", NO_FEATURES),
        message.get("context", NO_FEATURES),
    )


class TokenRow(NamedTuple):
    """One pair: token ids, and how many of them end with the first `[SEP]`."""

    ids: list[int]
    first_length: int


class RowMaker:
    """Renders and tokenises searches. Thread-safe."""

    def __init__(self, bundle: Path) -> None:
        """Read the bundle's template, feature schema and tokenizer."""
        manifest = json.loads((bundle / "manifest.json").read_text())
        template = manifest["template"]
        self._tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        self._names = [segment["name"] for segment in template["segments"]]
        self._budgets = [segment["max_tokens"] for segment in template["segments"]]
        self._cls, self._sep = template["cls_id"], template["sep_id"]
        self._separator = template["separator_ids"]
        self._specs: dict[str, list[dict[str, Any]]] = {"item": [], "user": [], "context": []}
        for spec in manifest["features"]["features"]:
            self._specs[spec["entity"]].append(spec)
        self.pad_id: int = template["pad_id"]

    def rows(self, search: Search) -> list[TokenRow]:
        """Return one row a candidate; each distinct text is tokenised once a request."""
        count = len(search.titles)
        shared = {
            "query": search.query,
            "user": self._text("user", search.user),
            "context": self._text("context", search.context),
        }
        own = search.item_features or itertools.repeat(NO_FEATURES, count)
        columns: dict[str, Sequence[str]] = {
            **{name: [text] * count for name, text in shared.items()},
            "title": search.titles,
            "item": [self._text("item", features) for features in own],
        }
        used = [columns[name] for name in self._names]
        ids = self._ids_of(used)
        return [self._row([ids[text] for text in texts]) for texts in zip(*used, strict=True)]

    def _ids_of(self, columns: Sequence[Sequence[str]]) -> dict[str, list[int]]:
        texts = list(dict.fromkeys(itertools.chain.from_iterable(columns)))
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return {text: encoding.ids for text, encoding in zip(texts, found, strict=True)}

    def _row(self, segments: Sequence[list[int]]) -> TokenRow:
        first, *rest = (ids[:budget] for ids, budget in zip(segments, self._budgets, strict=True))
        ids = [self._cls, *first, self._sep]
        first_length = len(ids)
        for at, segment in enumerate(rest):
            if at:
                ids += self._separator
            ids += segment
        ids.append(self._sep)
        return TokenRow(ids, first_length)

    def _text(self, entity: str, features: Features) -> str:
        return ", ".join(
            _rendered(spec, features.get(spec["name"])) for spec in self._specs[entity]
        )


def _rendered(spec: Mapping[str, Any], value: Value) -> str:
    label = spec["name"].replace("_", " ")
    if value is None or (not isinstance(value, int | float) and not len(value)):
        value = spec["default"]
    if value is None:
        return f"{label} {spec['missing_token']}"
    return f"{label} {_formatted(spec, value)}"


def _formatted(spec: Mapping[str, Any], value: float | str | Sequence[str]) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        return ", ".join(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"feature {spec['name']} must be finite")
    if spec["edges"]:
        return str(bisect.bisect_right(spec["edges"], number))
    text = format(number, spec["number_format"])
    return "0" if text == "-0" else text
