"""Claims of `ctr_service.backend.priority`."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ctr_service.backend.priority import GIVES_WAY_BY, give_way


def niceness() -> int:
    """This thread's."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority a thread")
def test_a_thread_gives_way_alone() -> None:
    """Its niceness rises; that of the thread that started it stays."""
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() == min(19, before + GIVES_WAY_BY)
    assert niceness() == before


def test_a_sandbox_that_forbids_it_costs_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses, the thread runs on as it was."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() == before
