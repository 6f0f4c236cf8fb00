"""Which event loop runs."""

from __future__ import annotations

import asyncio
import sys

import pytest
import uvloop

from ctr_service.errors import SettingsError
from ctr_service.loops import loop_factory


def test_each_choice_makes_its_loop() -> None:
    """Auto is uvloop where it is installed; each name makes what it says."""
    assert loop_factory("auto") is uvloop.new_event_loop
    assert loop_factory("uvloop") is uvloop.new_event_loop
    assert loop_factory("asyncio") is asyncio.new_event_loop


def test_without_uvloop_auto_takes_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be imported auto goes on without, and asking for it is a sentence."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory("auto") is asyncio.new_event_loop
    with pytest.raises(SettingsError, match="--event-loop uvloop"):
        loop_factory("uvloop")
