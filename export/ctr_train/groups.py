"""The group column: which rows must stay together when the log is split."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ctr_train.columns import Role, has_known_names, plain
from ctr_train.feature_values import as_text
from ctr_train.split import MIN_GROUPS
from ctr_train.table import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_train.sheet import Sheet
    from ctr_train.table import Column

MAX_GROUP_SHARE = 0.5
FEW_GROUPS = 30
"""Below it the shares of the splits, and every figure, hang on a few groups."""
SUGGESTED_COLUMNS = 5
NEVER_GROUPS = frozenset(
    role.value for role in (Role.LABEL, Role.CLICKS, Role.IMPRESSIONS, Role.POSITION)
)
SPOKEN = frozenset({Role.QUERY.value, Role.TITLE.value})
"""Their texts are one group whatever their capitals and spaces: the same search, typed anew."""


def read_groups(sheet: Sheet, group_column: str) -> list[str] | None:
    """Return the group of each row, or None with a problem and advice added.

    Any column will do, also one that is otherwise ignored. Queries and titles are compared without
    capitals and doubled spaces.
    """
    column = _find(sheet.columns, group_column)
    if column is None:
        _say_absent(sheet, group_column)
        return None
    group = _values(column)
    problem = _why_lopsided(column, group)
    if problem:
        sheet.problem(column, f"{problem}. {_advice(sheet, column)}")
        return None
    if column.missing.any():
        sheet.notice(column, f"is empty in {sheet.table.at(column.missing)}: they are one group")
    use = sheet.uses[column.name]
    if use.role is Role.IGNORED:
        sheet.uses[column.name] = replace(use, role=Role.GROUP, note="")
    distinct = len(set(group))
    if distinct < FEW_GROUPS:
        sheet.notice(
            column,
            f"has only {distinct} groups: the shares of the splits and all figures depend on a few "
            "of them",
        )
    return group


def _say_absent(sheet: Sheet, group_column: str) -> None:
    # An absent query column is a problem already, and a missing header is said once.
    if plain(group_column) == Role.QUERY.value or not has_known_names(sheet.uses.values()):
        return
    listed = ", ".join(shown(name) for name in sheet.columns if name)
    sheet.findings.problems.append(
        f"no column {shown(group_column)} to group by; choose one with --group COLUMN from {listed}"
    )


def _find(columns: Mapping[str, Column], wanted: str) -> Column | None:
    if wanted in columns:
        return columns[wanted]
    alike = [column for name, column in columns.items() if plain(name) == plain(wanted)]
    return alike[0] if len(alike) == 1 else None


def _values(column: Column) -> list[str]:
    texts = (as_text(cell) or "" for cell in column.cells)
    if plain(column.name) not in SPOKEN:
        return list(texts)
    listed = list(texts)
    same = {text: _same_search(text) for text in set(listed)}
    return [same[text] for text in listed]


def _same_search(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _why_lopsided(column: Column, groups: Sequence[str]) -> str:
    """Return why the column cannot group the log, "" if it can."""
    if column.missing.all():
        return "is empty in every row, so it cannot group them"
    counts = Counter(groups)
    value, largest = counts.most_common(1)[0]
    if largest > MAX_GROUP_SHARE * len(groups):
        held = "is empty" if value == "" else "has one value"
        return f"{held} in {largest:,} of {len(groups):,} rows, so a split by it would be lopsided"
    if len(counts) < MIN_GROUPS:
        return f"has {len(counts)} groups; training, validation and test need {MIN_GROUPS}"
    return ""


def _advice(sheet: Sheet, refused: Column) -> str:
    fit = [
        column
        for name, column in sheet.columns.items()
        if name and column is not refused and plain(name) not in NEVER_GROUPS
        if _could_group(column)
    ]
    if not fit:
        return "No other column could group it: add one that tells searches apart (--group COLUMN)"
    # What is no model input (`group`, `search_id`) was most likely written to group by.
    fit.sort(key=lambda column: sheet.uses[column.name].role is not Role.IGNORED)
    listed = ", ".join(shown(column.name) for column in fit[:SUGGESTED_COLUMNS])
    return f"Group by another column: --group COLUMN, for example {listed}"


def _could_group(column: Column) -> bool:
    group = _values(column)
    return not _why_lopsided(column, group) and len(set(group)) >= FEW_GROUPS
