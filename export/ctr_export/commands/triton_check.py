"""`ctr-export triton-check`: is the bundle's `triton/` what Triton must load?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_export.errors import ExportError
from ctr_service.bundle.bundle import load_bundle
from ctr_service.errors import BundleError

if TYPE_CHECKING:
    from ctr_service.bundle.manifest import Manifest


@click.command("triton-check")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the targets as JSON for machines.")
def triton_check(bundle: Path, as_json: bool) -> None:  # noqa: FBT001 -- click passes a flag as an argument
    """Check every Triton config of BUNDLE, and every digest.

    Each config is parsed by Triton's own message and compared with its graph's inputs, outputs,
    types and dimensions, with the manifest, and with the shapes that the gateway sends.

    Exits with 1, and names each field, when Triton must not load it.

    \b
    Examples:
      ctr-export triton-check build/demo/bundle
      ctr-export triton-check build/demo/bundle --json | jq 'keys'
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        manifest = _check(bundle)
    except (BundleError, ExportError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        targets = {name: t.model_dump(mode="json") for name, t in manifest.triton.items()}
        click.echo(json.dumps(targets, indent=2))
        return
    for name, target in manifest.triton.items():
        built = "" if name != "tensorrt" or target.plan else "; its plan is not built yet"
        click.echo(
            f"{name}: {target.model} fits {target.graph}/{target.engine}/{target.precision}, "
            f"{len(target.shapes)} shapes warmed up{built}"
        )
        click.echo(f"  tritonserver --model-repository={bundle / target.folder}")


def _check(folder: Path) -> Manifest:
    from ctr_export.triton.check import (  # noqa: PLC0415 -- onnx and tritonclient are slow to import
        check_repositories,
    )

    manifest = load_bundle(folder).manifest
    if not manifest.triton:
        raise ExportError(
            f"{folder} holds no Triton repositories: an older release wrote it; export it again"
        )
    check_repositories(folder, manifest)
    return manifest
