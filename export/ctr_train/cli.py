"""The console command `ctr-train`: a command's module is imported when it is asked for."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup
from ctr_train.runtime import set_environment

COMMANDS = {
    "check": "Check a click log and print how it would be trained on.",
    "distill": "Make a smaller, faster student of a checkpoint: fewer layers, taught by it.",
    "evaluate": "Score a click log with a checkpoint or a bundle, and compare two.",
    "fit": "Fine-tune a BERT-type model on a click log and write a checkpoint.",
    "generate": "Generate a click log with a known truth, for demos and tests.",
    "recipe": "Turn a public data set into a click log.",
}
"""Name -> short help. Known without an import, so that `--help` does not wait for PyTorch."""


@click.group(
    cls=LazyGroup,
    package="ctr_train.commands",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each command has its own --help, with an example.",
)
@click.version_option(package_name="ctr-serve", prog_name="ctr-train")
def main() -> None:
    """Turn a click log into a fine-tuned checkpoint, and judge it.

    \b
    A first run on your own log:
      ctr-train check clicks.csv
      ctr-train fit clicks.csv --out build/checkpoint
      ctr-export build build/checkpoint --out build/bundle
      ctr-train evaluate clicks.csv --bundle build/bundle --against build/checkpoint
    """  # noqa: D301 -- click reads the character that this escape makes
    set_environment()


if __name__ == "__main__":
    main()
