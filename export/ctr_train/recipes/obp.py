"""The small Open Bandit Dataset inside the `obp` wheel -> a click log.

Saito et al. 2020 (arXiv 2008.07146): impressions of fashion items on ZOZOTOWN, drawn at random, so
that position and item are not confounded. What it can show: docs/recipes/obp.md.
"""

from __future__ import annotations

import csv
import hashlib
import io
import string
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctr_train.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CAMPAIGNS = ("all", "men", "women")
POLICY = "random"
IN_WHEEL = "obp/dataset/obd/"
USER_FEATURES = tuple(f"user_feature_{index}" for index in range(4))
ITEM_FEATURES = tuple(f"item_feature_{index}" for index in range(4))
ITEM_NUMBER = "item_feature_0"
"""The one item feature that is a number; the others are digests of categories."""
GROUP_BYTES = 6
COLUMNS = (
    *("query", "item_title", "item_id", "position", "label", "group", "day"),
    *("context_campaign", *USER_FEATURES, *ITEM_FEATURES, "item_affinity"),
)


@dataclass(frozen=True, slots=True)
class Converted:
    """The log as CSV text, and what is in it."""

    text: str
    rows: int
    clicks: int
    groups: int


class _Source(Protocol):
    def read(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Wheel:
    archive: zipfile.ZipFile

    def read(self, name: str) -> bytes:
        return self.archive.read(IN_WHEEL + name)


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


def convert_obp(source: Path) -> Converted:
    """Read the three random-policy files and return them as one click log.

    Args:
        source: the wheel, the folder that it was unpacked to, or its `obd` folder.

    Raises:
        LogError: no wheel or folder of that kind, or a file in it is absent or different.
    """
    if source.is_dir():
        inside = source / IN_WHEEL
        return _convert(_Folder(inside if inside.is_dir() else source), source)
    try:
        with zipfile.ZipFile(source) as archive:
            return _convert(_Wheel(archive), source)
    except FileNotFoundError as error:
        raise LogError(f"{source} does not exist; get it: {_how_to_get()}") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise LogError(f"{source} is no wheel; get it: {_how_to_get()}") from error


def _how_to_get() -> str:
    return "pip download --no-deps obp==0.4.1"


def _convert(source: _Source, where: Path) -> Converted:
    impressions: list[dict[str, str]] = []
    items: dict[str, dict[str, str]] = {}
    for campaign in CAMPAIGNS:
        folder = f"{POLICY}/{campaign}"
        context = _rows(source, f"{folder}/item_context.csv", where)
        shown = _rows(source, f"{folder}/{campaign}.csv", where)
        impressions += [{**row, "campaign": campaign} for row in shown]
        items |= {_item_id(campaign, row["item_id"]): row for row in context if "item_id" in row}
    try:
        rows = _log_rows(impressions, items)
    except KeyError as error:
        raise LogError(f"{where} is no obp 0.4.1 data: no column or item {error}") from error
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    clicks = sum(row["label"] == "1" for row in rows)
    return Converted(out.getvalue(), len(rows), clicks, len({row["group"] for row in rows}))


def _rows(source: _Source, name: str, where: Path) -> list[dict[str, str]]:
    try:
        text = source.read(name).decode("utf-8")
    except (KeyError, OSError, UnicodeDecodeError) as error:
        raise LogError(
            f"{where} holds no readable {name}; the recipe needs obp 0.4.1: {_how_to_get()}"
        ) from error
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _log_rows(
    impressions: Sequence[dict[str, str]], items: dict[str, dict[str, str]]
) -> list[dict[str, str]]:
    user_codes = {name: _codes(row[name] for row in impressions) for name in USER_FEATURES}
    item_codes = {
        name: _codes(row[name] for row in items.values())
        for name in ITEM_FEATURES
        if name != ITEM_NUMBER
    }
    rows = []
    for row in impressions:
        item_id = _item_id(row["campaign"], row["item_id"])
        item = items[item_id]
        rows.append(
            {
                "query": "",
                "item_title": "",
                "item_id": item_id,
                "position": row["position"],
                "label": row["click"],
                "group": _group(row),
                "day": row["timestamp"][:10],
                "context_campaign": row["campaign"],
                **{name: codes[row[name]] for name, codes in user_codes.items()},
                **{name: codes[item[name]] for name, codes in item_codes.items()},
                ITEM_NUMBER: item[ITEM_NUMBER],
                "item_affinity": row[f"user-item_affinity_{row['item_id']}"],
            }
        )
    return rows


def _item_id(campaign: str, number: str) -> str:
    """Return an id that differs between campaigns, whose own ids all count from 0."""
    return f"{campaign}-{number}"


def _group(row: dict[str, str]) -> str:
    """Return a name for the four user features together: the nearest thing to a user in the data.

    The features of a user do not change, so no user can stand in two splits.
    """
    joined = "/".join(row[name] for name in USER_FEATURES)
    return hashlib.blake2b(joined.encode(), digest_size=GROUP_BYTES).hexdigest()


def _codes(digests: Iterable[str]) -> dict[str, str]:
    """Return a short code for each digest, in the digests' order: a, b, ... z, aa, ab, ...

    A digest of 32 characters would be some 20 word pieces to a BERT; a letter is one.
    """
    return {digest: _letters(index) for index, digest in enumerate(sorted(set(digests)))}


def _letters(index: int) -> str:
    letters = string.ascii_lowercase
    text = ""
    index += 1
    while index:
        index, place = divmod(index - 1, len(letters))
        text = letters[place] + text
    return text
