r"""A request log: JSON Lines, one search a line, replayed as it came.

    {"at_s": 0.0, "query": "thermal mug", "candidates": [{"item_id": "i1", "title": "Mug"}]}
    {"at_s": 0.31, "query": "lamp", "user_id": "u7", "user": {"segment": "commuter"},
     "context": {"hour": 8}, "priority": "bulk",
     "candidates": [{"title": "Lamp", "features": {"price": 19.9}, "rank": 1}]}

(The second one stands in one line, too.) `at_s`: seconds on any clock, never falling. `query` may
be empty. `candidates`: 1 to 1,000, each with a `title` or `features` or an `item_id`; optional are
`item_id`, `item_version`, `features`, `prior_score`, `rank`. A feature is a number, a text or a
list of texts. A line that is not so stops the run before anything is sent; the message names line
and field, never the value.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NoReturn

from ctr_bench.errors import BenchError
from ctr_bench.searches import Search
from ctr_bench.sources import Listed
from ctr_bench.workload_text import MAX_CANDIDATES, PRIORITIES
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctr_bench.searches import Features

_LINE = {"at_s", "query", "candidates", "user_id", "user", "context", "priority"}
_ITEM = {"item_id", "item_version", "title", "features", "prior_score", "rank"}


def read_log(path: Path) -> Listed:
    """Read a log.

    Raises:
        BenchError: it cannot be read, is empty, or a line is malformed; names line and field.
    """
    searches: list[Search] = []
    times_s: list[float] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    parsed = _Line(f"{path}, line {number}", line)
                    times_s.append(parsed.time_s(times_s[-1] if times_s else -math.inf))
                    searches.append(parsed.search())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise BenchError(f"{path} cannot be read: {reason}") from None
    if not searches:
        raise BenchError(f"{path} holds no request")
    facts = {"kind": "log", "file": path.name, "lists": len(searches)}
    return Listed(searches, facts, times_s)


class _Line:
    """One line under checks; an error names the place and the field."""

    def __init__(self, place: str, line: str) -> None:
        self._place = place
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise BenchError(f"{place}: is no JSON") from None
        if not isinstance(found, dict):
            raise BenchError(f"{place}: is no JSON object")
        self._fields: Mapping[str, object] = found
        self._known(found, _LINE, "")

    def time_s(self, least_s: float) -> float:
        """Return when it came, not before the line before it."""
        time_s = self._number(self._fields.get("at_s"), "at_s")
        if time_s < least_s:
            self._refuse("at_s", "falls; lines must be in order of time")
        return time_s

    def search(self) -> Search:
        """Return the search."""
        fields = self._fields
        candidates = fields.get("candidates")
        if not isinstance(candidates, list) or not 1 <= len(candidates) <= MAX_CANDIDATES:
            self._refuse("candidates", f"must be a list of 1 to {MAX_CANDIDATES}")
        items = [
            self._item(item, index, f"candidates[{index}]") for index, item in enumerate(candidates)
        ]
        if len({item.item_id for item in items}) < len(items):
            self._refuse("candidates", "holds an item_id twice")
        priority = fields.get("priority")
        if priority is not None and priority not in PRIORITIES:
            self._refuse("priority", f"must be {' or '.join(PRIORITIES)}")
        return Search(
            self._text(fields.get("query"), "query"),
            items,
            self._features(fields.get("user"), "user"),
            self._features(fields.get("context"), "context"),
            self._text(fields.get("user_id", ""), "user_id"),
            PRIORITIES[str(priority)] if priority is not None else 0,
        )

    def _item(self, item: object, index: int, name: str) -> Item:
        if not isinstance(item, dict):
            self._refuse(name, "must be an object")
        self._known(item, _ITEM, f"{name}.")
        title = self._text(item.get("title", ""), f"{name}.title")
        features = self._features(item.get("features"), f"{name}.features")
        item_id = self._text(item.get("item_id", ""), f"{name}.item_id")
        if not (title or features or item_id):
            self._refuse(name, "needs a title, features or an item_id")
        prior, rank = item.get("prior_score"), item.get("rank")
        if rank is not None and (isinstance(rank, bool) or not isinstance(rank, int) or rank < 1):
            self._refuse(f"{name}.rank", "must be a whole number from 1")
        return Item(
            item_id or f"i{index}",
            title,
            self._text(item.get("item_version", ""), f"{name}.item_version"),
            features,
            None if prior is None else self._number(prior, f"{name}.prior_score"),
            rank,
        )

    def _features(self, features: object, name: str) -> Features:
        if features is None:
            return {}
        if not isinstance(features, dict):
            self._refuse(name, "must be an object of features")
        return {key: self._value(value, name) for key, value in features.items()}

    def _value(self, value: object, name: str) -> str | float | tuple[str, ...]:
        if isinstance(value, str):
            return value
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            return tuple(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, "holds something else than numbers, texts and lists of texts")
        return value

    def _text(self, value: object, name: str) -> str:
        if not isinstance(value, str):
            self._refuse(name, "must be a text" if value is not None else "is missing")
        return value

    def _number(self, value: object, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, "must be a number" if value is not None else "is missing")
        if not math.isfinite(value):
            self._refuse(name, "must be finite")
        return float(value)

    def _known(self, found: Mapping[str, object], known: set[str], prefix: str) -> None:
        if unknown := sorted(set(found) - known):
            # The name of a field is the log's own, not a user's; cut all the same.
            self._refuse(f"{prefix}{unknown[0][:64]}", f"is none of {', '.join(sorted(known))}")

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise BenchError(f"{self._place}: {name} {why}")
