"""From alerts to windows, from series to an onset, readings and changes."""

from __future__ import annotations

import pytest

from ctr_monitor.around.changes import find_changes
from ctr_monitor.around.onset import find_onset
from ctr_monitor.around.questions import BY_KEY, QUESTIONS
from ctr_monitor.around.readings import read
from ctr_monitor.around.windows import LookSettings, Span, longest_window_s, span_of
from ctr_monitor.model import Alert, Line, Panel
from tests.support.monitor_alerts import T0_MS, notification, wire_alert

MINUTE_MS = 60_000
SPAN = Span(
    from_ms=T0_MS - 120 * MINUTE_MS,
    calm_until_ms=T0_MS - 60 * MINUTE_MS,
    alert_ms=T0_MS,
    until_ms=T0_MS + 5 * MINUTE_MS,
    step_s=60,
    rate_s=60,
)
MINUTES = range(-120, 6)


def panel(key: str, *lines: dict[int, float], calm: float | None, **labels: str) -> Panel:
    """A panel whose lines are `calm`, but what is given from a minute on."""
    made = []
    for index, steps in enumerate(lines or ({},)):
        value, points = calm, []
        for minute in MINUTES:
            value = steps.get(minute, value)
            points.append((T0_MS + minute * MINUTE_MS, value))
        made.append(Line(labels=labels | {"n": str(index)}, points=tuple(points)))
    return Panel(key=key, title=key, unit=BY_KEY[key].unit, lines=tuple(made))


def alerts(**labels: str) -> tuple[Alert, ...]:
    """One alert at T0."""
    return notification(wire_alert(labels=labels)).alerts


@pytest.mark.parametrize(
    ("label", "seconds"),
    [("1h", 3600), ("1h+5m", 3600), ("30m/6h", 21_600), ("20s+5s", 20), ("", None), ("fast", None)],
)
def test_windows_are_read_from_the_label(label: str, seconds: int | None) -> None:
    """The longest duration of a label counts; a label without one says nothing."""
    assert longest_window_s(label) == seconds


def test_as_much_calm_as_the_window_is_looked_at() -> None:
    """An alert over an hour may be of a fault an hour old: the hour before that is calm."""
    span = span_of(alerts(window="1h"), T0_MS + 60_000, LookSettings())
    assert (T0_MS - span.calm_until_ms, span.calm_until_ms - span.from_ms) == (3.6e6, 3.6e6)
    assert span.until_ms == T0_MS + 60_000
    assert (span.until_ms - span.from_ms) / 1000 / span.step_s <= 240
    assert span.rate_s >= 60


def test_without_a_window_the_setting_counts() -> None:
    """Signals have no window; a setting says how far to look."""
    span = span_of(alerts(), T0_MS, LookSettings(window_s=20, rate_s=5))
    assert (T0_MS - span.from_ms, span.rate_s, span.step_s) == (40_000, 5, 1)


def test_a_drill_shortens_the_windows_that_labels_name() -> None:
    """Its rules keep the nominal names; the window in force is never below the rate's."""
    drill = LookSettings(window_s=9, rate_s=4, scale=0.005)
    hour, minutes = (span_of(alerts(window=name), T0_MS, drill) for name in ("1h", "5m"))
    assert (T0_MS - hour.calm_until_ms, T0_MS - hour.from_ms) == (18_000, 36_000)
    assert T0_MS - minutes.calm_until_ms == 4_000


def test_the_onset_is_where_the_signal_left_its_range() -> None:
    """The own signal's step, 20 minutes before the alert, is found to the sample."""
    panels = {"latency_p99": panel("latency_p99", {-20: 400.0}, calm=40.0)}
    onset = find_onset(alerts(slo="latency"), panels, SPAN)
    assert (onset.seen, onset.at_ms) == (True, T0_MS - 20 * MINUTE_MS)


def test_one_peak_is_no_onset() -> None:
    """A minute's peak long before the fault does not count: the departure must stay."""
    peak = {-50: 900.0, -49: 40.0, -10: 400.0}
    panels = {"latency_p99": panel("latency_p99", peak, calm=40.0)}
    assert find_onset(alerts(slo="latency"), panels, SPAN).at_ms == T0_MS - 10 * MINUTE_MS


def test_a_signal_that_does_not_show_it_falls_back_to_the_others() -> None:
    """Where the alert's own signal is missing, the earliest main signal tells."""
    panels = {"replicas_up": panel("replicas_up", {-5: 2.0}, calm=3.0)}
    onset = find_onset(alerts(slo="latency"), panels, SPAN)
    assert (onset.seen, onset.at_ms) == (True, T0_MS - 5 * MINUTE_MS)


def test_without_series_the_onset_is_an_estimate() -> None:
    """Nothing to see: a rate window before the alert, and marked as not seen."""
    onset = find_onset(alerts(slo="latency"), {}, SPAN)
    assert (onset.seen, onset.at_ms) == (False, T0_MS - MINUTE_MS)


def test_a_reading_is_the_usual_and_the_worst() -> None:
    """Up is worse for latency, down for hits; a recovery does not dilute the worst."""
    panels = [
        panel("latency_p99", {-20: 400.0, 3: 40.0}, calm=40.0),
        panel("score_hit_share", {-20: 0.1}, calm=0.6),
        panel("replicas_up", {-20: 2.0}, calm=3.0),
    ]
    found = {r.key: (r.before, r.during) for r in read(panels, T0_MS - 20 * MINUTE_MS)}
    assert found == {
        "latency_p99": (40.0, 400.0),
        "score_hit_share": (0.6, 0.1),
        "replicas_up": (3.0, 2.0),
    }


def test_changes_are_found_and_told_in_order() -> None:
    """A model that came, one that went, replicas lost, a limit moved, a restart."""
    old = Line(
        labels={"version": "v1", "graph": "g", "manifest_sha256": "a" * 64},
        points=tuple((T0_MS + m * MINUTE_MS, 1.0 if m < -5 else None) for m in MINUTES),
    )
    new = Line(
        labels={"version": "v2", "graph": "g", "manifest_sha256": "b" * 64},
        points=tuple((T0_MS + m * MINUTE_MS, 1.0 if m >= -8 else None) for m in MINUTES),
    )
    panels = {
        "models": Panel(key="models", title="", unit="count", lines=(old, new)),
        "replicas_up": panel("replicas_up", {-4: 2.0}, calm=3.0),
        "queue_limit_tokens": panel("queue_limit_tokens", {-8: 64.0}, calm=8192.0),
        "restarts": panel("restarts", {-7: 1.0, -6: 0.0}, calm=0.0),
    }
    found = find_changes(
        panels, from_ms=SPAN.from_ms, onset_ms=T0_MS - 5 * MINUTE_MS, until_ms=T0_MS
    )
    assert [(change.kind, change.text) for change in found] == [
        ("config", "limit of the queue, tokens: 8192 to 64"),
        ("model", "model v2, g, manifest bbbbbbbbbbbb appeared"),
        ("restart", "a process of a gateway started"),
        ("model", "model v1, g, manifest aaaaaaaaaaaa went away"),
        ("replicas", "gateways scraped: 3 to 2"),
    ]


def test_what_changed_long_before_is_left_out() -> None:
    """Half an hour before the onset is as far back as a cause is looked for."""
    panels = {"replicas_up": panel("replicas_up", {-60: 2.0}, calm=3.0)}
    assert not find_changes(
        panels, from_ms=SPAN.from_ms, onset_ms=T0_MS - 5 * MINUTE_MS, until_ms=T0_MS
    )


def test_every_question_is_whole() -> None:
    """No question leaves a placeholder in its query, and keys are unique."""
    assert len(BY_KEY) == len(QUESTIONS)
    for question in QUESTIONS:
        text = question.text(job="ctr-service", rate_s=60)
        assert "$" not in text
        assert 'job="ctr-service"' in text
        assert text.count("(") == text.count(")")
