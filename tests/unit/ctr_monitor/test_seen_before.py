"""Similar incidents of the past, and what was learnt of them."""

from __future__ import annotations

from ctr_monitor.model import Incident, Resolution
from ctr_monitor.seen_before import likeness, seen_before, traits
from tests.support.monitor_alerts import T0_MS, notification, wire_alert


def incident(number: int, *suspects: str, alert: str = "CtrShedBurn", note: str = "") -> Incident:
    """An incident with these suspects."""
    return Incident(
        id=number,
        group_key="g",
        state="resolved",
        severity="page",
        title=alert,
        started_ms=T0_MS,
        resolved_ms=T0_MS + 600_000,
        reopened=0,
        notifications=1,
        suspect_keys=suspects,
        alerts=notification(wire_alert(alert)).alerts,
        resolution=Resolution(note=note, cause="", by="a", at_ms=T0_MS, minutes=None)
        if note
        else None,
    )


def test_the_same_cause_is_found() -> None:
    """An incident with the same first suspect and alert is alike; another one is not."""
    now = incident(9, "redis_lost", alert="CtrRemoteCacheBreakerOpen")
    past = [
        incident(1, "redis_lost", alert="CtrRemoteCacheBreakerOpen"),
        incident(2, "overload"),
    ]
    assert [alike.incident.id for alike in seen_before(now, past)] == [1]


def test_the_cause_that_a_person_named_counts_more_than_a_suspicion() -> None:
    """Suspected as overload, known to be Redis: it is found by Redis."""
    was = incident(1, "overload")
    learnt = Resolution(note="n", cause="redis_lost", by="a", at_ms=1, minutes=None)
    was = was.model_copy(update={"resolution": learnt})
    assert seen_before(incident(9, "redis_lost"), [was])[0].incident.id == 1


def test_of_alike_ones_those_with_a_note_come_first() -> None:
    """A note helps; that it happened does not."""
    past = [incident(n, "overload", note="scaled up" if n == 2 else "") for n in range(1, 4)]
    assert seen_before(incident(9, "overload"), past)[0].incident.id == 2


def test_only_earlier_ones_count() -> None:
    """An incident is not like itself, nor like one that came later."""
    now = incident(5, "overload")
    assert not seen_before(now, [now, incident(6, "overload")])


def test_likeness_is_a_share() -> None:
    """The same traits give 1, none in common 0."""
    one, other = traits(incident(1, "overload")), traits(incident(2, "redis_lost", alert="X"))
    assert likeness(one, one) == 1.0
    assert 0.0 <= likeness(one, other) < 0.3
    assert likeness({}, {}) == 0.0
