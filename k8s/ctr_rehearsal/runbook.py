"""A runbook's commands, read from its Markdown as they stand there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = "```"
SHELL = "sh"
_HEADING = re.compile(r"^##\s+(?P<title>.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the section's title, its line in the file, and its text."""

    section: str
    line: int
    text: str


def read_blocks(markdown: str) -> tuple[Block, ...]:
    """Return all shell blocks in their order.

    Raises:
        ValueError: a block does not end, or is of no stated language: whether it is a command must
            be known.
    """
    blocks: list[Block] = []
    section, language, begun = "", None, 0
    lines: list[str] = []
    for number, line in enumerate(markdown.splitlines(), start=1):
        if language is not None:
            if line.strip() != FENCE:
                lines.append(line)
                continue
            if language == SHELL:
                blocks.append(Block(section, begun, "\n".join(lines)))
            language, lines = None, []
        elif line.startswith(FENCE):
            language, begun = line.removeprefix(FENCE).strip(), number
            if not language:
                raise ValueError(f"line {number}: the block does not say its language")
        elif found := _HEADING.match(line):
            section = found["title"]
    if language is not None:
        raise ValueError(f"line {begun}: the block does not end")
    return tuple(blocks)
