"""`ctr-service model verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.commands.models.columns import columns

if TYPE_CHECKING:
    from ctr_service.verifying import Verified


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--engine", help="Would this engine serve; the bundle's default without it.")
@click.option("--precision", help="Would this precision serve; the same.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def verify(bundle: Path, engine: str | None, precision: str | None, *, as_json: bool) -> None:
    """Tell whether BUNDLE is whole and would serve on this machine.

    Compares the manifest with its digest and every file with the manifest's, reads the tokenizer,
    loads every graph into its engine and runs one row through it, and compares this processor with
    the one that the default was chosen on. All that is wrong is told, not only the first.

    Exit code 0 says that `serve` would start on it here; 1 that it would not. A graph that another
    engine or processor would be needed for is a note, unless it is the one that would serve.

    \b
    Examples:
      ctr-service model verify build/demo/bundle
      ctr-service model verify /models/new --engine onnxruntime
      ctr-service model verify /models/new --json | jq '.findings[] | select(.level == "wrong")'
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_service.cpu_name import cpu_name  # noqa: PLC0415 -- beside the next
    from ctr_service.cpus import available_cpus  # noqa: PLC0415 -- the same
    from ctr_service.plan import Wishes  # noqa: PLC0415 -- loads pydantic; --help needs none
    from ctr_service.verifying import verify_bundle  # noqa: PLC0415 -- loads numpy and more

    found = verify_bundle(bundle, Wishes(engine, precision), cpus=available_cpus(), cpu=cpu_name())
    click.echo(json.dumps(_json(found), indent=2, ensure_ascii=False) if as_json else _text(found))
    if not found.serves:
        raise SystemExit(1)


def _text(found: Verified) -> str:
    rows = [
        (one.level.value, f"{one.check} {one.subject}".rstrip(), one.said) for one in found.findings
    ]
    if found.manifest is None or found.plan is None or not found.serves:
        end = f"{found.folder} would not serve here: see what is wrong above"
    else:
        names = f"{found.manifest.model_name} {found.manifest.model_version}"
        end = f"{found.folder} would serve here: {names}, {found.plan.graph_name}"
    return f"{columns(rows)}\n{end}"


def _json(found: Verified) -> dict[str, object]:
    manifest, plan = found.manifest, found.plan
    return {
        "bundle": str(found.folder),
        "serves": found.serves,
        "model": None if manifest is None else manifest.model_name,
        "version": None if manifest is None else manifest.model_version,
        "manifest_sha256": found.manifest_sha256 or None,
        "graph": None if plan is None else plan.graph_name,
        "findings": [
            {"level": f.level.value, "check": f.check, "subject": f.subject, "said": f.said}
            for f in found.findings
        ],
    }
