"""Our histogram says what the library's would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as Library
from prometheus_client.openmetrics import exposition

from ctr_service.telemetry.histogram import Histogram
from ctr_service.telemetry.names import Kind, Metric

BOUNDS = (0.0, 0.1, 1.0, 5.0)


@pytest.fixture(autouse=True)
def _without_times_of_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prometheus_client.metrics._use_created", False)


def page(registry: CollectorRegistry) -> bytes:
    """The OpenMetrics text."""
    raw: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call]  # -- untyped library
    return raw


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from((*BOUNDS, -1.0, 0.5, 9.0)))))
def test_the_page_is_the_librarys(values: list[tuple[str, float]]) -> None:
    """To the byte, for values on, below and beyond all bounds, with labels and without."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    labelled, plain = (
        Metric("x_seconds", Kind.HISTOGRAM, "", "X.", ("label",), BOUNDS),
        Metric("y_seconds", Kind.HISTOGRAM, "", "Y.", (), BOUNDS),
    )
    mine = Histogram(labelled), Histogram(plain)
    for one in mine:
        ours.register(one)
    library = (
        Library("x_seconds", "X.", ("label",), buckets=BOUNDS, registry=theirs),
        Library("y_seconds", "Y.", buckets=BOUNDS, registry=theirs),
    )
    for label, value in values:
        mine[0].labels(label).observe(value)
        mine[1].observe(value)
        library[0].labels(label).observe(value)
        library[1].observe(value)
    assert page(ours) == page(theirs)
