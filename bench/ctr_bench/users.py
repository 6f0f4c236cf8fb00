"""Users whose features a search brings, or leaves to the gateway's store in Redis."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.searches import Search


def with_user_ids(searches: Sequence[Search]) -> list[Search]:
    """Give each search a user of its own."""
    return [replace(search, user_id=f"u{index}") for index, search in enumerate(searches)]


def by_user_id(searches: Sequence[Search]) -> list[Search]:
    """Leave the users' features out, so that the gateway reads them from its store."""
    return [replace(search, user={}) for search in searches]


def load_users(bundle: Path, searches: Sequence[Search], redis_port: int) -> None:
    """Put every user's features into Redis, as an operator does.

    Args:
        bundle: knows the features.
        searches: at least one, each with a user and the same features.
        redis_port: of a Redis on this machine.

    Raises:
        BenchError: the load failed.
    """
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        table = Path(folder) / "users.csv"
        names = list(searches[0].user)
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["user_id", *(f"user_{name}" for name in names)])
            writer.writerows(
                [search.user_id, *(_cell(search.user[name]) for name in names)]
                for search in searches
            )
        command = [
            *(sys.executable, "-m", "ctr_service", "features", "load", str(table)),
            *("--bundle", str(bundle), "--redis-features"),
            *("--redis-url", f"redis://127.0.0.1:{redis_port}/0"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own command
    if done.returncode:
        raise BenchError(f"users could not be loaded into Redis: {done.stderr.strip()}")


def _cell(value: str | float | tuple[str, ...]) -> str:
    return "|".join(value) if isinstance(value, tuple) else str(value)
