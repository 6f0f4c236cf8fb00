"""Reading a click log: file -> checked `ClickLog`, or every problem with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity
from ctr_train.checks import check_log
from ctr_train.click_log import ClickLog
from ctr_train.columns import Role, plan_columns
from ctr_train.csv_table import read_csv
from ctr_train.errors import LogError
from ctr_train.feature_values import cut_column, read_feature
from ctr_train.groups import read_groups
from ctr_train.limits import QUERY_CHARACTERS, TITLE_CHARACTERS
from ctr_train.parquet_table import MAGIC, read_parquet
from ctr_train.sheet import Sheet
from ctr_train.table import Findings, shown
from ctr_train.targets import read_position, read_target

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.types import FeatureValue
    from ctr_train.columns import ColumnUse
    from ctr_train.table import Table

    Features = dict[Entity, dict[str, list[FeatureValue | None]]]

__all__ = ["ClickLog", "LogInspection", "inspect_log", "read_log"]


@dataclass(frozen=True, slots=True)
class LogInspection:
    """Everything that reading a log found, whether or not it can be trained on.

    Attributes:
        log: None when there are problems.
        uses: one a column, in file order; a column that its values disqualified is IGNORED.
        problems: why it must not be trained on.
        notices: what to know before training on it.
    """

    log: ClickLog | None
    group_column: str
    uses: tuple[ColumnUse, ...]
    rows: int
    problems: tuple[str, ...]
    notices: tuple[str, ...]


def read_log(path: Path, *, group_column: str = "query") -> ClickLog:
    """Read and check a click log, CSV or Parquet.

    Args:
        path: a file; its content, not its name, tells CSV from Parquet.
        group_column: the column whose values must not be split apart.

    Raises:
        LogError: the log cannot be read or must not be trained on; holds all problems found.
    """
    inspection = inspect_log(path, group_column=group_column)
    if inspection.log is None:
        raise LogError(inspection.problems)
    return inspection.log


def inspect_log(path: Path, *, group_column: str = "query") -> LogInspection:
    """Read a click log and return all that was found, problems too.

    Raises:
        LogError: the file as a whole cannot be read.
    """
    findings = Findings()
    table = _read_table(path, findings)
    uses = plan_columns([column.name for column in table.columns], findings)
    # Of columns that share a name (a problem by now) the first is looked at.
    by_name = {column.name: column for column in reversed(table.columns)}
    sheet = Sheet(table, uses, {name: by_name[name] for name in uses}, findings)
    log = _assemble(sheet, group_column)
    if log is not None:
        check_log(log, sheet)
        log = replace(log, notices=tuple(findings.notices))
    return LogInspection(
        None if findings.problems else log,
        group_column,
        tuple(uses.values()),
        table.total_rows,
        tuple(findings.problems),
        tuple(findings.notices),
    )


def _read_table(path: Path, findings: Findings) -> Table:
    if path.is_dir():
        raise LogError(f"{path} is a folder; name one CSV or Parquet file")
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise LogError(f"{path} does not exist") from error
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from error
    if not raw.strip():
        raise LogError(f"{path} is empty; a log needs a header line and rows")
    if raw.startswith(MAGIC):
        return read_parquet(raw, path.name)
    if path.suffix.lower() in {".parquet", ".pq"}:
        raise LogError(f"{path} is no Parquet file: it does not begin with PAR1")
    return read_csv(raw, path.name, findings)


def _assemble(sheet: Sheet, group_column: str) -> ClickLog | None:
    """Return the log, or None with problems added; every part is read, so that all are found."""
    group = read_groups(sheet, group_column)
    _say_uses(sheet)
    target = read_target(sheet)
    position_column = sheet.filled(Role.POSITION)
    position = None if position_column is None else read_position(sheet, position_column)
    features = _features(sheet)
    query = _texts(sheet, Role.QUERY, QUERY_CHARACTERS)
    title = _texts(sheet, Role.TITLE, TITLE_CHARACTERS)
    item_id = _texts(sheet, Role.ITEM_ID, None)
    if target is None or group is None:
        return None
    return ClickLog(query, title, item_id, target.rate, target.weight, position, group, features)


def _say_uses(sheet: Sheet) -> None:
    """Say aloud what is ignored by its name, and which names were understood as others."""
    by_reason: dict[str, list[str]] = {}
    for use in sheet.uses.values():
        if use.role is Role.IGNORED:
            by_reason.setdefault(use.note, []).append(shown(use.column))
        elif use.note:
            sheet.findings.notices.append(f"column {shown(use.column)} is read as {use.note}")
    for reason, names in by_reason.items():
        subject = f"column {names[0]} is" if len(names) == 1 else f"columns {', '.join(names)} are"
        sheet.findings.notices.append(f"{subject} ignored: {reason}")


def _features(sheet: Sheet) -> Features:
    features: Features = {entity: {} for entity in Entity}
    for name, use in list(sheet.uses.items()):
        if use.role is not Role.FEATURE or use.entity is None:
            continue
        values = read_feature(sheet, sheet.columns[name], use)
        if values is not None:
            features[use.entity][use.feature] = values
    return features


def _texts(sheet: Sheet, role: Role, limit_characters: int | None) -> list[str]:
    column = sheet.filled(role)
    if column is None:
        return [""] * len(sheet.table)
    return [cell or "" for cell in cut_column(sheet, column, limit_characters)]
