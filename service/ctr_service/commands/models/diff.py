"""`ctr-service model diff`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.commands.models.columns import columns
from ctr_service.errors import CtrError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.difference import Difference

MOST_CHARACTERS = 60
"""Of one value; --json has all of it."""


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Tell what differs from bundle OLD to bundle NEW, and whether scores do.

    Both are verified first. "Same scores expected" is said only when template, feature schema,
    tokenizer, and the default graph with its engine, precision and calibration are equal; anything
    else may differ then (metrics, layout, other graphs, tools, the version's name).

    \b
    Examples:
      ctr-service model diff /models/old /models/new
      ctr-service model diff /models/old /models/new --json | jq .same_scores_expected
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_service.bundle.bundle import load_bundle  # noqa: PLC0415 -- loads pydantic
    from ctr_service.bundle.difference import differences, score_causes  # noqa: PLC0415 -- the same

    try:
        left, right = load_bundle(old), load_bundle(new)
    except (CtrError, OSError) as error:
        raise click.ClickException(str(error)) from None
    found = differences(left.manifest, right.manifest)
    causes = score_causes(left.manifest, right.manifest)
    if as_json:
        whole = {
            "old": _named(left),
            "new": _named(right),
            "same_scores_expected": not causes,
            "scores_differ_by": list(causes),
            "differences": [dataclasses.asdict(one) for one in found],
        }
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    click.echo(_text(found, causes))


def _named(bundle: Bundle) -> dict[str, str]:
    return {
        "bundle": str(bundle.folder),
        "model": bundle.manifest.model_name,
        "version": bundle.manifest.model_version,
        "manifest_sha256": bundle.manifest_sha256,
    }


def _text(found: Sequence[Difference], causes: Sequence[str]) -> str:
    lines: list[str] = []
    for section in dict.fromkeys(one.section for one in found):
        rows = [
            ("", one.path, f"{_short(one.old)} -> {_short(one.new)}")
            for one in found
            if one.section == section
        ]
        lines += [section, columns(rows)]
    if not found:
        lines.append("the manifests say the same")
    if causes:
        lines.append(f"scores may differ: other {', '.join(causes)}")
    else:
        lines.append("same scores expected: all that makes them is equal")
    return "\n".join(lines)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if value is None:
        return "none"
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 4]} ..."
