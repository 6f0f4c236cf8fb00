"""`ctr-client score`."""

from __future__ import annotations

import shutil
from typing import BinaryIO

import click

from ctr_client.commands.common import deadline_option, sentences
from ctr_client.commands.connection import Connection, connection_options


@click.command()
@click.option("--query", required=True, help="What the user typed; may be empty.")
@click.option(
    "--items",
    "file",
    required=True,
    type=click.File("rb"),
    help="CSV or JSON Lines of candidates; - reads stdin.",
)
@click.option("--user", multiple=True, metavar="NAME=VALUE", help="A user feature; repeatable.")
@click.option(
    "--context", multiple=True, metavar="NAME=VALUE", help="A context feature; repeatable."
)
@click.option("--top", type=click.IntRange(min=1), help="Print only the best N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@deadline_option(1000)
@connection_options
def score(  # noqa: PLR0913 -- one argument an option
    *,
    query: str,
    file: BinaryIO,
    user: tuple[str, ...],
    context: tuple[str, ...],
    top: int | None,
    as_json: bool,
    deadline_ms: int,
    connection: Connection,
) -> None:
    """Score the candidates of one search and print them, best first.

    The items file has a column `title` (or `item_title`), optionally `item_id`, `item_version`,
    `prior_score` and `rank`, and one a feature: `price` or `item_price`. Types are the model's (see
    `ctr-client model`); several texts in one cell stand with | between them.

    \b
    Examples:
      ctr-client score --query "thermal mug" --items items.csv --top 5
      ctr-client score --query "thermal mug" --items items.jsonl \\
          --user segment=commuter --context hour=8 --json
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    from ctr_client import scoring  # noqa: PLC0415 -- loads gRPC; --help needs none
    from ctr_client.features import FeatureError  # noqa: PLC0415 -- the same
    from ctr_client.items import ItemFileError  # noqa: PLC0415 -- the same

    asked = scoring.Asked(query, file.read(), user, context)
    try:
        with sentences(connection.target), connection.open() as client:
            scored = scoring.score_items(client, asked, deadline_s=deadline_ms / 1000)
    except (FeatureError, ItemFileError) as error:
        raise click.ClickException(f"{error}.") from None
    width_cells = shutil.get_terminal_size().columns
    click.echo(
        scoring.to_json(scored, top) if as_json else scoring.to_text(scored, top, width_cells)
    )
