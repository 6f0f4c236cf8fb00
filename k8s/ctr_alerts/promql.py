"""Small pieces of PromQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_META = re.compile(r"([.+*?^$|()\[\]{}])")


def any_of(values: Iterable[str]) -> str:
    """Return a regular expression that matches exactly these values.

    A character class instead of a backslash, which PromQL's strings would want doubled.
    """
    return "|".join(_META.sub(r"[\1]", value) for value in values)


def bound(value: float) -> str:
    """Return a matcher of `le`: prometheus_client writes `100.0`, the Collector `100`."""
    whole = any_of([f"{value:g}"])
    return f'le=~"{whole}([.]0)?"' if float(value).is_integer() else f'le="{value:g}"'


def select(metric: str, *matchers: str) -> str:
    """Return a selector."""
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def joined(*lines: str) -> str:
    """Return an expression of several lines."""
    return "\n".join(lines)
