"""Structured logs on stderr: JSON lines, or colours for a terminal.

Events carry counts, ids of incidents and names of alerts; never a body, a label's value, a note or
what a library was given.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

LogFormat = Literal["auto", "json", "console"]


def configure_logs(
    level: str, log_format: LogFormat, stream: TextIO | None = None
) -> FilteringBoundLogger:
    """Return the process's logger; warnings of libraries go the same way, without arguments.

    Args:
        level: "debug", "info", "warning" or "error".
        log_format: "auto" is "console" when `stream` is a terminal, else "json".
        stream: where to write; stderr by default.
    """
    stream = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    renderer: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Library(log)], force=True)
    return log


class _Library(logging.Handler):
    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write who and where, and the template without its arguments."""
        kind = record.exc_info[0] if record.exc_info else None
        self._log.log(
            record.levelno,
            "library",
            logger=record.name,
            template=str(record.msg)[:200],
            error=None if kind is None else kind.__qualname__,
        )
