"""Signals as an exception, so that whatever is under way is unwound in order."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt; the unwinding hears no second one.

    What is entered inside is stopped before the signals' former handlers are back.
    """

    def interrupt(_: int, __: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
