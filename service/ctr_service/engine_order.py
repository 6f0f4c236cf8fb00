"""What an engine is opened for, and with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ctr_service.backend.triton_observer import TritonObserver
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.clock import Clock
    from ctr_service.plan import ServingPlan
    from ctr_service.settings import Settings


@dataclass(frozen=True, slots=True)
class EngineOrder:
    """One engine.

    Attributes:
        settings, bundle, plan: what shall serve.
        clock: deadlines are absolute on it.
        sleep: of whatever watches in the background.
        random: numbers in [0, 1), for jitter.
        observer: hears about servers elsewhere.
    """

    settings: Settings
    bundle: Bundle
    plan: ServingPlan
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    observer: TritonObserver
