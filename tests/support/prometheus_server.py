"""A real Prometheus over blocks that promtool made of scripted series: time is what they say."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 30.0


def require(*programs: str) -> None:
    """Skip where a program of Debian's is missing; fail where CI says that it must be there."""
    for program in programs:
        if shutil.which(program) is None:
            reason = f"{program} is not installed: see the installs in .ci/run"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)


@contextlib.contextmanager
def running_prometheus(open_metrics: str, config: str = "{}\n") -> Iterator[str]:
    """The URL of a Prometheus that holds these samples, for the length of a block.

    Args:
        open_metrics: samples with their times.
        config: Prometheus's own, for one that scrapes too.
    """
    require("prometheus", "promtool")
    folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
    (folder / "samples").write_text(open_metrics)
    (folder / "config.yml").write_text(config)
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "data"],  # noqa: S607 -- Debian's
        cwd=folder,
        check=True,
        capture_output=True,
    )
    url = f"http://127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("prometheus", "--config.file=config.yml", "--storage.tsdb.path=data"),
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={url.removeprefix('http://')}",
                "--enable-feature=exemplar-storage",
                "--log.level=warn",
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        end = time.monotonic() + START_S
        while not _ready(url):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "Prometheus is not ready"
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:  # noqa: S310 -- our own
            return bool(answer.status == 200)
    except OSError:
        return False
