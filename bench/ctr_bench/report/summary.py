"""What the whole page says first: the answer, and what to be wary of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctr_bench.report.view import Banner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.report.view import Section

DECIDING = ("plan", "sweep")
"""Kinds whose lead is an answer in itself."""


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
    answers = [(s.key, s.lead) for s in sections if s.kind in DECIDING and s.lead]
    banners = [
        (section.key, Banner(banner.level, f"{section.title}: {banner.text}"))
        for section in sections
        for banner in section.banners
        if banner.level == "bad"
    ]
    if (count := len(fingerprints(sections))) > 1:
        text = (
            f"The files were measured under {count} different fingerprints (machine, versions, "
            "bundle): compare figures only within one; they are listed at the end."
        )
        banners.insert(0, ("about-fingerprints", Banner("warn", text)))
    return Summary(answers, banners)


def fingerprints(sections: Sequence[Section]) -> list[Machine]:
    """Return each distinct fingerprint once."""
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for section in sections:
        if section.fingerprint:
            key = json.dumps(section.fingerprint, sort_keys=True)
            found.setdefault(key, (section.fingerprint, []))[1].append(section.title)
    return [Machine(facts, titles) for facts, titles in found.values()]
