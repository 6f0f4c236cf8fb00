"""Label, counts and position columns -> click rate, weight and position of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.columns import Role
from ctr_train.numbers import numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.sheet import Sheet
    from ctr_train.table import Column

MAX_POSITION = 2**31 - 1
DISAGREEMENT = 0.01
"""A label further than this from clicks by impressions is said to differ."""


@dataclass(frozen=True, slots=True)
class Target:
    """Click rate in [0, 1] and the impressions behind it, float64 [rows]."""

    rate: NDArray[np.float64]
    weight: NDArray[np.float64]


def read_target(sheet: Sheet) -> Target | None:
    """Return the target, or None when a problem stands in the way.

    Where `impressions` and `clicks` both hold values they count, and a label beside them does not.
    """
    roles = {use.role for use in sheet.uses.values()}
    label, impressions, clicks = (
        sheet.filled(role) for role in (Role.LABEL, Role.IMPRESSIONS, Role.CLICKS)
    )
    if impressions is not None and clicks is not None:
        target = _from_counts(sheet, impressions, clicks)
        if label is not None:
            _say_counts_win(sheet, label, target)
    elif label is not None:
        for lone in (impressions, clicks):
            if lone is not None:
                sheet.ignore(lone, "impressions and clicks count only together")
        target = _from_label(sheet, label)
    else:
        _say_no_target(sheet, roles)
        return None
    if target is not None:
        _check_varies(sheet, target)
    return target


def read_position(sheet: Sheet, column: Column) -> NDArray[np.int32] | None:
    """Return positions, int32 [rows], 1 = top; None with a problem added otherwise."""
    before = len(sheet.findings.problems)
    values = _read_numbers(sheet, column)
    with np.errstate(invalid="ignore"):
        outside = (values < 1) | (values > MAX_POSITION)
    sheet.problem_at(column, "is no whole number", _fractions(values))
    sheet.problem_at(column, "is below 1 (1 is the top) or beyond 2^31", outside)
    return values.astype(np.int32) if len(sheet.findings.problems) == before else None


def _from_counts(sheet: Sheet, impressions: Column, clicks: Column) -> Target | None:
    before = len(sheet.findings.problems)
    seen, clicked = _read_numbers(sheet, impressions), _read_numbers(sheet, clicks)
    sheet.problem_at(impressions, "is no whole number", _fractions(seen))
    sheet.problem_at(clicks, "is no whole number", _fractions(clicked))
    with np.errstate(invalid="ignore"):
        none, negative = seen < 1, clicked < 0
        excess = (clicked > seen) & ~none
    sheet.problem_at(impressions, "is below 1 (leave out what was never shown)", none)
    sheet.problem_at(clicks, "is negative", negative)
    sheet.problem_at(clicks, "exceeds 'impressions'", excess)
    if len(sheet.findings.problems) > before:
        return None
    return Target(clicked / seen, seen)


def _from_label(sheet: Sheet, label: Column) -> Target | None:
    before = len(sheet.findings.problems)
    rate = _read_numbers(sheet, label)
    with np.errstate(invalid="ignore"):
        outside = (rate < 0) | (rate > 1)
    sheet.problem_at(label, "is outside 0 to 1", outside)
    if len(sheet.findings.problems) > before:
        return None
    fractions = int(((rate > 0) & (rate < 1)).sum())
    if fractions:
        sheet.notice(
            label,
            f"holds rates in {fractions:,} rows; without 'impressions' and 'clicks' every row "
            "weighs the same",
        )
    return Target(rate, np.ones_like(rate))


def _read_numbers(sheet: Sheet, column: Column) -> NDArray[np.float64]:
    """Return float64 [rows], NaN where a problem was added."""
    numbers = numbers_of(column)
    sheet.problem_at(column, "is empty or NaN", numbers.missing)
    sheet.problem_at(column, "is infinite", numbers.infinite)
    sheet.problem_at(column, "is no number", numbers.broken)
    return numbers.values


def _fractions(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    fractions: NDArray[np.bool_] = np.isfinite(values) & (values != np.floor(values))
    return fractions


def _check_varies(sheet: Sheet, target: Target) -> None:
    lowest, highest = float(target.rate.min()), float(target.rate.max())
    if lowest < highest:
        return
    what = {0.0: "there is no click in the log", 1.0: "every impression was clicked"}
    reason = what.get(lowest, "every row has the same click rate")
    sheet.findings.problems.append(
        f"the target is constant: {reason}, so there is nothing to learn"
    )


def _say_no_target(sheet: Sheet, roles: set[Role]) -> None:
    # A column that is absent is a problem already; here they stand and are empty.
    if Role.LABEL in roles or {Role.IMPRESSIONS, Role.CLICKS} <= roles:
        sheet.findings.problems.append(
            "every row lacks a target: 'label', or 'impressions' and 'clicks', must hold values"
        )


def _say_counts_win(sheet: Sheet, label: Column, target: Target | None) -> None:
    sentence = "'impressions' and 'clicks' count instead"
    if target is not None:
        differs = np.abs(numbers_of(label).values - target.rate) > DISAGREEMENT
        if differs.any():
            sentence += f"; it differs from clicks by impressions in {sheet.table.at(differs)}"
    sheet.ignore(label, sentence)
