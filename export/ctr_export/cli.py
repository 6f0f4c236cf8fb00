"""`ctr-export`: the exporter's command line. A command's module is loaded when it is asked for."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup

COMMANDS = {
    "build": "Turn a checkpoint into a bundle: export, measure, judge, calibrate.",
    "compare": "Put bundles side by side: layers, size, speed in one run, AUC and its cost.",
    "inspect": "Verify a bundle's digests and print what it is.",
    "triton-check": "Check a bundle's Triton configs against its graphs.",
    "tensorrt": "Build a bundle's TensorRT plan, on the machine with the GPU.",
}
"""Name -> the line in the list of commands, so that the list needs no command's module."""


@click.group(
    cls=LazyGroup,
    package="ctr_export.commands",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Turn a checkpoint of `ctr-train` into a bundle that `ctr-service` serves.

    \b
    Examples:
      ctr-export build build/demo/checkpoint --out build/demo/bundle
      ctr-export inspect build/demo/bundle
      ctr-export compare build/demo/bundle build/student-bundle --rows build/demo/checkpoint
      ctr-export triton-check build/demo/bundle
      ctr-export tensorrt build/demo/bundle --dry-run
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
