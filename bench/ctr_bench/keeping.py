"""What a long measurement leaves when it is stopped half-way: its figures so far, marked."""

from __future__ import annotations

import contextlib
import sys
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


def partial_of(out: Path) -> Path:
    """Return where a measurement goes that was stopped half-way: `NAME.partial.json`."""
    return out.with_name(f"{out.stem}.partial{out.suffix}")


@contextlib.contextmanager
def kept(
    kind: str, out: Path, facts: Mapping[str, object], content: Callable[[], Mapping[str, object]]
) -> Iterator[None]:
    """Write `content()` when the block ends, however it does.

    `partial` says that Ctrl-C or an error ended it, and `error` which. What Ctrl-C ended goes to
    `NAME.partial.json`, so that the last one that came to its end stays; the next one removes it.

    Args:
        kind: of the file.
        out: where it goes, `NAME.json`.
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
    aside = partial_of(out)
    place = aside if stopped else out
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
        place,
    )
    if stopped:
        print(f"stopped; what was found so far is in {place}", file=sys.stderr)  # noqa: T201 -- last words
        raise SystemExit(STOPPED)
    aside.unlink(missing_ok=True)
    if error:
        raise BenchError(error)
