"""`ctr-k8s`: the manifests rendered, validated and held against the must-haves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ctr_k8s import layout
from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_k8s.rendering import Rendering

_BUILD = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=layout.BUILD,
    show_default=True,
    help="Folder of the renderings, one each.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Render, validate and check the manifests below k8s. Needs no cluster.

    \b
    Examples:
      ctr-k8s render                        # what `make k8s-render` does
      ctr-k8s check                         # what `make k8s-check` does
      kubectl kustomize my/overlay | ctr-k8s validate - --no-placeholders
    """  # noqa: D301 -- \\b is click's mark for text that it must not rewrap


@main.command()
@_BUILD
def render(out: Path) -> None:
    """Render every combination of k8s/combinations.yaml, by kubectl kustomize."""
    for rendering in _rendered(out):
        combination = rendering.combination
        made = " + ".join((combination.resource, *combination.components))
        click.echo(f"{out / combination.name}: {len(rendering.documents)} objects of {made}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.File("r"))
@click.option(
    "--no-placeholders", is_flag=True, help="Refuse what is still to be set before `kubectl apply`."
)
def validate(files: tuple[TextIO, ...], *, no_placeholders: bool) -> None:
    """Hold rendered FILES (- is stdin) against schemas and must-haves, each by itself.

    Schemas: those of the oldest and the newest Kubernetes that the manifests are for, strictly,
    and the repository's own of PodMonitor, ServiceMonitor, PrometheusRule, ScaledObject, GRPCRoute
    and Certificate. A field that a kind does not have is refused, with its path.
    """
    from ctr_k8s.checking import faults  # noqa: PLC0415 -- `--help` must not wait for jsonschema
    from ctr_k8s.documents import parse  # noqa: PLC0415 -- the same
    from ctr_k8s.placeholders import placeholders  # noqa: PLC0415 -- the same

    found: list[str] = []
    for file in files:
        try:
            documents = parse(file.read())
        except ManifestError as error:
            raise click.ClickException(f"{file.name}: {error}") from error
        lines = faults(documents)
        if no_placeholders:
            lines += placeholders(documents)
        found += (f"{file.name}: {line}" for line in lines)
        if not lines:
            click.echo(f"{file.name}: {len(documents)} objects are as they must be")
    _refuse(found)


@main.command()
@_BUILD
def check(out: Path) -> None:
    """Render everything, and hold all of it against schemas, must-haves and generated sources."""
    from ctr_k8s import generated, schemas  # noqa: PLC0415 -- as in validate
    from ctr_k8s.checking import faults_of_all  # noqa: PLC0415 -- as in validate
    from ctr_k8s.policy import MUST_HAVES  # noqa: PLC0415 -- as in validate

    try:
        drifted = generated.drift(layout.ALERTS, layout.COMPONENTS)
    except ManifestError as error:
        raise click.ClickException(str(error)) from error
    _refuse(
        [f"k8s/components/{name} differs from k8s/alerts: run `make alerts`" for name in drifted]
    )
    renderings = _rendered(out)
    _refuse(faults_of_all(renderings))
    click.echo(
        f"{len(renderings)} combinations are valid for Kubernetes {' and '.join(schemas.VERSIONS)} "
        f"and have all {len(MUST_HAVES)} must-haves"
    )


@main.command()
def generate() -> None:
    """Copy rules and objectives from k8s/alerts into the components that hold them."""
    from ctr_k8s.generated import write  # noqa: PLC0415 -- as in validate

    try:
        changed = write(layout.ALERTS, layout.COMPONENTS)
    except ManifestError as error:
        raise click.ClickException(str(error)) from error
    for path in changed:
        click.echo(f"wrote {path}")


@main.command(name="must-haves")
def must_haves() -> None:
    """Print the table of must-haves."""
    from ctr_k8s.policy import MUST_HAVES  # noqa: PLC0415 -- as in validate

    for must in MUST_HAVES:
        click.echo(f"{must.id:28} {must.sentence}")


def _rendered(out: Path) -> tuple[Rendering, ...]:
    from ctr_k8s.combinations import load_table  # noqa: PLC0415 -- as in validate
    from ctr_k8s.rendering import render_all  # noqa: PLC0415 -- as in validate

    try:
        return render_all(load_table(layout.TABLE).combinations(), layout.FOLDER, out)
    except ManifestError as error:
        raise click.ClickException(str(error)) from error


def _refuse(lines: Sequence[str]) -> None:
    if lines:
        raise click.ClickException("\n".join(lines))
