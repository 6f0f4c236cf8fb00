"""The CPUs of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctr_service.cpus import available_cpus, share_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 8),
        ("300000 100000", 3),
        ("350000 100000", 3),
        ("50000 100000", 1),
        ("9900000 100000", 8),
        ("nonsense", 8),
    ],
)
def test_a_quota_bounds_the_affinity(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cgroup's quota, rounded down, caps the CPUs of the affinity; at least one stays."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    file = tmp_path / "cpu.max"
    file.write_text(quota + "\n")
    assert available_cpus(file) == expected


def test_without_a_cgroup_the_affinity_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no quota file there is no quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert available_cpus(tmp_path / "none") == 2


@pytest.mark.parametrize(
    ("cpus", "workers", "share"), [(8, 2, 4), (5, 2, 2), (2, 2, 1), (2, 5, 1), (1, 1, 1)]
)
def test_workers_get_equal_parts_and_at_least_one(cpus: int, workers: int, share: int) -> None:
    """No worker gets more than another, and none gets nothing."""
    assert share_of(cpus, workers) == share
