"""`ctr-client score` without its command line: read, ask, rank, and say it in text or JSON."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr.v1 import prediction_pb2
from ctr_client.features import CONTEXT, USER, FeatureTypes
from ctr_client.items import parse_items
from ctr_client.messages import search
from ctr_client.table import as_json, plain, ranked, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_client.client import PredictionClient
    from ctr_client.table import Line

MODEL_DEADLINE_S = 5.0
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person gave, as text."""

    query: str
    items: bytes
    user: tuple[str, ...]
    context: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """One scored search.

    Attributes:
        lines: best first.
        ignored: columns of the file that were not sent.
        elapsed_ms: of the call, as this process saw it.
    """

    response: prediction_pb2.PredictClicksResponse
    lines: list[Line]
    ignored: tuple[str, ...]
    elapsed_ms: float


def score_items(client: PredictionClient, asked: Asked, *, deadline_s: float) -> Scored:
    """Ask the model for its features, read the items by them, and score.

    Raises:
        ItemFileError: the file cannot be read as items.
        FeatureError: a user or context feature does not fit the model.
        PredictionError: the server could not be reached or refused.
    """
    types = FeatureTypes(client.get_model(deadline_s=MODEL_DEADLINE_S).features)
    file = parse_items(asked.items, types)
    request = search(
        asked.query,
        file.items,
        user=types.from_pairs(USER, asked.user),
        context=types.from_pairs(CONTEXT, asked.context),
    )
    began_s = time.perf_counter()
    response = client.predict_clicks(request, deadline_s=deadline_s)
    elapsed_ms = (time.perf_counter() - began_s) * 1000
    lines = ranked(response.predictions, [item.title for item in file.items])
    return Scored(response, lines, file.ignored, elapsed_ms)


def to_text(scored: Scored, top: int | None, width_cells: int) -> str:
    """Draw the table and, below it, what the person should know about it."""
    return "\n".join((render(scored.lines[:top], width_cells), "", *_remarks(scored)))


def to_json(scored: Scored, top: int | None) -> str:
    """Return the same as one JSON object."""
    response = scored.response
    return json.dumps(
        {
            "request_id": response.request_id,
            "model_name": response.model_name,
            "model_version": response.model_version,
            "degraded": response.degraded,
            "truncated_texts": response.truncated_texts,
            "ignored_features": list(response.ignored_features),
            "ignored_columns": list(scored.ignored),
            "elapsed_ms": round(scored.elapsed_ms, 3),
            "server_ms": round(response.timings.total_ns / NS_PER_MS, 3),
            "predictions": [as_json(line) for line in scored.lines[:top]],
        },
        ensure_ascii=False,
        indent=2,
    )


def _remarks(scored: Scored) -> Iterable[str]:
    response, lines = scored.response, scored.lines
    yield (
        f"model {response.model_name} {response.model_version}, {len(lines)} candidates, "
        f"{scored.elapsed_ms:.1f} ms ({response.timings.total_ns / NS_PER_MS:.1f} ms in the server)"
    )
    if response.degraded:
        yield "degraded: some items were not scored in time; allow more with --deadline-ms"
    if response.truncated_texts:
        yield f"{response.truncated_texts} texts were cut to the model's token budget"
    defaulted = sorted({name for line in lines for name in line.prediction.defaulted_features})
    if defaulted:
        yield f"missing, so their default was used: {', '.join(defaulted)}"
    if scored.ignored:
        yield f"columns that the model does not know: {plain(', '.join(scored.ignored))}"
    for line in lines:
        if line.prediction.status == prediction_pb2.PREDICTION_STATUS_INVALID:
            yield f"#{line.rank} not scored: {line.prediction.reason_detail}"
