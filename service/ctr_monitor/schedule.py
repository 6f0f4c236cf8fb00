"""When an incident is looked at again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ctr_monitor.clock import MS_PER_S


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """How patient.

    Attributes:
        again_s: after a whole report of an incident that still fires, in turn: what follows from
            the fault shows later than the fault.
        retry_s: after the first report that lacks something; doubles each time.
        retry_most_s: at most so long.
        attempts: so many reports that lack something, in a row, and no more.
    """

    again_s: tuple[float, ...] = (60.0, 240.0)
    retry_s: float = 5.0
    retry_most_s: float = 300.0
    attempts: int = 60


@dataclass(frozen=True, slots=True)
class Next:
    """When to look again (None: not), and the counts to keep."""

    due_ms: int | None
    attempts: int
    looks: int


def next_look(  # noqa: PLR0913 -- every count that the next step depends on
    settings: ScheduleSettings, *, now_ms: int, whole: bool, firing: bool, attempts: int, looks: int
) -> Next:
    """Return what follows on an investigation.

    Args:
        settings: how patient.
        now_ms: the time it ended.
        whole: whether it lacked nothing.
        firing: whether the incident still fires.
        attempts: of before, that lacked something, in a row.
        looks: of before, that lacked nothing.
    """
    if not whole:
        attempts += 1
        if attempts >= settings.attempts:
            return Next(None, attempts, looks)
        # The exponent is bounded: 2 ** 60 seconds is no number to multiply with.
        wait_s = min(settings.retry_s * 2 ** min(attempts - 1, 20), settings.retry_most_s)
        return Next(now_ms + round(wait_s * MS_PER_S), attempts, looks)
    if firing and looks < len(settings.again_s):
        return Next(now_ms + round(settings.again_s[looks] * MS_PER_S), 0, looks + 1)
    return Next(None, 0, looks + 1)
