"""What every log line passes before it is written: trace ids, withheld values, a limit a minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ctr_service.limits import NS_PER_S
from ctr_service.telemetry.names.log_keys import LOG_KEYS
from ctr_service.traces import CALL_TRACE

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from ctr_service.clock import Clock

MINUTE_NS = 60 * NS_PER_S
WITHHELD = "[withheld]"
MAX_CHARACTERS = 4_096
SPANS_NOT_SENT = "spans_not_sent"
"""The event of whatever the exporter of spans says."""
ONCE_A_MINUTE = frozenset((SPANS_NOT_SENT,))


def add_trace_ids(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Name the call that the line is about, if it is about one."""
    trace = CALL_TRACE.get()
    if trace.trace_id:
        line["trace_id"] = f"{trace.trace_id:032x}"
        line["span_id"] = f"{trace.span_id:016x}"
    return line


def withhold(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Withhold the value of every key that the catalogue does not hold, and cut long texts."""
    for key, value in line.items():
        if key not in LOG_KEYS:
            line[key] = WITHHELD
        elif isinstance(value, str) and len(value) > MAX_CHARACTERS:
            line[key] = value[:MAX_CHARACTERS]
    return line


@dataclass(slots=True)
class _Window:
    began_ns: int
    written: int = 0
    suppressed: int = 0


class RateLimit:
    """Lets so many lines of an event through in a minute, and then tells how many it left out.

    What the exporter of spans says gets one line, since it says the same all day. Lines of
    libraries are told apart by their logger.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        """Take the limit, 0 for none, and a clock."""
        self._per_minute = per_minute
        self._clock = clock
        self._windows: dict[tuple[object, object], _Window] = {}

    def __call__(self, _: WrappedLogger, __: str, line: EventDict) -> EventDict:
        """Pass a line on, or drop it."""
        event = line.get("event")
        limit = 1 if event in ONCE_A_MINUTE else self._per_minute
        if not limit:
            return line
        key = (event, None if event in ONCE_A_MINUTE else line.get("logger"))
        now_ns = self._clock.now_ns()
        window = self._windows.get(key)
        if window is None or now_ns - window.began_ns >= MINUTE_NS:
            if window is not None and window.suppressed:
                line["suppressed"] = window.suppressed
            window = self._windows[key] = _Window(now_ns)
        if window.written >= limit:
            window.suppressed += 1
            raise structlog.DropEvent
        window.written += 1
        return line
