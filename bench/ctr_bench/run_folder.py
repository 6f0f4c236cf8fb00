"""A run on disk: `NAME/rows.parquet` and `NAME/run.json`, written aside and renamed as one."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.rows_file import write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctr_bench.record import Records

ROWS, RUN = "rows.parquet", "run.json"
KIND, SCHEMA = "run", 1
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


def check_name(runs: Path, name: str) -> None:
    """Refuse a name before anything is sent.

    Raises:
        BenchError: it is no name for a folder, or there is such a run already.
    """
    if not _NAME.match(name):
        raise BenchError("--name must be letters, digits, dots, dashes and underscores, up to 100")
    if (runs / name).exists():
        raise BenchError(f"{runs / name} exists; give another --name, or remove it")


def write_run(runs: Path, name: str, content: Mapping[str, object], records: Records) -> Path:
    """Write a run's folder and return it.

    Raises:
        BenchError: there is no room or no right to write; nothing of this run stays, and what was
            there before is untouched.
    """
    folder, aside = runs / name, runs / f"{name}.new"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        write_rows(records, aside / ROWS)
        text = json.dumps({"kind": KIND, "schema": SCHEMA, "name": name, **content}, indent=2)
        (aside / RUN).write_text(text + "\n")
        aside.rename(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise BenchError(
            f"the run could not be written to {folder}: {error.strerror or error}; make room or "
            "name another folder with --out, and run again"
        ) from None
    return folder
