"""Stop signals, sent to this very process."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from structlog.testing import CapturingLogger

from ctr_service.server.signals import STOP_SIGNALS, StopSignals


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_the_first_asks_and_the_second_ends(number: signal.Signals) -> None:
    """One signal asks for a stop, the next ends the process with 128 + its number."""
    ended: list[int] = []
    done = asyncio.Event()

    def exit_now(code: int) -> None:
        ended.append(code)
        done.set()

    with StopSignals(CapturingLogger(), exit_now) as signals:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(signals.asked(), 5)
        assert ended == []
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(done.wait(), 5)
    assert ended == [128 + signal.SIGTERM]


async def test_an_asking_without_a_signal_is_not_the_first_signal() -> None:
    """After `ask` one signal changes nothing, and only a second one ends the process."""
    ended: list[int] = []
    done = asyncio.Event()

    def exit_now(code: int) -> None:
        ended.append(code)
        done.set()

    log = CapturingLogger()
    with StopSignals(log, exit_now) as signals:
        signals.ask()
        await asyncio.wait_for(signals.asked(), 5)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            before = len(log.calls)
            async with asyncio.timeout(5):
                while len(log.calls) == before:  # noqa: ASYNC110 -- the kernel says when
                    await asyncio.sleep(0)
        await asyncio.wait_for(done.wait(), 5)
    assert [call.args for call in log.calls] == [("asked_to_stop",), ("stopped_at_once",)]
    assert ended == [128 + signal.SIGTERM]


async def test_signals_mean_what_they_did_before_afterwards() -> None:
    """Leaving the context removes the handlers."""
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(CapturingLogger(), lambda _: None):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
