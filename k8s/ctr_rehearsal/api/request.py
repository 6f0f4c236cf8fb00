"""A request to the API, read: which kind, where, what of it, and its body."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ctr_rehearsal.api.kinds import KINDS
from ctr_rehearsal.api.selectors import selected
from ctr_rehearsal.api.writes import Options
from ctr_rehearsal.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_rehearsal.objects import Object

PATH = re.compile(
    r"^(?P<root>/api/v1|/apis/[^/]+/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)


class Request:
    """One request, read: kind, place, query and body."""

    def __init__(self, path: str, query: Mapping[str, str], body: bytes, content_type: str) -> None:
        found = PATH.match(path)
        kinds = [
            k for k in KINDS if found and (k.root, k.plural) == (found["root"], found["plural"])
        ]
        if not found or not kinds:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.kind = kinds[0]
        self.namespace = found["namespace"] or ""
        self.name: str | None = found["name"]
        self.sub: str | None = found["sub"]
        self.query = query
        self.body = body
        self.content_type = content_type

    @property
    def options(self) -> Options:
        """What the query says of a write."""
        return Options(
            manager=self.query.get("fieldManager", "unknown"),
            dry_run="dryRun" in self.query,
            force=self.query.get("force") == "true",
        )

    def json(self) -> Object:
        """Return the body.

        Raises:
            ApiError: it is no JSON object; kubectl create sends protobuf.
        """
        if self.content_type.endswith("protobuf"):
            raise ApiError(
                *(415, "UnsupportedMediaType"),
                "the rehearsal's emulator takes JSON alone: use kubectl apply, not kubectl create",
            )
        try:
            body = json.loads(self.body or b"{}")
        except ValueError as error:
            raise ApiError(400, "BadRequest", f"the body is no JSON: {error}") from None
        if not isinstance(body, dict):
            raise ApiError(400, "BadRequest", "the body is no JSON object")
        return body

    def among(self, things: Sequence[Object]) -> list[Object]:
        """Return those that the query's selectors take."""
        return [thing for thing in things if self.selects(thing)]

    def selects(self, thing: Object) -> bool:
        """Say whether the query's selectors take an object."""
        labels, fields = (self.query.get(f"{kind}Selector", "") for kind in ("label", "field"))
        return selected(thing, labels, fields)
