"""Logs hold what happened, never what was sent."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ctr_service
from ctr_service.clock import ManualClock
from ctr_service.limits import NS_PER_S
from ctr_service.telemetry.log_processors import MAX_CHARACTERS, WITHHELD
from ctr_service.telemetry.logs import ForeignLogs, LoopErrors, configure_logs
from ctr_service.telemetry.names.log_keys import LOG_KEYS
from ctr_service.traces import CALL_TRACE, CallTrace

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-7391"
SOURCE = Path(str(ctr_service.__file__)).parent


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; the root logger is as before afterwards."""
    root = logging.getLogger()
    level = root.level
    yield io.StringIO()
    root.setLevel(level)
    for handler in [h for h in root.handlers if isinstance(h, ForeignLogs)]:
        root.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The log as JSON objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_that_is_no_terminal_is_json(stream: io.StringIO) -> None:
    """One JSON object a line, with level and time; lower levels are left out."""
    log = configure_logs("info", "auto", stream)
    log.info("serving", pid=1)
    log.debug("quiet")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["pid"]) == ("serving", "info", 1)
    assert "timestamp" in line


def test_a_line_is_one_write(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers share stderr unbuffered, so half a line would meet another worker's."""
    written: list[str] = []
    monkeypatch.setattr(stream, "write", written.append)
    configure_logs("info", "json", stream).info("serving", pid=1)
    (line,) = written
    assert line.endswith("}\n")


def test_a_console_log_is_for_people(stream: io.StringIO) -> None:
    """The console form is no JSON but says the same."""
    configure_logs("info", "console", stream).info("serving", pid=1)
    assert "serving" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_librarys_record_loses_its_arguments(stream: io.StringIO) -> None:
    """A foreign warning is logged as its template; arguments and exception texts are dropped."""
    configure_logs("info", "json", stream)
    configure_logs("info", "json", stream)  # twice: one handler, not two
    try:
        {"a": 1}[CANARY]
    except KeyError:
        logging.getLogger("grpc").exception("failed on %s", CANARY)
    (line,) = lines(stream)
    assert (line["template"], line["error"]) == ("failed on %s", "KeyError")
    assert line["logger"] == "grpc"
    assert CANARY not in stream.getvalue()


async def test_an_unhandled_error_of_the_loop_is_logged_by_type(stream: io.StringIO) -> None:
    """The loop's own report of a lost exception names its type alone."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(LoopErrors(configure_logs("info", "json", stream)))
    loop.call_exception_handler({"message": CANARY, "exception": KeyError(CANARY)})
    (line,) = lines(stream)
    assert (line["event"], line["error"]) == ("unhandled_in_loop", "KeyError")
    assert CANARY not in stream.getvalue()


def test_the_value_of_an_unknown_key_is_withheld(stream: io.StringIO) -> None:
    """Whatever its type; a value of a known key is cut when it is long."""
    log = configure_logs("info", "json", stream)
    log.info("serving", query=CANARY, price=7391.5, how="x" * 10_000)
    (line,) = lines(stream)
    assert (line["query"], line["price"]) == (WITHHELD, WITHHELD)
    assert len(str(line["how"])) == MAX_CHARACTERS


def test_a_librarys_finished_text_is_told_by_its_place_alone(stream: io.StringIO) -> None:
    """A message without arguments may have been put together from anything."""
    configure_logs("info", "json", stream)
    logging.getLogger("grpc").warning(f"failed on {CANARY}")  # noqa: G004 -- what libraries do
    (line,) = lines(stream)
    assert line["template"] is None
    assert str(line["at"]).startswith("['test_logs:")
    assert CANARY not in stream.getvalue()


def test_a_line_names_the_call_that_it_is_about(stream: io.StringIO) -> None:
    """Inside a call lines carry its trace id and span id, outside none."""
    log = configure_logs("info", "json", stream)
    token = CALL_TRACE.set(CallTrace(0xABC, 0x12, sampled=False))
    log.info("serving")
    CALL_TRACE.reset(token)
    log.info("serving")
    inside, outside = lines(stream)
    assert inside["trace_id"] == f"{0xABC:032x}"
    assert inside["span_id"] == f"{0x12:016x}"
    assert "trace_id" not in outside


def test_an_event_gets_so_many_lines_a_minute(stream: io.StringIO) -> None:
    """The first line of the next minute tells how many were left out; other events have theirs."""
    clock = ManualClock()
    log = configure_logs("info", "json", stream, lines_per_minute=2, clock=clock)
    for _ in range(10):
        log.info("call_failed")
    log.info("serving")
    clock.advance_ns(60 * NS_PER_S)
    log.info("call_failed")
    told = [(line["event"], line.get("suppressed")) for line in lines(stream)]
    assert told == [
        ("call_failed", None),
        ("call_failed", None),
        ("serving", None),
        ("call_failed", 8),
    ]


def test_a_broken_collector_gets_one_line_a_minute(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever library complains, and however much: three lines in three minutes."""
    clock = ManualClock()
    configure_logs("info", "json", stream, clock=clock)
    loggers = [
        logging.getLogger(f"opentelemetry.{name}")
        for name in ("exporter.otlp.proto.grpc.exporter", "sdk._shared_internal")
    ] + [logging.getLogger("urllib3.connectionpool")]
    for logger in loggers:
        # Once imported, the SDK drops what it has said within 20 s; ours is the limit that counts.
        monkeypatch.setattr(logger, "filters", [])
    for second in range(180):
        loggers[second % 3].warning("Transient error %s, retrying in %.2fs", CANARY, 1.0)
        clock.advance_ns(NS_PER_S)
    assert [line["event"] for line in lines(stream)] == ["spans_not_sent"] * 3
    assert [line.get("suppressed") for line in lines(stream)] == [None, 59, 59]
    assert CANARY not in stream.getvalue()


def test_every_line_that_we_log_has_keys_of_the_catalogue() -> None:
    """All calls of our loggers in the source: the event is a literal, the keys are known."""
    found: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and _logs(call.func):
                assert not any(isinstance(part, ast.JoinedStr) for part in call.args), file
                found |= {keyword.arg or "**" for keyword in call.keywords}
    assert found - {"worker"} <= set(LOG_KEYS)
    added = {"event", "level", "timestamp", "trace_id", "span_id", "suppressed", "worker"}
    assert set(LOG_KEYS) - added <= found


def _logs(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return isinstance(function, ast.Name) and function.id == "tell"
    levels = {"debug", "info", "warning", "error", "log"}
    owner = ast.unparse(function.value)
    return function.attr in levels and owner in {"log", "self._log", "self.log"}
