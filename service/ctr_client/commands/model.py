"""`ctr-client model`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ctr_client.commands.common import deadline_option, sentences
from ctr_client.commands.connection import Connection, connection_options

if TYPE_CHECKING:
    from ctr.v1.prediction_pb2 import GetModelResponse


@click.command()
@connection_options
@deadline_option(1000)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def model(connection: Connection, deadline_ms: int, *, as_json: bool) -> None:
    """Print which model serves, and the features that it knows.

    \b
    Example:
      ctr-client model --target 10.0.0.7:8500
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    with sentences(connection.target), connection.open() as client:
        answer = client.get_model(deadline_s=deadline_ms / 1000)
    click.echo(_json(answer) if as_json else _text(answer))


def _text(answer: GetModelResponse) -> str:
    lines = [
        f"model       {answer.name}",
        f"version     {answer.version}",
        f"graph       {answer.graph}",
        f"longest row {answer.max_row_tokens} tokens",
        f"base rate   {answer.base_rate:.4f}",
        f"manifest    sha256 {answer.manifest_sha256}",
        "features    " + ("none" if not answer.features else ""),
    ]
    lines += [f"  {row['entity']:<8} {row['type']:<7} {row['name']}" for row in _features(answer)]
    return "\n".join(line.rstrip() for line in lines)


def _json(answer: GetModelResponse) -> str:
    plain = {
        "name": answer.name,
        "version": answer.version,
        "graph": answer.graph,
        "max_row_tokens": answer.max_row_tokens,
        "base_rate": answer.base_rate,
        "manifest_sha256": answer.manifest_sha256,
        "features": _features(answer),
    }
    return json.dumps(plain, indent=2)


def _features(answer: GetModelResponse) -> list[dict[str, str]]:
    from ctr.v1 import prediction_pb2  # noqa: PLC0415 -- loads protobuf; --help needs none

    return [
        {
            "entity": prediction_pb2.Entity.Name(spec.entity).removeprefix("ENTITY_").lower(),
            "type": prediction_pb2.FeatureType.Name(spec.type)
            .removeprefix("FEATURE_TYPE_")
            .lower(),
            "name": spec.name,
        }
        for spec in answer.features
    ]
