"""The base of everything that is read from the file of objectives."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Cannot be changed, and knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
