"""Log rows -> the segments that the model reads, by the renderer that the gateway uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity

if TYPE_CHECKING:
    from ctr_service.bundle.template import RenderedPart, Renderer, Segments
    from ctr_service.types import FeatureValue
    from ctr_train.log import ClickLog


def render_log(log: ClickLog, renderer: Renderer) -> list[Segments]:
    """Return the segments of every row, in the log's order.

    A missing feature is left out, as a caller on the wire leaves it out.
    """
    return [
        renderer.row(_request_part(log, row, renderer), _item_part(log, row, renderer))
        for row in range(len(log))
    ]


def features_at(log: ClickLog, entity: Entity, row: int) -> dict[str, FeatureValue]:
    """Return the features of one entity that are present in a row, by name."""
    columns = log.features.get(entity, {})
    return {name: value for name, values in columns.items() if (value := values[row]) is not None}


def _request_part(log: ClickLog, row: int, renderer: Renderer) -> RenderedPart:
    user = features_at(log, Entity.USER, row)
    return renderer.request(log.query[row], user, features_at(log, Entity.CONTEXT, row))


def _item_part(log: ClickLog, row: int, renderer: Renderer) -> RenderedPart:
    return renderer.item(log.title[row], features_at(log, Entity.ITEM, row))
