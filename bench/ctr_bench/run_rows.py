"""The rows of a run that `ctr-bench run` kept: NAME/rows.parquet beside NAME/run.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from ctr_bench.errors import BenchError
from ctr_bench.rows_file import read_rows
from ctr_bench.run_folder import ROWS, RUN

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.record import Records

RATE_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run from disk.

    Attributes:
        offered_requests_s: of its schedule.
        model_version: that served.
    """

    records: Records
    offered_requests_s: float
    model_version: str


def read_run(folder: Path) -> KeptRun:
    """Read a valid open-loop run.

    Raises:
        BenchError: it is none; says why.
    """
    try:
        content = json.loads((folder / RUN).read_text())
        if not content["valid"]:
            raise BenchError(f"{folder} is not valid: {'; '.join(content['invalid_reasons'])}")
        if content["loop"] != "open":
            raise BenchError(f"{folder} is a closed loop, whose latencies compare to nothing")
        records = read_rows(folder / ROWS)
        rate, version = float(content["offered_requests_s"]), content["server"]["model_version"]
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise BenchError(f"{folder} is no run of `ctr-bench run`: {error}") from None
    if not len(records):
        raise BenchError(f"{folder} has no requests")
    return KeptRun(records, rate, str(version))


def check_same_load(a: KeptRun, b: KeptRun) -> None:
    """Refuse two runs of different rates.

    Raises:
        BenchError: they differ.
    """
    if abs(a.offered_requests_s / b.offered_requests_s - 1) > RATE_TOLERANCE:
        raise BenchError(
            f"the runs had {a.offered_requests_s:.4g} and {b.offered_requests_s:.4g} requests/s: "
            "latencies compare at one load only"
        )
