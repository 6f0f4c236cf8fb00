"""Splits by group: every row of a group lands in the same split, chosen by a keyed hash.

The hash makes a split reproducible on every machine, and keeps a group where it is when the log
grows: another row or group never moves an old one from test to train.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.errors import LogError, TrainError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

MIN_GROUPS = 3
"""One group for each of training, validation and test."""
HASH_BYTES = 8
VALIDATION_SHARE = 0.1
SMALL_LOG_ROWS = 20_000
SMALL_VALIDATION_SHARE = 0.05
ENOUGH_VALIDATION_ROWS = 700
"""See `resolve_validation_share`."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers from 0, rising, int64; each row is in exactly one of the three."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def named(self) -> dict[str, NDArray[np.int64]]:
        """Return the three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def split_by_group(
    group: Sequence[str],
    *,
    seed: int,
    validation_share: float = VALIDATION_SHARE,
    test_share: float = 0.2,
) -> Split:
    """Split rows so that no group crosses splits.

    A group with hash h in [0, 1) is test when h < `test_share`, validation when h is below both
    shares together, else training. A split that stays empty so takes the group nearest to it, so
    that few groups still make three splits.

    Args:
        group: one value a row.
        seed: keys the hash; another seed makes another split.
        validation_share: expected share of groups held out to stop and calibrate on.
        test_share: expected share of groups held out to report on.

    Raises:
        LogError: fewer than three groups.
        TrainError: the shares are not positive or leave nothing to train on.
    """
    if min(validation_share, test_share) <= 0 or validation_share + test_share >= 1:
        raise TrainError(
            "validation share and test share must be above 0 and together below 1, "
            f"not {validation_share:g} and {test_share:g}"
        )
    hashes = {name: hash_unit(name, seed) for name in dict.fromkeys(group)}
    if len(hashes) < MIN_GROUPS:
        raise LogError(
            f"the log has {len(hashes)} group(s); a split needs at least {MIN_GROUPS}. "
            "Choose another column with --group"
        )
    part_of = _assign(hashes, test_share, test_share + validation_share)
    parts = np.fromiter((part_of[name] for name in group), dtype=np.int8, count=len(group))
    test, validation, train = (np.flatnonzero(parts == part).astype(np.int64) for part in range(3))
    return Split(train, validation, test)


def resolve_validation_share(asked: float | str, rows: int) -> float:
    """Return the share of the groups to validate on; "auto" takes less of a small log.

    A small log needs its rows to learn from: of homedepot_small (14,095 rows) the tenth that
    validation takes was worth 0.007 of test AUC when it was learnt from as well. Some 700 rows
    tell its states apart and fit Platt's map. Of a large log a tenth costs nothing.

    Args:
        asked: a share, or "auto".
        rows: of the log.
    """
    if not isinstance(asked, str):
        return asked
    if rows >= SMALL_LOG_ROWS:
        return VALIDATION_SHARE
    return min(VALIDATION_SHARE, max(SMALL_VALIDATION_SHARE, ENOUGH_VALIDATION_ROWS / rows))


def check_no_leak(split: Split, group: Sequence[str]) -> None:
    """Prove that the splits cover every row once and that no group crosses them.

    Raises:
        LogError: a row is in no split or in two, or a group crosses splits.
    """
    rows = np.concatenate([split.train, split.validation, split.test])
    if not np.array_equal(np.sort(rows), np.arange(len(group))):
        raise LogError("the splits do not hold every row of the log exactly once")
    names = {part: _names(group, indices) for part, indices in split.named().items()}
    crossing = (
        (names["train"] & names["validation"])
        | (names["train"] & names["test"])
        | (names["validation"] & names["test"])
    )
    if crossing:
        raise LogError(f"{len(crossing)} group(s) are in more than one split: figures would lie")


def hash_unit(name: str, seed: int) -> float:
    """Return the keyed hash of a group as a number in [0, 1) (BLAKE2b, RFC 7693)."""
    key = seed.to_bytes(16, "little", signed=True)
    # A lone surrogate cannot be encoded strictly; it must still hash to something stable.
    raw = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(raw, digest_size=HASH_BYTES, key=key).digest()
    # 53 bits are exact in a float; 64 could round up to 1.0.
    return (int.from_bytes(digest, "little") >> 11) / (1 << 53)


def _assign(hashes: dict[str, float], test_below: float, validation_below: float) -> dict[str, int]:
    """Return 0 (test), 1 (validation) or 2 (train) by group."""
    ordered = sorted(hashes, key=lambda name: (hashes[name], name))
    tests = sum(hashes[name] < test_below for name in ordered)
    held_out = sum(hashes[name] < validation_below for name in ordered)
    tests = min(max(tests, 1), len(ordered) - 2)
    held_out = min(max(held_out, tests + 1), len(ordered) - 1)
    parts = [0] * tests + [1] * (held_out - tests) + [2] * (len(ordered) - held_out)
    return dict(zip(ordered, parts, strict=True))


def _names(group: Sequence[str], indices: Iterable[int]) -> set[str]:
    return {group[index] for index in indices}
