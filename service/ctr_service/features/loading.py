"""A table -> a target, in batches, so that a killed load goes on where it stopped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.files import sha256_of
from ctr_service.features.codec import encode
from ctr_service.features.rows import TableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.features.rows import EntityTable
    from ctr_service.features.targets import LoadTarget

BATCH_ROWS = 1_000
VERSION_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did.

    Attributes:
        version: of the data that is in use now.
        rows: of the file.
        resumed_rows: of them, loaded by an earlier run.
        changed: False when the very same data were in use before.
    """

    version: str
    rows: int
    resumed_rows: int
    changed: bool


def version_of(table: EntityTable) -> str:
    """Return a name for what a load of the table gives: the file's bytes and its columns' use."""
    columns = table.columns
    use = [columns.entity.value, str(columns.title), str(columns.version)]
    use += [f"{column}={spec.type.value}" for column, spec in sorted(columns.features.items())]
    digest = hashlib.sha256("\n".join([sha256_of(table.path), *use]).encode())
    return digest.hexdigest()[:VERSION_CHARACTERS]


async def load_table(
    table: EntityTable, target: LoadTarget, progress: Callable[[int], None]
) -> Loaded:
    """Load a table and put it in use; until then, and after a failure, nothing changes.

    Args:
        table: the whole data: ids that it does not hold are gone afterwards.
        target: where to.
        progress: hears how many rows are done.

    Raises:
        TableError: a row is wrong.
        SettingsError: the target cannot be written.
    """
    version = version_of(table)
    resumed = await target.begin(version)
    if resumed is None:
        return Loaded(version, 0, 0, changed=False)
    progress(resumed)
    rows = resumed
    batch: list[tuple[str, bytes]] = []
    for number, id_, entity in table.rows(skip=resumed):
        rows = number
        batch.append((id_, encode(entity)))
        if len(batch) == BATCH_ROWS:
            await target.add(batch, number)
            batch.clear()
            progress(number)
    if not rows:
        raise TableError("the file has a header but no rows; an empty store serves nobody")
    await target.add(batch, rows)
    progress(rows)
    await target.publish()
    return Loaded(version, rows, resumed, changed=True)
