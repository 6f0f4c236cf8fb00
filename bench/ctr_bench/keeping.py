"""What a long measurement leaves when it is stopped half-way: its figures so far, marked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.fingerprint import fingerprint
from ctr_bench.results import now, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

STOPPED = 130
"""Exit code of a command that Ctrl-C ended."""
SCHEMA = 1


@contextlib.contextmanager
def kept(
    kind: str, out: Path, facts: Mapping[str, object], content: Callable[[], Mapping[str, object]]
) -> Iterator[None]:
    """Write `content()` to `out` when the block ends, however it does.

    `partial` says that Ctrl-C or an error ended it, and `error` which.

    Args:
        kind: of the file.
        out: where it goes.
        facts: of the whole measurement.
        content: returns what there is.

    Raises:
        SystemExit: 130 after Ctrl-C.
        BenchError: what the block raised, or the file cannot be written.
    """
    started, error, stopped = now(), "", False
    try:
        yield
    except (KeyboardInterrupt, SystemExit):  # SIGTERM arrives as the latter
        stopped = True
    except BenchError as raised:
        error = str(raised)
    write_json(
        {
            "kind": kind,
            "schema": SCHEMA,
            "date": started,
            "ended": now(),
            "partial": stopped or bool(error),
            "error": error,
            **facts,
            **content(),
            "fingerprint": fingerprint(),
        },
        out,
    )
    if stopped:
        raise SystemExit(STOPPED)
    if error:
        raise BenchError(error)
