"""`ctr-service token`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ctr_service.errors import CtrError


@click.group()
def token() -> None:
    """Make the bearer tokens that callers send (see `serve --tokens-file`)."""


@token.command()
@click.argument("name")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Append the token's hash to this tokens file, which is made if there is none.",
)
def new(name: str, path: Path | None) -> None:
    """Make a token for the caller NAME, and print it once, on stdout.

    The server keeps its sha256 alone, so nobody can print it again. Without --file the lines for
    the tokens file come on stderr. A caller may have several tokens: to rotate, make a second one,
    give it to the caller, then delete the first one's lines. A running server follows the file.

    \b
    Examples:
      ctr-service token new search-frontend --file tokens.toml
      ctr-service token new search-frontend --file tokens.toml > token && chmod 600 token
      ctr-service serve --bundle build/demo/bundle --tokens-file tokens.toml
      ctr-client model --token-file token
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_service.server import tokens_file  # noqa: PLC0415 -- loads pydantic; --help needs none

    if not re.match(tokens_file.NAME_PATTERN, name):
        raise click.ClickException(
            "a caller's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins "
            "with a letter or a digit."
        )
    made = tokens_file.new_token()
    try:
        if path is not None:
            tokens_file.append_token(path, name, made)
    except CtrError as error:
        raise click.ClickException(f"{error}.") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None
    click.echo(made)
    if path is None:
        click.echo(f"\nfor the tokens file:\n\n{tokens_file.entry_of(name, made)}", err=True)
    else:
        click.echo(f"{path} holds the hash; the token above is shown only now.", err=True)
