"""The kinds of clues. A clue looks at evidence and says one sentence, or nothing.

A clue is silent when what it needs is missing. Each is a small table entry: what to look at, from
where on it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ctr_monitor.around.questions import BY_KEY
from ctr_monitor.model import Finding
from ctr_monitor.units import told

if TYPE_CHECKING:
    from ctr_monitor.model import Reading
    from ctr_monitor.suspects.evidence import Evidence, TraceFacts

Clue = Callable[["Evidence"], Finding | None]
DOMINATES = 0.5
"""A stage that takes this share of the slow traces' time is where they wait."""


def rose(key: str, ratio: float, least: float) -> Clue:
    """A series at least `ratio` times its usual value, and at least `least` above it."""

    def look(evidence: Evidence) -> Finding | None:
        grown = [r for r in evidence.of(key) if _grew(r, ratio, least)]
        worst = max(grown, key=lambda r: (r.during or 0.0) - (r.before or 0.0), default=None)
        return None if worst is None else _moved(worst, "rose")

    return look


def steady(key: str, ratio: float) -> Clue:
    """A series that is known before and during and did not grow by `ratio`."""

    def look(evidence: Evidence) -> Finding | None:
        known = [r for r in evidence.of(key) if r.before is not None and r.during is not None]
        if not known or any(_grew(r, ratio, 0.0) for r in known):
            return None
        return _moved(known[0], "did not grow:")

    return look


def fell(key: str, ratio: float, least: float) -> Clue:
    """A series at most `ratio` of its usual value, and at least `least` below it; or gone."""

    def look(evidence: Evidence) -> Finding | None:
        for reading in evidence.of(key):
            if reading.before is None:
                continue
            during = reading.during or 0.0
            if during <= ratio * reading.before and reading.before - during >= least:
                return _moved(reading, "fell")
        return None

    return look


def above(key: str, bound: float, **labels: str) -> Clue:
    """A series above a bound, whatever its usual value."""

    def look(evidence: Evidence) -> Finding | None:
        reached = [
            reading
            for reading in evidence.of(key)
            if reading.during is not None
            and reading.during > bound
            and labels.items() <= reading.labels.items()
        ]
        worst = max(reached, key=lambda r: r.during or 0.0, default=None)
        if worst is None:
            return None
        usual = "" if worst.before is None else f", usually {_value(worst.before, key)}"
        return Finding(text=f"{_what(worst)} is {_value(worst.during, key)}{usual}", panel=key)

    return look


def below(key: str, bound: float) -> Clue:
    """A series at or below a bound."""

    def look(evidence: Evidence) -> Finding | None:
        for reading in evidence.of(key):
            if reading.during is not None and reading.during <= bound:
                return Finding(text=f"{_what(reading)} is {_value(reading.during, key)}", panel=key)
        return None

    return look


def stands_out(key: str, ratio: float, least: float) -> Clue:
    """One of several series is `ratio` times every other one, and at least `least`."""

    def look(evidence: Evidence) -> Finding | None:
        known = sorted(
            (r for r in evidence.of(key) if r.during is not None),
            key=lambda r: r.during or 0.0,
            reverse=True,
        )
        if len(known) < 2:  # noqa: PLR2004 -- one alone stands out from nobody
            return None
        first, second = known[0].during or 0.0, known[1].during or 0.0
        if first < least or first < ratio * second:
            return None
        others = f"the next has {_value(second, key)}"
        return Finding(text=f"{_what(known[0])} is {_value(first, key)}, {others}", panel=key)

    return look


def outgrew(key: str, share: float, ratio: float, least: float) -> Clue:
    """One of several series made up `share` of all growth, and grew by `ratio` itself."""

    def look(evidence: Evidence) -> Finding | None:
        readings = [r for r in evidence.of(key) if r.during is not None]
        growth = {id(r): (r.during or 0.0) - (r.before or 0.0) for r in readings}
        whole = sum(value for value in growth.values() if value > 0)
        top = max(readings, key=lambda r: growth[id(r)], default=None)
        if top is None or len(readings) < 2 or whole <= 0:  # noqa: PLR2004 -- of several
            return None
        part = growth[id(top)] / whole
        if part < share or not _grew(top, ratio, least):
            return None
        text = f"{_moved(top, 'rose').text}, {part:.0%} of all growth"
        return Finding(text=text, panel=key)

    return look


def fired(*names: str) -> Clue:
    """One of these alerts fired."""

    def look(evidence: Evidence) -> Finding | None:
        found = sorted(evidence.alerts & set(names))
        return Finding(text=f"alert {found[0]} fired") if found else None

    return look


def changed(kind: str, word: str = "") -> Clue:
    """Something of a kind became different around the onset; `word` occurs in what is said."""

    def look(evidence: Evidence) -> Finding | None:
        for change in evidence.changes:
            if change.kind == kind and word in change.text:
                return Finding(text=f"around the onset: {change.text}")
        return None

    return look


def waits_in(*stages: str) -> Clue:
    """The slow traces spend most of their time in one of these stages."""
    return _most(stages, lambda f: f.stage_share, lambda f: f.slow, "of slow traces' time is {}")


def fails_in(*stages: str) -> Clue:
    """Most failed traces failed in one of these stages."""
    return _most(
        stages, lambda f: f.failed_stage_share, lambda f: f.failed, "of failed traces fail in {}"
    )


def reason(*names: str) -> Clue:
    """Most failed traces give one of these reasons."""
    return _most(names, lambda f: f.reason_share, lambda f: f.failed, "of failed traces say {}")


def _most(
    names: Sequence[str],
    shares: Callable[[TraceFacts], Mapping[str, float]],
    count: Callable[[TraceFacts], int],
    text: str,
) -> Clue:
    """One of these has at least `DOMINATES` of the traces, or of their time."""

    def look(evidence: Evidence) -> Finding | None:
        facts = evidence.traces
        for name in names:
            share = shares(facts).get(name, 0.0)
            if count(facts) and share >= DOMINATES:
                said = f"{share:.0%} {text.format(name)} ({count(facts)} traces)"
                return Finding(text=said)
        return None

    return look


def _grew(reading: Reading, ratio: float, least: float) -> bool:
    if reading.during is None:
        return False
    before = reading.before or 0.0
    return reading.during >= ratio * before and reading.during - before >= max(least, 1e-12)


def _moved(reading: Reading, verb: str) -> Finding:
    before, during = (_value(v, reading.key) for v in (reading.before, reading.during))
    text = (
        f"{_what(reading)} {verb} {'from ' if verb != 'did not grow:' else ''}{before} to {during}"
    )
    return Finding(text=text, panel=reading.key)


def _what(reading: Reading) -> str:
    question = BY_KEY[reading.key]
    told_labels = [reading.labels.get(name, "") or "none" for name in question.by]
    return question.title + (f" ({', '.join(told_labels)})" if told_labels else "")


def _value(value: float | None, key: str) -> str:
    return told(value, BY_KEY[key].unit)
