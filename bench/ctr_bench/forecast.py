"""The traffic to plan for: a peak, or a CSV of loads by time. Read whole before anything starts."""

from __future__ import annotations

import contextlib
import csv
import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME, PAIRS, REQUESTS = "time", "pairs_per_s", "requests_per_s"
FORM = f"{TIME},{PAIRS} or {TIME},{REQUESTS}"
_PEAK = re.compile(r"peak=(?P<load>\d+(?:\.\d+)?(?:[eE]\d+)?)(?P<unit>rps)?")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Loads by time; each one lasts until the next.

    Attributes:
        times_s: since the first, rising; of a bare peak it is [0.0].
        pairs_s: pairs a second, one a time, each at least 0 and the greatest above 0.
        source: where it was read.
    """

    times_s: Sequence[float]
    pairs_s: Sequence[float]
    source: str

    @property
    def peak_pairs_s(self) -> float:
        """The greatest load."""
        return max(self.pairs_s)

    @property
    def durations_s(self) -> list[float]:
        """How long each load lasts; the last one as long as the one before it. [1.0] of a peak."""
        gaps = [
            after - before for before, after in zip(self.times_s, self.times_s[1:], strict=False)
        ]
        return [*gaps, gaps[-1]] if gaps else [1.0]

    @property
    def mean_pairs_s(self) -> float:
        """Over its whole time."""
        durations = self.durations_s
        loads = sum(load * lasts for load, lasts in zip(self.pairs_s, durations, strict=True))
        return loads / sum(durations)

    def most_within(self, lead_s: float) -> list[float]:
        """Return, for each time, the greatest load from then until `lead_s` later."""
        return [
            max(
                load
                for at, load in zip(self.times_s, self.pairs_s, strict=True)
                if begin <= at <= begin + lead_s
            )
            for begin in self.times_s
        ]


def read_forecast(text: str, candidates: int) -> Forecast:
    """Read "peak=1200" (pairs a second), "peak=75rps" (requests a second), or a CSV's path.

    Args:
        text: of the option.
        candidates: items a list, where requests are given.

    Raises:
        BenchError: it is none of these, or the file is malformed; names line and field.
    """
    if text.startswith("peak="):
        found = _PEAK.fullmatch(text)
        if found is None or not float(found["load"]):
            raise BenchError(
                f"--forecast {text}: a peak is like peak=1200 (pairs a second) or peak=75rps"
            )
        pairs_s = float(found["load"]) * (candidates if found["unit"] else 1)
        return Forecast([0.0], [pairs_s], text)
    return _read_csv(Path(text), candidates)


def _read_csv(path: Path, candidates: int) -> Forecast:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            column = _load_column(path, reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise BenchError(
            f"{path}: no such file; --forecast takes peak=1200 or a CSV ({FORM})"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchError(f"{path} cannot be read as CSV: {error}") from None
    if not rows:
        raise BenchError(f"{path}: no rows after the header")
    scale = candidates if column == REQUESTS else 1
    times_s: list[float] = []
    loads: list[float] = []
    kind: type[float | datetime] | None = None
    first: float | datetime = 0.0
    for line, row in rows:
        at = _time(path, line, row)
        if kind is None:
            kind, first = type(at), at
        time_s = _since(path, line, first, at)
        if times_s and time_s <= times_s[-1]:
            raise BenchError(f"{path}: line {line}, {TIME}: not after the line before it")
        times_s.append(time_s)
        loads.append(_load(path, line, column, row) * scale)
    if not max(loads):
        raise BenchError(f"{path}: {column} is 0 in every line; there is nothing to plan for")
    return Forecast(times_s, loads, str(path))


def _load_column(path: Path, names: Sequence[str]) -> str:
    found = [name for name in (PAIRS, REQUESTS) if name in names]
    if TIME not in names or len(found) != 1:
        raise BenchError(f"{path}: line 1: the header must have {FORM}, and has {','.join(names)}")
    return found[0]


def _time(path: Path, line: int, row: Mapping[str, str | None]) -> float | datetime:
    text = (row[TIME] or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            seconds = math.nan
    if not math.isfinite(seconds):
        raise BenchError(
            f"{path}: line {line}, {TIME}: neither seconds nor a time like 2026-11-27T18:00"
        )
    return seconds


def _since(path: Path, line: int, first: float | datetime, at: float | datetime) -> float:
    if isinstance(first, float) and isinstance(at, float):
        return at - first
    if isinstance(first, datetime) and isinstance(at, datetime):
        with contextlib.suppress(TypeError):  # one with a zone and one without
            return (at - first).total_seconds()
    raise BenchError(
        f"{path}: line {line}, {TIME}: of another kind than the first line's (seconds, times, or "
        "times with a zone)"
    )


def _load(path: Path, line: int, column: str, row: Mapping[str, str | None]) -> float:
    text = (row[column] or "").strip()
    try:
        load = float(text)
    except ValueError:
        load = math.nan
    if not math.isfinite(load) or load < 0:
        raise BenchError(f"{path}: line {line}, {column}: not a number of 0 or more")
    return load
