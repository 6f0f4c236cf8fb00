"""The store as the commands that do not serve open it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_monitor.errors import MonitorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_monitor.store.database import Database

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The monitor's SQLite file. It may be in use by a monitor that serves.",
)


@contextlib.contextmanager
def opened(store: Path) -> Iterator[Database]:
    """The database for the length of a block; our errors become one sentence and exit code 1."""
    from ctr_monitor.store.database import Database  # noqa: PLC0415 -- not for --help

    try:
        database = Database(store)
        try:
            yield database
        finally:
            database.close()
    except MonitorError as error:
        raise click.ClickException(str(error)) from None
