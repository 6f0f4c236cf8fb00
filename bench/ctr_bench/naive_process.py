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
def running_naive(bundle: Path, graph: str | None = None) -> Iterator[Child]:
    """Start `ctr_bench.bound.naive` and stop it by SIGTERM.

    Args:
        bundle: its folder.
        graph: "graph/engine/precision"; None is the bundle's default.

    Raises:
        BenchError: it did not start or did not stop well.
    """
    chosen = () if graph is None else ("--graph", graph)
    arguments = ("-m", "ctr_bench.bound.naive", "--bundle", str(bundle), *chosen)
    with running_child("naive", arguments) as child:
        yield child
