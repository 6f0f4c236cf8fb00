"""The CPUs of this process."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from ctr_service.cpus import (
    TOKENIZER_THREADS,
    available_cpus,
    keep_tokenizer_on_its_thread,
    share_of,
)


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


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_a_batch_of_texts_is_tokenised_on_the_calling_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a process of its own, for the library's threads stay once they have begun."""
    monkeypatch.delenv(TOKENIZER_THREADS, raising=False)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_threads_begun_by_a_batch).result() == 0


def _threads_begun_by_a_batch() -> int:
    keep_tokenizer_on_its_thread()
    tokenizer = Tokenizer(models.WordPiece({"a": 0, "[UNK]": 1}))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    before = len(list(Path("/proc/self/task").iterdir()))
    tokenizer.encode_batch_fast(["a"] * 64, add_special_tokens=False)
    return len(list(Path("/proc/self/task").iterdir())) - before
