"""Logs hold what happened, never what was sent."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING

import pytest

from ctr_service.telemetry.logs import ForeignLogs, LoopErrors, configure_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-7391"


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
    log.info("serving", port=1)
    log.debug("quiet")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["port"]) == ("serving", "info", 1)
    assert "timestamp" in line


def test_a_line_is_one_write(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers share stderr unbuffered, so half a line would meet another worker's."""
    written: list[str] = []
    monkeypatch.setattr(stream, "write", written.append)
    configure_logs("info", "json", stream).info("serving", port=1)
    (line,) = written
    assert line.endswith("}\n")


def test_a_console_log_is_for_people(stream: io.StringIO) -> None:
    """The console form is no JSON but says the same."""
    configure_logs("info", "console", stream).info("serving", port=1)
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
