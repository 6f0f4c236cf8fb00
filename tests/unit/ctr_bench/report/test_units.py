"""Values as people read them: no loss rounded away, no endless one made finite."""

from __future__ import annotations

import pytest

from ctr_bench.report import tables, units


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "endless"), (float("inf"), "endless"), (17.0, "17.0 ms"), (1234.6, "1,235 ms")],
)
def test_latencies(value: float | None, text: str) -> None:
    """Three digits, and a word where there is no such time."""
    assert units.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.99996, "99.996 %"), (0.9999999, "99.999 %"), (0.0, "0 %")],
)
def test_a_share_below_one_is_never_a_hundred_percent(value: float, text: str) -> None:
    """One failure in a million still shows."""
    assert units.share(value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("goodput_pairs_s", "goodput pairs/s"),
        ("p99_ms", "p99, ms"),
        ("rss_bytes", "rss"),
        ("bound_ratio", "bound ratio"),
        ("fingerprint.memory_bytes", "fingerprint.memory"),
    ],
)
def test_names_end_with_their_unit(name: str, text: str) -> None:
    """A field's ending is written as a unit."""
    assert units.spaced(name) == text


def test_the_figures_of_any_bench_become_tables() -> None:
    """Median and spread, lists of objects as rows, the rest as facts; bytes in large units."""
    content = {
        "ratio": 0.985,
        "ratio_spread": [0.97, 0.99],
        "rss_bytes": 3 * 2**20,
        "nested": {"a": {"b": True}},
        "rows": [{"x": 1, "y": 2.5}, {"x": 2}],
        "long": list(range(1_000)),
    }
    figures = tables.medians(content)
    assert figures is not None
    assert figures.rows == [("ratio", "0.985", "0.97 to 0.99")]
    facts, rows = tables.unknown(tables.others(content))
    assert facts.rows == [("rss", "3 MiB"), ("nested.a.b", "yes")]
    assert (rows.title, rows.columns) == ("rows", ["x", "y"])
    assert rows.rows[0] == ["1", "2.5"]
