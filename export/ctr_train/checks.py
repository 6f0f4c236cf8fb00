"""Checks of a whole log and of its splits, once its cells have a meaning."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.features import Entity
from ctr_train.errors import LogError
from ctr_train.limits import FEATURES_AN_ENTITY, ID_CHARACTERS
from ctr_train.split import check_no_leak

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

    from ctr_service.types import FeatureValue
    from ctr_train.click_log import ClickLog
    from ctr_train.sheet import Sheet
    from ctr_train.split import Split
    from ctr_train.table import Findings

MAX_TELLING_VALUES = 100
MIN_ROWS_A_TELLING_VALUE = 20


def check_log(log: ClickLog, sheet: Sheet) -> None:
    """Check rows, duplicates and features of the log read from `sheet`; add to its findings."""
    findings = sheet.findings
    _check_rows_say_something(log, sheet)
    _check_ids(log, sheet)
    _check_duplicates(log, findings)
    for entity, columns in log.features.items():
        if len(columns) > FEATURES_AN_ENTITY:
            findings.problems.append(
                f"{len(columns)} {entity.value} features; a request carries at most "
                f"{FEATURES_AN_ENTITY}"
            )
        for name, values in columns.items():
            _check_feature(log, sheet.feature_column(entity, name), values, findings)


def check_split(log: ClickLog, split: Split) -> tuple[str, ...]:
    """Prove that no group crosses splits and that each split can be learnt from or judged by.

    Returns:
        Notices: equal rows in two splits, and splits too one-sided to judge by.

    Raises:
        LogError: a group crosses splits, or training or validation rows are all of one class.
    """
    check_no_leak(split, log.group)
    problems = []
    notices = _leaking_rows(log, split)
    for name, rows in split.named().items():
        rate = log.target[rows]
        if rate.min() < rate.max():
            continue
        sentence = f"the {name} split ({len(rows):,} rows) has one click rate only"
        if name == "test":
            notices.append(f"{sentence}: its AUC is not defined; try another --seed")
        else:
            problems.append(f"{sentence}; try another --seed, larger shares or more rows")
    if problems:
        raise LogError(problems)
    return tuple(notices)


def model_inputs(log: ClickLog) -> list[Hashable]:
    """Return what the model sees of each row, before rendering: equal rows have equal entries."""
    columns: list[Iterable[FeatureValue | None]] = [log.query, log.title]
    for entity in Entity:
        columns.extend(log.features.get(entity, {}).values())
    return list(zip(*columns, strict=True))


def _leaking_rows(log: ClickLog, split: Split) -> list[str]:
    inputs = model_inputs(log)
    trained = {inputs[row] for row in split.train}
    notices = []
    for name in ("validation", "test"):
        rows = split.named()[name]
        seen = sum(inputs[row] in trained for row in rows)
        if seen:
            notices.append(
                f"{seen:,} of {len(rows):,} {name} rows equal a training row in query, title and "
                "features: its figures flatter; a coarser --group would keep them together"
            )
    return notices


def _check_rows_say_something(log: ClickLog, sheet: Sheet) -> None:
    silent = np.fromiter(
        (all(value in (None, "") for value in row) for row in _cells(log)), np.bool_, len(log)
    )
    if silent.any():
        sheet.findings.problems.append(
            f"query, title and all features are empty in {sheet.table.at(silent)}: there is "
            "nothing to score by; leave these rows out"
        )


def _cells(log: ClickLog) -> Iterable[tuple[FeatureValue | None, ...]]:
    features = [values for columns in log.features.values() for values in columns.values()]
    return zip(log.query, log.title, *features, strict=True)


def _check_ids(log: ClickLog, sheet: Sheet) -> None:
    long = np.fromiter((len(name) > ID_CHARACTERS for name in log.item_id), np.bool_, len(log))
    if long.any():
        sheet.findings.notices.append(
            f"'item_id' exceeds the wire's {ID_CHARACTERS} characters in {sheet.table.at(long)}; "
            "training does not use it"
        )


def _check_duplicates(log: ClickLog, findings: Findings) -> None:
    """Say how many rows repeat: a repeated impression is right, a doubled export is not."""
    positions = [None] * len(log) if log.position is None else log.position.tolist()
    labels = list(zip(log.target.tolist(), log.weight.tolist(), strict=True))
    inputs = model_inputs(log)
    wholes = zip(inputs, log.item_id, log.group, positions, labels, strict=True)
    repeated = len(log) - len(set(wholes))
    if repeated:
        findings.notices.append(
            f"{repeated:,} of {len(log):,} rows repeat an earlier row in every column that is "
            "used; each counts as an impression of its own"
        )
    rates: dict[Hashable, set[float]] = defaultdict(set)
    for seen, (rate, _) in zip(inputs, labels, strict=True):
        rates[seen].add(rate)
    contradictory = sum(len(found) > 1 for found in rates.values())
    if contradictory:
        findings.notices.append(
            f"{contradictory:,} of {len(rates):,} distinct inputs (query, title, features) stand "
            "with different targets; the model learns their mean"
        )


def _check_feature(
    log: ClickLog, column: str, values: list[FeatureValue | None], findings: Findings
) -> None:
    codes: dict[FeatureValue | None, int] = {}
    index = np.fromiter((codes.setdefault(v, len(codes)) for v in values), np.int64, len(values))
    if len(codes) == 1:
        findings.notices.append(
            f"column {column} has one value in every row: it tells the model nothing and costs "
            "tokens"
        )
    elif _gives_away(index, len(codes), log.target):
        findings.notices.append(
            f"column {column} decides the target by itself: it looks made from the label, and "
            "serving will not have it; leave it out"
        )


def _gives_away(index: NDArray[np.int64], distinct: int, target: NDArray[np.float64]) -> bool:
    """Say whether each of a few values goes with one click rate alone."""
    if distinct > min(MAX_TELLING_VALUES, len(index) / MIN_ROWS_A_TELLING_VALUE):
        return False
    lowest, highest = np.full(distinct, np.inf), np.full(distinct, -np.inf)
    np.minimum.at(lowest, index, target)
    np.maximum.at(highest, index, target)
    return bool((lowest == highest).all() and lowest.min() < highest.max())
