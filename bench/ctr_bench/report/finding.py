"""Which files a report is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.run_folder import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

RUNS = "runs"


def find(paths: Iterable[Path], leave_out: Path) -> list[Path]:
    """Return the JSON files to read, each once, in the order of the paths.

    Args:
        paths: JSON files, run folders, or folders that hold either: a folder's own JSON files,
            and the run folders in it and in its `runs`.
        leave_out: the report's own JSON, which may lie among them.

    Raises:
        BenchError: a path does not exist, or nothing was found.
    """
    given = list(paths)
    found: dict[Path, Path] = {}
    for path in given:
        for file in _files(path):
            if file.resolve() != leave_out.resolve():
                found.setdefault(file.resolve(), file)
    if not found:
        where = ", ".join(map(str, given))
        raise BenchError(f"nothing to report in {where}: run a bench first, or name its files")
    return list(found.values())


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise BenchError(f"{path}: there is no such file or folder")
    if (path / RUN).exists():
        yield path / RUN
        return
    yield from sorted(path.glob("*.json"))
    yield from sorted(path.glob(f"*/{RUN}"))
    yield from sorted(path.glob(f"{RUNS}/*/{RUN}"))
