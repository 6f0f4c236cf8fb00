"""The naive peer in a process of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_bench.child import running_child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_bench.child import Child


@contextlib.contextmanager
def running_naive(bundle: Path) -> Iterator[Child]:
    """Start `ctr_bench.bound.naive` and stop it by SIGTERM.

    Raises:
        BenchError: it did not start or did not stop well.
    """
    with running_child("naive", ("-m", "ctr_bench.bound.naive", "--bundle", str(bundle))) as child:
        yield child
