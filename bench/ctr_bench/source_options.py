"""The options of a workload -> its source. Reads files; sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.catalogue import find_catalogue
from ctr_bench.csv_workload import read_csv
from ctr_bench.errors import BenchError
from ctr_bench.request_log import read_log
from ctr_bench.sources import Synthetic
from ctr_bench.workload_text import parse_range, parse_sizes, parse_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.sources import Source

MAX_EXPONENT = 5.0
"""Beyond it one search is nearly all traffic."""


def open_source(options: Mapping[str, object]) -> Source:
    """Read `workload`, `candidates`, `zipf`, `pool`, `cold`, `pair_tokens` and `catalogue`.

    Raises:
        BenchError: an option or a file is wrong; says which and what may stand there.
    """
    kind, file = parse_source(str(options["workload"]))
    sizes = parse_sizes(str(options["candidates"]))
    if kind == "csv" and file is not None:
        return read_csv(file, most=max(sizes.values))
    if kind == "log" and file is not None:
        return read_log(file)
    pool, exponent = int(str(options["pool"])), float(str(options["zipf"]))
    if pool < 1 or not 0 <= exponent <= MAX_EXPONENT:
        raise BenchError(f"--pool must be 1 or more, and --zipf within 0 and {MAX_EXPONENT}")
    catalogue = options["catalogue"]
    return Synthetic(
        find_catalogue(catalogue if isinstance(catalogue, Path) else None),
        sizes,
        pool,
        exponent,
        float(str(options["cold"])),
        parse_range(str(options["pair_tokens"]), "--pair-tokens"),
    )
