"""What the whole page says first: the answer, and what to be wary of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_bench.report import tables
from ctr_bench.report.units import spaced
from ctr_bench.report.view import Banner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.report.view import Section

MAX_RUNS = 3
"""More runs are a table's matter, not a head's."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of the page.

    Attributes:
        answers: sentences of the sections that decide, with the section's key.
        banners: what holds for the page, and the serious ones of its sections.
    """

    answers: Sequence[tuple[str, str]]
    banners: Sequence[tuple[str, Banner]]


@dataclass(frozen=True, slots=True)
class Machine:
    """A fingerprint, and the titles of the sections that have it."""

    facts: Mapping[str, Any]
    titles: Sequence[str]


def summary(sections: Sequence[Section]) -> Summary:
    """Gather the answers and the warnings."""
    answers = [(s.key, s.answer) for s in sections if s.answer and s.kind != "run"]
    runs = [(s.key, s.answer) for s in sections if s.answer and s.kind == "run"]
    if len(runs) <= MAX_RUNS:
        answers += runs
    banners = [
        (section.key, Banner(banner.level, f"{section.title}: {banner.text}"))
        for section in sections
        for banner in section.banners
        if banner.level == "bad"
    ]
    if fields := differing(sections):
        text = (
            "The files were not measured under the same conditions, so do not set their figures "
            f"against each other. What differs: {', '.join(map(spaced, fields))}."
        )
        banners.insert(0, ("about-fingerprints", Banner("warn", text)))
    return Summary(answers, banners)


def differing(sections: Sequence[Section]) -> list[str]:
    """Return the fields of the fingerprints that two sections have with different values."""
    known: dict[str, str] = {}
    found: dict[str, None] = {}
    for section in sections:
        for name, value in tables.flat(section.fingerprint):
            if known.setdefault(name, str(value)) != str(value):
                found[name] = None
    return list(found)


def fingerprints(sections: Sequence[Section]) -> list[Machine]:
    """Return each distinct fingerprint once."""
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for section in sections:
        if section.fingerprint:
            key = json.dumps(section.fingerprint, sort_keys=True)
            found.setdefault(key, (section.fingerprint, []))[1].append(section.title)
    return [Machine(facts, titles) for facts, titles in found.values()]
