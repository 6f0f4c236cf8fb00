"""The runbook's blocks, and that each of them is rehearsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctr_rehearsal.runbook import read_blocks
from tests.support import rehearsed_sections

RUNBOOK = Path(__file__).parents[3] / "k8s/runbooks/rollout.md"


def test_blocks_come_with_their_section_as_they_stand() -> None:
    """Text, line and section, in order; other languages are no commands."""
    other = "```toml\nx = 1\n```\n"
    text = f"# T\n\n## One\n\n```sh\na\n  b\n```\n\n{other}## Two\n```sh\nc\n```\n"
    blocks = read_blocks(text)
    assert [(b.section, b.line, b.text) for b in blocks] == [
        ("One", 5, "a\n  b"),
        ("Two", 14, "c"),
    ]


@pytest.mark.parametrize("text", ["```sh\nx\n", "```\nx\n```\n"])
def test_a_block_must_end_and_say_its_language(text: str) -> None:
    """Otherwise nobody knows whether it is a command."""
    with pytest.raises(ValueError, match="line 1"):
        read_blocks(text)


def test_every_command_of_the_runbook_is_rehearsed() -> None:
    """A section whose commands no test runs, or one that is gone, fails here."""
    sections = {block.section for block in read_blocks(RUNBOOK.read_text())}
    run = {
        *rehearsed_sections.ROLLOUTS,
        *rehearsed_sections.STOPS,
        *rehearsed_sections.CANARY,
        *rehearsed_sections.ACCESS,
    }
    assert run == sections
