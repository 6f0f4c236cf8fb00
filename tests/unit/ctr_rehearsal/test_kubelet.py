"""The kubelet's pure parts: verdicts of probes, back-off, and which words change."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.kubelet.health import Thresholds, Verdict, restart_wait_s
from ctr_rehearsal.kubelet.images import Image
from ctr_rehearsal.kubelet.rewriting import Rewriting

REWRITING = Rewriting(
    {8500: 40_001, 8501: 40_002},
    {"/model": Path("/pods/p/model"), "/model/extra": Path("/pods/p/extra")},
)


def test_a_verdict_needs_its_threshold_in_a_row() -> None:
    """Two failures of three with a success between them are none."""
    verdict = Verdict(passing=True)
    for result in (False, False, True, False, False):
        verdict = verdict.after(result, Thresholds(success=1, failure=3))
        assert verdict.passing is True
    assert verdict.after(False, Thresholds(1, 3)).passing is False


def test_nothing_is_known_before_the_first_threshold() -> None:
    """A pod that has not passed yet is not ready, but has not failed either."""
    verdict = Verdict().after(False, Thresholds(1, 3))
    assert verdict.passing is None


@pytest.mark.parametrize(
    ("crashes", "wait_s"), [(1, 0), (2, 10), (3, 20), (6, 160), (7, 300), (50, 300)]
)
def test_back_off_doubles_to_five_minutes(crashes: int, wait_s: float) -> None:
    """The first restart is at once, as a kubelet's."""
    assert restart_wait_s(crashes) == wait_s


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 -- what is replaced
        ("8500", "40001"),
        ("--port=8501", "--port=40002"),
        ("0.0.0.0:8500", "127.0.0.1:40001"),
        ("127.0.0.1:9", "127.0.0.1:9"),
        ("/model", "/pods/p/model"),
        ("/model/", "/pods/p/model/"),
        ("--bundle=/model/bundle", "--bundle=/pods/p/model/bundle"),
        ("/model/extra/x", "/pods/p/extra/x"),
        ("/models/other", "/models/other"),
        ("json", "json"),
        ("30", "30"),
    ],
)
def test_hosts_ports_and_paths_change_and_nothing_else(before: str, after: str) -> None:
    """The rest of a container's words reaches the process as the manifest has it."""
    assert REWRITING.argument(before) == after


def test_an_image_shows_folders_under_their_own_name() -> None:
    """`cp -a /bundle /model/` must find the same name on this machine."""
    with pytest.raises(RehearsalError, match="/bundle"):
        Image(files={"/bundle": Path("/tmp/other")})  # noqa: S108 -- never opened
