"""The console command `ctr-train`: a command's module is imported when it is asked for."""

from __future__ import annotations

import importlib

import click

from ctr_train.runtime import set_environment

COMMANDS = {
    "check": "Check a click log and print how it would be trained on.",
    "evaluate": "Score a click log with a checkpoint or a bundle, and compare two.",
    "fit": "Fine-tune a BERT-type model on a click log and write a checkpoint.",
    "generate": "Generate a click log with a known truth, for demos and tests.",
    "recipe": "Turn a public data set into a click log.",
}
"""Name -> short help. Known without an import, so that `--help` does not wait for PyTorch."""


class LazyGroup(click.Group):
    """A group whose commands live in `ctr_train.commands.<name>`, as an attribute of that name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ctr_train.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in sorted(COMMANDS)])


@click.group(
    cls=LazyGroup,
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
