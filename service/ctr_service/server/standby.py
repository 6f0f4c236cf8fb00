"""A predictor's place before there is one: the server listens, and says NOT_SERVING, meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.errors import NotServingError

if TYPE_CHECKING:
    from ctr_service.server.servicer import Predicts
    from ctr_service.types import Answer, SearchRequest


class Standby:
    """Passes searches on once warm-up is done. Warm-up measures what the predictor is made with."""

    def __init__(self) -> None:
        self._predictor: Predicts | None = None

    def ready(self, predictor: Predicts) -> None:
        """Pass searches on to `predictor` from now on."""
        self._predictor = predictor

    async def predict(self, request: SearchRequest) -> Answer:
        """Score a search.

        Raises:
            NotServingError: warm-up is not done.
        """
        if self._predictor is None:
            raise NotServingError("the server is warming up; ask another one or come back later")
        return await self._predictor.predict(request)
