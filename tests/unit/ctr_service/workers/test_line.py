"""The line between supervisor and worker."""

from __future__ import annotations

import socket
import threading

import pytest

from ctr_service.workers.line import (
    REASON_CHARACTERS,
    Alive,
    Event,
    Refused,
    Serving,
    WorkerEnd,
    decode,
    encode,
)


@pytest.mark.parametrize("event", [Serving(8501), Serving(None), Alive(), Refused("no\n'bundle'")])
def test_an_event_is_one_line_and_comes_back(event: Event) -> None:
    """What the worker says is what the supervisor hears, one line each."""
    line = encode(event)
    assert line.count(b"\n") == 1
    assert decode(line) == event


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"x\n", b'{"event": "serving"}\n'])
def test_what_is_no_event_is_refused(line: bytes) -> None:
    """A worker of another release is found out, not guessed at."""
    with pytest.raises(ValueError, match=r"no event|Expecting value"):
        decode(line)


def test_a_long_sentence_is_cut() -> None:
    """A reason fits the line that the supervisor reads."""
    event = decode(encode(Refused("x" * 100_000)))
    assert event == Refused("x" * REASON_CHARACTERS)


def test_telling_never_waits() -> None:
    """A supervisor that reads nothing, or is gone, does not hold up the worker."""
    ours, theirs = socket.socketpair()
    with theirs:
        end = WorkerEnd(theirs)
        with ours:
            for _ in range(100_000):  # far beyond what the socket holds
                end.tell(Alive())
        end.tell(Alive())


@pytest.mark.parametrize("how", ["shut", "closed"])
def test_a_supervisor_that_hangs_up_is_heard_and_outlasted(how: str) -> None:
    """The worker is asked to stop; when its patience is over the process ends."""
    ours, theirs = socket.socketpair()
    heard, ended = threading.Event(), threading.Event()
    codes: list[int] = []

    def exit_now(code: int) -> None:
        codes.append(code)
        ended.set()

    with ours, theirs:
        thread = WorkerEnd(theirs, exit_now).watch(heard.set, patience_s=0.01)
        assert not heard.is_set()
        ours.shutdown(socket.SHUT_WR) if how == "shut" else ours.close()
        assert heard.wait(10)
        assert ended.wait(10)
        thread.join(10)
    assert codes == [1]
