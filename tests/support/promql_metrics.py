"""Which series PromQL asks for, found by a real parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILDREN = ("lhs", "rhs", "expr", "param", "vector_selector")


@dataclass(frozen=True, slots=True)
class Asked:
    """A selector: the metric and the labels that it matches on."""

    metric: str
    labels: frozenset[str]


def asked(expr: str) -> set[Asked]:
    """Return every selector of an expression.

    Raises:
        ValueError: it is no PromQL.
    """
    plain = expr.replace("$__rate_interval", "5m")
    return set(_walk(promql_parser.parse(plain)))


def promql_blocks(markdown: str) -> list[str]:
    """Return the lines of a page's PromQL blocks, an expression each."""
    blocks = re.findall(r"^ *```promql\n(.*?)^ *```", markdown, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def _walk(node: Any) -> Iterator[Asked]:  # noqa: ANN401 -- the parser's nodes share no type
    if isinstance(node, promql_parser.VectorSelector):
        yield Asked(str(node.name), frozenset(m.name for m in node.matchers.matchers))
        return
    for name in CHILDREN:
        if (child := getattr(node, name, None)) is not None:
            yield from _walk(child)
    for argument in getattr(node, "args", ()) or ():
        yield from _walk(argument)
