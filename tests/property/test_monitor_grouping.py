"""Laws of merging alerts, for any sequence of webhooks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr_monitor.alerts.grouping import merged, summed_up
from ctr_monitor.model import Alert


def _alert(fingerprint: str, starts_ms: int, lasted_ms: int | None) -> Alert:
    return Alert(
        fingerprint=fingerprint,
        name=fingerprint,
        status="firing" if lasted_ms is None else "resolved",
        labels={"alertname": fingerprint},
        annotations={},
        starts_ms=starts_ms,
        ends_ms=None if lasted_ms is None else starts_ms + lasted_ms,
    )


alerts = st.builds(
    _alert, st.sampled_from("abc"), st.integers(0, 20), st.none() | st.integers(0, 10)
)
batches = st.lists(st.lists(alerts, max_size=4), max_size=8)


def _all(sequence: list[list[Alert]]) -> tuple[Alert, ...]:
    state: tuple[Alert, ...] = ()
    for batch in sequence:
        state = merged(state, batch)
    return state


@given(batches)
def test_a_repeated_webhook_changes_nothing(sequence: list[list[Alert]]) -> None:
    """Whatever came before, the last webhook once more leaves all as it is."""
    state = _all(sequence)
    assert merged(state, sequence[-1] if sequence else []) == state


@given(batches)
def test_each_alert_is_there_once(sequence: list[list[Alert]]) -> None:
    """One entry a fingerprint, none lost, in a fixed order."""
    state = _all(sequence)
    prints = [alert.fingerprint for alert in state]
    assert set(prints) == {alert.fingerprint for batch in sequence for alert in batch}
    assert len(set(prints)) == len(prints)
    assert list(state) == sorted(state, key=lambda a: (a.starts_ms, a.fingerprint))


@given(batches)
def test_the_sum_agrees_with_the_parts(sequence: list[list[Alert]]) -> None:
    """Firing exactly while an alert fires; an end only without one, and after the start."""
    state = _all(sequence)
    if not state:
        return
    summary = summed_up(state)
    assert (summary.state == "firing") == any(alert.status == "firing" for alert in state)
    assert (summary.resolved_ms is None) == (summary.state == "firing")
    assert summary.resolved_ms is None or summary.resolved_ms >= summary.started_ms
