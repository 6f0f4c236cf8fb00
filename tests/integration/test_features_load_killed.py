"""`ctr-service features load`, killed by SIGKILL in the middle, into each kind of store."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_service.bundle.features import Entity
from ctr_service.cli import main
from ctr_service.features.loading import BATCH_ROWS
from ctr_service.features.local_files import partial_path
from tests.support.gateway import ROOT
from tests.support.redis_server import RedisServer, running_redis
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 100_000
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.002
PROGRESS = "ctr:features:item:loading"


@dataclass(frozen=True)
class Store:
    """One store, by the flags that name it."""

    folder: Path
    flags: tuple[str, ...]
    redis: RedisServer | None = None

    def command(self, *words: str) -> list[str]:
        """The words of `ctr-service features`."""
        return ["features", *words, "--bundle", str(self.folder / "bundle"), *self.flags]

    def has_begun(self) -> bool:
        """Whether a load under way has noted some rows."""
        if self.redis is not None:
            noted = re.search(rb'"rows": (\d+)', self.redis.command("GET", PROGRESS))
            return noted is not None and int(noted[1]) >= BATCH_ROWS
        with contextlib.suppress(sqlite3.Error):
            path = partial_path(self.folder / "store", Entity.ITEM)
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
                return bool(file.execute("SELECT 1 FROM meta WHERE name = 'rows'").fetchall())
        return False

    def run(self, *words: str) -> dict[str, object]:
        """Run a command to its end."""
        done = CliRunner().invoke(main, [*self.command(*words), "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found


@pytest.fixture(params=["local", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind in turn."""
    make_tiny_bundle(tmp_path / "bundle")
    if request.param == "local":
        yield Store(tmp_path, ("--feature-store", str(tmp_path / "store")))
        return
    with running_redis() as redis:
        yield Store(tmp_path, ("--redis-url", redis.url, "--redis-features"), redis)


def test_a_load_that_was_killed_shows_nothing_and_goes_on(store: Store) -> None:
    """The old title serves until the same command, run again, has done the rest."""
    old, new = store.folder / "old.csv", store.folder / "new.csv"
    old.write_text("item_id,title\ni0,old\n")
    new.write_text("item_id,title\n" + "".join(f"i{n},new {n}\n" for n in range(ROWS)))
    store.run("load", str(old))
    load = subprocess.Popen(
        [sys.executable, "-m", "ctr_service", *store.command("load", str(new))],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end_s = time.monotonic() + PATIENCE_S
    while not store.has_begun():
        assert load.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < end_s
        time.sleep(LOOK_EVERY_S)
    load.kill()
    load.wait()
    assert store.run("get", "i0")["title"] == "old"
    done = store.run("load", str(new))
    assert (done["rows"], done["changed"]) == (ROWS, True)
    assert 0 < int(str(done["resumed_rows"])) < ROWS
    for number in (0, ROWS - 1):
        assert store.run("get", f"i{number}")["title"] == f"new {number}"
