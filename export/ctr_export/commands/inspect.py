"""`ctr-export inspect`: verify a bundle and say what it is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ctr_export.report import facts_table, figures_tables, plain_console, remarks
from ctr_export.trim.report import trimming_table
from ctr_service.bundle.bundle import load_bundle
from ctr_service.errors import BundleError


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON for machines.")
def inspect(bundle: Path, as_json: bool) -> None:  # noqa: FBT001 -- click passes a flag as an argument
    """Verify every digest of BUNDLE and print its manifest.

    Exits with 1, and the reason, when the bundle is incomplete, was changed, or was written by a
    newer release.

    \b
    Examples:
      ctr-export inspect build/demo/bundle
      ctr-export inspect build/demo/bundle --json | jq .default
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        loaded = load_bundle(bundle)
    except (BundleError, OSError) as error:
        raise click.ClickException(str(error)) from error
    manifest = loaded.manifest
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False))
        return
    console = plain_console()
    console.print(facts_table(manifest, str(bundle)))
    for table in figures_tables(manifest):
        console.print(table)
    if manifest.trimming is not None:
        console.print(trimming_table(manifest.trimming, manifest, bundle))
    for line in remarks(manifest):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"All digests match; the manifest's is {loaded.manifest_sha256}.", soft_wrap=True)
