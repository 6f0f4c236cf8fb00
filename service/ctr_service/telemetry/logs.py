"""Structured logs on stderr: JSON lines for machines, colours for a terminal.

No user data: a line holds only what the catalogue of keys holds. A record of a foreign library may
hold what it was given, so its arguments and its exception's text are dropped, and a text without
arguments is told by its place alone: it may have been put together before.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

from ctr_service.clock import SystemClock
from ctr_service.telemetry.log_processors import (
    SPANS_NOT_SENT,
    RateLimit,
    add_trace_ids,
    withhold,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger, Processor

    from ctr_service.clock import Clock

EXPORTING = frozenset(("opentelemetry", "urllib3", "requests"))
"""Libraries that send spans; they log nothing else at this level."""
LogFormat = Literal["auto", "json", "console"]


def configure_logs(
    level: str,
    log_format: LogFormat,
    stream: TextIO | None = None,
    *,
    lines_per_minute: int = 0,
    clock: Clock | None = None,
) -> FilteringBoundLogger:
    """Return the process's logger and send the standard library's warnings the same way.

    Args:
        level: "debug", "info", "warning" or "error".
        log_format: "auto" is "console" when `stream` is a terminal, else "json".
        stream: where to write; stderr by default.
        lines_per_minute: most lines of one event; 0 is no limit.
        clock: by which the minute is measured; the system's by default.
    """
    stream = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    renderer: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        # One write a line: workers share stderr, and halves of their lines must not meet there.
        structlog.WriteLogger(stream),
        processors=[
            RateLimit(lines_per_minute, clock or SystemClock()),
            add_trace_ids,
            withhold,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, ForeignLogs)]:
        root.removeHandler(old)
    root.addHandler(ForeignLogs(log))
    root.setLevel(logging.WARNING)
    return log


class ForeignLogs(logging.Handler):
    """Forwards a library's record without anything that it may have been given."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's template and place, not its arguments."""
        kind = record.exc_info[0] if record.exc_info else None
        exports = record.name.partition(".")[0] in EXPORTING
        self._log.log(
            record.levelno,
            SPANS_NOT_SENT if exports else "library",
            logger=record.name,
            template=str(record.msg) if record.args else None,
            at=[f"{record.module}:{record.lineno}"],
            error=None if kind is None else kind.__qualname__,
        )


class LoopErrors:
    """An event loop's exception handler: the type of an unhandled error, never its text."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def __call__(self, _: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        """Log one unhandled error."""
        error = context.get("exception")
        self._log.error("unhandled_in_loop", error=type(error).__qualname__ if error else None)
