"""Jobs and records survive the way between the two processes."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_bench.job import Job, Payloads, read_job, write_job
from ctr_bench.record import RESOURCE_EXHAUSTED, Records, read_records, write_records
from ctr_bench.results import Results, write_results
from tests.support.load_records import answered, failed, records

if TYPE_CHECKING:
    from pathlib import Path


def test_a_job_and_its_messages_come_back_as_they_went(tmp_path: Path) -> None:
    """Also an empty message and one with a zero byte keep their bounds."""
    job = Job("127.0.0.1:1", 0.25, callers=3, seconds=1.5, read_every=7, core=1)
    messages = [b"one", b"", b"th\0ree"]
    payloads = Payloads(messages, np.array([1, 2, 3], np.int32), np.array([5, 6], np.int64))
    write_job(tmp_path, job, payloads)
    found_job, found = read_job(tmp_path)
    assert found_job == job
    assert list(found.messages) == messages
    assert found.candidates.tolist() == [1, 2, 3]
    assert found.schedule_ns.tolist() == [5, 6]


def test_records_come_back_with_their_types(tmp_path: Path) -> None:
    """Every column has the values and the type that it had."""
    wrote = records(answered(1, 2), failed(2, 1, RESOURCE_EXHAUSTED))
    write_records(wrote, tmp_path / "records")
    read = read_records(tmp_path / "records")
    for field in fields(Records):
        before, after = getattr(wrote, field.name), getattr(read, field.name)
        assert after.dtype == before.dtype
        assert after.tolist() == before.tolist()
    assert read.complete.tolist() == [True, False]


def test_results_hold_median_and_spread_and_leave_out_what_was_not_measured(
    tmp_path: Path,
) -> None:
    """Three repeats give a median and [least, greatest]; NaN gives no figure at all."""
    results = Results({"bundle": "b"})
    for value in (1.0, 5.0, 2.0):
        results.add({"pairs_s": value, "nothing": float("nan")})
    write_results(results, tmp_path / "new" / "out.json")
    found = results.as_json()
    assert found == {"bundle": "b", "pairs_s": 2.0, "pairs_s_spread": (1.0, 5.0)}
    assert "NaN" not in (tmp_path / "new" / "out.json").read_text()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.json"]


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    """Reading something else raises instead of giving empty columns."""
    (tmp_path / "records").write_bytes(b"no records")
    with pytest.raises(ValueError, match=r"pickle|file"):
        read_records(tmp_path / "records")
