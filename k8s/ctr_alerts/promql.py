"""Small pieces of PromQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SPAN_NAME = r"^[\w.]+/\w+$"
"""package.Service/Method, as gRPC has it."""


def any_of(values: Iterable[str]) -> str:
    """Return a regular expression that matches exactly these names.

    A name has no other special character than the dot. It becomes a class, not a backslash, which
    PromQL's strings would want doubled.
    """
    return "|".join(value.replace(".", "[.]") for value in values)


def bound(value: float) -> str:
    """Return a matcher of `le`: prometheus_client writes `100.0`, the Collector `100`."""
    return f'le=~"{value:g}([.]0)?"' if float(value).is_integer() else f'le="{value:g}"'


def select(metric: str, *matchers: str) -> str:
    """Return a selector."""
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def joined(*lines: str) -> str:
    """Return an expression of several lines."""
    return "\n".join(lines)
