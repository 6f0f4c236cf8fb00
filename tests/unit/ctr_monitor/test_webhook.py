"""Alertmanager's webhook is read strictly, and bounded."""

from __future__ import annotations

import json

import pytest

from ctr_monitor.alerts.webhook import MAX_TEXT, parse
from ctr_monitor.errors import BadInputError
from tests.support.monitor_alerts import T0_MS, notification, webhook, wire_alert


def test_a_webhook_is_read() -> None:
    """Names, times, labels and the group's key arrive; a firing alert has no end."""
    read = notification(
        wire_alert(labels={"slo": "latency"}), wire_alert("Other", ends_ms=T0_MS + 5000), group="g"
    )
    firing, resolved = read.alerts
    assert (read.group_key, read.firing) == ("g", True)
    assert (firing.name, firing.status, firing.ends_ms) == ("CtrLatencyBurn", "firing", None)
    assert firing.labels["slo"] == "latency"
    assert (firing.starts_ms, resolved.ends_ms) == (T0_MS, T0_MS + 5000)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "the body"),
        (b"[]", "the body"),
        (b'{"version": "3", "groupKey": "g", "alerts": []}', "version"),
        (b'{"version": "4", "alerts": []}', "groupKey"),
        (webhook(), "alerts"),
        (webhook({**wire_alert(), "startsAt": "yesterday"}), "alerts.0.startsAt"),
        (webhook({**wire_alert(), "labels": {"alertname": 3}}), "alerts.0.labels.alertname"),
        (webhook({**wire_alert(), "fingerprint": ""}), "alerts.0.fingerprint"),
        (webhook(*[wire_alert()] * 1001), "alerts"),
    ],
)
def test_what_is_no_webhook_is_refused_by_field(body: bytes, named: str) -> None:
    """The error names the field that is wrong."""
    with pytest.raises(BadInputError, match=named):
        parse(body)


def test_an_error_repeats_nothing_that_was_sent() -> None:
    """A refused body's values are not in the message, which may reach a log."""
    body = json.loads(webhook(wire_alert()))
    body["alerts"][0]["status"] = "secret-value"
    with pytest.raises(BadInputError) as error:
        parse(json.dumps(body).encode())
    assert "secret-value" not in str(error.value)


def test_long_texts_are_cut() -> None:
    """Labels and annotations beyond the bound end with an ellipsis."""
    read = notification(wire_alert(annotations={"description": "x" * 5000}))
    text = read.alerts[0].annotations["description"]
    assert len(text) == MAX_TEXT
    assert text.endswith("…")
