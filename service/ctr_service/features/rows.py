"""A table of items or users -> entities, one row at a time, however long the file.

Columns as in a click log: `item_id`, `title` (or `item_title`), `item_version` and `item_*`, or
`user_id` and `user_*`. Types are the schema's; texts of a list have `|` between them.
"""

from __future__ import annotations

import csv
import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.errors import SettingsError
from ctr_service.features.store import StoredEntity
from ctr_service.limits import WIRE_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ctr_service.types import FeatureValue

TEXTS_SEPARATOR = "|"
TITLE_COLUMNS = ("title", "item_title")
VERSION_COLUMN = "item_version"
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
PARQUET_ROWS = 4_096


class TableError(SettingsError):
    """A file cannot be loaded; the sentence names rows and columns, never content."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a file are for.

    Attributes:
        entity: whose table it is.
        title: the title's column, if any.
        version: the column of the item's version, if any.
        features: column -> the model's feature.
        ignored: columns that mean nothing to the model.
    """

    entity: Entity
    title: str | None
    version: str | None
    features: Mapping[str, FeatureSpec]
    ignored: tuple[str, ...]

    @property
    def id(self) -> str:
        """The id's column."""
        return f"{self.entity.value}_id"


def plan_columns(names: Sequence[str], schema: FeatureSchema) -> Columns:
    """Say what each column is for.

    Raises:
        TableError: neither or both id columns, or a name twice.
    """
    if len(set(names)) != len(names):
        raise TableError("two columns have the same name; keep one of them")
    owners = [entity for entity in (Entity.ITEM, Entity.USER) if f"{entity.value}_id" in names]
    if len(owners) != 1:
        found = "both" if owners else "neither"
        raise TableError(
            f"the file has {found} of the columns item_id and user_id; a table of items has "
            "item_id and one of users user_id"
        )
    (entity,) = owners
    features = {
        column: spec
        for spec in schema.of(entity)
        if (column := f"{entity.value}_{spec.name}") in names
    }
    own = {f"{entity.value}_id", *features}
    title = version = None
    if entity is Entity.ITEM:
        title = next((name for name in TITLE_COLUMNS if name in names), None)
        version = VERSION_COLUMN if VERSION_COLUMN in names and VERSION_COLUMN not in own else None
    own |= {name for name in (title, version) if name is not None}
    return Columns(entity, title, version, features, tuple(n for n in names if n not in own))


@dataclass(frozen=True, slots=True)
class EntityTable:
    """A file and the use of its columns; reads it anew each time."""

    path: Path
    columns: Columns

    def rows(self, skip: int = 0) -> Iterator[tuple[int, str, StoredEntity]]:
        """Yield (row number from 1, id, entity), leaving out the first `skip` rows.

        Raises:
            TableError: names the first wrong row and its column.
        """
        records = _parquet_records if _is_parquet(self.path) else _csv_records
        for number, record in enumerate(records(self.path), start=1):
            if number > skip:
                yield number, *_entity(number, record, self.columns)


def open_table(path: Path, schema: FeatureSchema) -> EntityTable:
    """Open a CSV or Parquet file.

    Raises:
        TableError: it cannot be read, or its columns are no table of items or users.
    """
    if not path.is_file():
        raise TableError(f"{path} is no file")
    names = _parquet_names(path) if _is_parquet(path) else _csv_names(path)
    return EntityTable(path, plan_columns(names, schema))


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET_SUFFIXES


def _csv_names(path: Path) -> Sequence[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return [name.strip() for name in next(csv.reader(file, strict=True))]
        except StopIteration:
            raise TableError(f"{path} is empty; give it a header and a row an id") from None
        except (csv.Error, UnicodeDecodeError):
            raise TableError(f"the header of {path} is no CSV in UTF-8") from None


def _csv_records(path: Path) -> Iterator[Mapping[str, object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = [name.strip() for name in next(reader)]
        number = 0
        try:
            for cells in reader:
                if not cells:
                    continue
                number += 1
                if len(cells) != len(names):
                    raise TableError(
                        f"row {number} has {len(cells)} fields and the header {len(names)}; quote "
                        "texts that hold a comma"
                    )
                yield dict(zip(names, cells, strict=True))
        except (csv.Error, UnicodeDecodeError):
            raise TableError(f"after row {number}: a quote is out of place, or no UTF-8") from None


def _parquet(path: Path) -> Any:  # noqa: ANN401 -- pyarrow ships no types
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise TableError(
            "reading Parquet needs pyarrow, which is not installed; "
            "`pip install pyarrow`, or convert the file to CSV"
        ) from None
    try:
        return parquet.ParquetFile(path)
    except Exception:  # noqa: BLE001 -- pyarrow's own errors derive from several bases
        raise TableError(f"{path} cannot be read as Parquet") from None


def _parquet_names(path: Path) -> Sequence[str]:
    with _parquet(path) as file:
        return list(file.schema_arrow.names)


def _parquet_records(path: Path) -> Iterator[Mapping[str, object]]:
    with _parquet(path) as file:
        for batch in file.iter_batches(batch_size=PARQUET_ROWS):
            yield from batch.to_pylist()


def _entity(
    number: int, record: Mapping[str, object], columns: Columns
) -> tuple[str, StoredEntity]:
    limits = WIRE_LIMITS
    id_ = _text(number, columns.id, record[columns.id], limits.id_characters)
    if not id_:
        raise TableError(f"row {number}: {columns.id} is empty")
    title = version = ""
    if columns.title is not None:
        title = _text(number, columns.title, record[columns.title], limits.title_characters)
    if columns.version is not None:
        version = _text(number, columns.version, record[columns.version], limits.id_characters)
    features = {
        spec.name: value
        for column, spec in columns.features.items()
        if (value := _value(number, column, record[column], spec)) is not None
    }
    return id_, StoredEntity(title or None, version, features)


def _value(number: int, column: str, cell: object, spec: FeatureSpec) -> FeatureValue | None:
    if cell is None or cell in ("", []):
        return None
    characters = WIRE_LIMITS.feature_characters
    if spec.type is FeatureType.NUMBER:
        return _number(number, column, cell)
    if spec.type is FeatureType.TEXT:
        return _text(number, column, cell, characters)
    parts = cell.split(TEXTS_SEPARATOR) if isinstance(cell, str) else cell
    if not isinstance(parts, list):
        raise TableError(
            f"row {number}: {column} must be texts with {TEXTS_SEPARATOR} between them"
        )
    if len(parts) > WIRE_LIMITS.feature_values:
        raise TableError(
            f"row {number}: {column} holds {len(parts)} texts; the limit is "
            f"{WIRE_LIMITS.feature_values}"
        )
    return tuple(_text(number, column, part, characters) for part in parts)


def _number(number: int, column: str, cell: object) -> float:
    if isinstance(cell, int | float | str):
        try:
            value = float(cell)
        except (ValueError, OverflowError):
            value = math.nan
        if math.isfinite(value):
            return value
    raise TableError(
        f"row {number}: {column} must be a finite number; leave it empty when it is unknown"
    )


def _text(number: int, column: str, cell: object, limit: int) -> str:
    """Return a cell as text; numbers and truths as a log's reader writes them."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        text = str(cell).lower()
    elif isinstance(cell, float) and cell.is_integer():
        text = str(int(cell))
    else:
        text = str(cell)
    if len(text) > limit:
        raise TableError(
            f"row {number}: {column} has {len(text)} characters; the limit is {limit}; cut it"
        )
    return text
