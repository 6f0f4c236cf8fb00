"""The feature stage: what comes by id is filled in, and what the request says wins."""

from __future__ import annotations

import pytest

from ctr_service.bundle.features import Entity
from ctr_service.clock import ManualClock
from ctr_service.errors import Reason
from ctr_service.features.stage import TITLE, FeatureStage, MissingItem
from ctr_service.features.store import StoredEntity
from ctr_service.types import Candidate, ItemError, SearchRequest
from tests.support.feature_world import ScriptedStore

STORED = StoredEntity("stored", "v1", {"price": 3.0, "brand": "x"})


@pytest.fixture
def store() -> ScriptedStore:
    """A store with one item and one user."""
    made = ScriptedStore()
    made.held = {"a": STORED, "u": StoredEntity(None, "", {"segment": "new"})}
    return made


def stage(store: ScriptedStore, missing: MissingItem = MissingItem.DEFAULT) -> FeatureStage:
    """A stage on it."""
    return FeatureStage(store, clock=ManualClock(1), budget_ns=10**9, missing=missing)


def search(*candidates: Candidate, user: str = "") -> SearchRequest:
    """A search."""
    return SearchRequest("r", "q", candidates, deadline_ns=10**12, user_id=user)


async def test_an_item_by_id_is_filled_in(store: ScriptedStore) -> None:
    """Title, version and features come from the store; rank and prior stay."""
    item = Candidate("a", "", prior_score=0.5, rank=2)
    (found,) = (await stage(store).enrich(search(item), deadline_ns=10**12)).candidates
    assert found == Candidate("a", "stored", "v1", STORED.features, 0.5, 2)


async def test_the_request_wins(store: ScriptedStore) -> None:
    """A feature and a version that the request brings stand above the stored ones."""
    item = Candidate("a", "", "v2", {"price": 9.0})
    (found,) = (await stage(store).enrich(search(item), deadline_ns=10**12)).candidates
    assert found == Candidate("a", "stored", "v2", {"price": 9.0, "brand": "x"})
    assert STORED.features["price"] == 3.0


async def test_whole_items_and_broken_ones_are_not_looked_up(store: ScriptedStore) -> None:
    """A search that brings everything comes back as it is, and the store is not asked."""
    broken = Candidate("x", "", error=ItemError(Reason.ID_TOO_LONG, "x"))
    request = search(Candidate("a", "own"), broken)
    assert await stage(store).enrich(request, deadline_ns=10**12) is request
    assert not store.asked


async def test_a_user_by_id_gets_its_features(store: ScriptedStore) -> None:
    """A user id without features is looked up; an unknown one is left to the defaults."""
    item = Candidate("a", "own")
    found = await stage(store).enrich(search(item, user="u"), deadline_ns=10**12)
    assert found.user_features == {"segment": "new"}
    found = await stage(store).enrich(search(item, user="none"), deadline_ns=10**12)
    assert found.user_features == {}
    assert store.asked == [("u",), ("none",)]


async def test_items_and_user_are_asked_for_together(store: ScriptedStore) -> None:
    """One search asks for both at once."""
    found = await stage(store).enrich(search(Candidate("a", ""), user="u"), deadline_ns=10**12)
    assert found.candidates[0].title == "stored"
    assert found.user_features == {"segment": "new"}


async def test_a_missing_item_scores_with_defaults_and_says_so(store: ScriptedStore) -> None:
    """By default an unknown id goes on, and names its title among what was defaulted."""
    (found,) = (
        await stage(store).enrich(search(Candidate("none", "")), deadline_ns=10**12)
    ).candidates
    assert found == Candidate("none", "", defaulted=(TITLE,))


async def test_a_missing_item_is_invalid_by_option(store: ScriptedStore) -> None:
    """An id that the store has not is INVALID alone; with features of its own it is not missing."""
    request = search(
        Candidate("a", ""), Candidate("none", ""), Candidate("own", "", "", {"price": 1.0})
    )
    found = await stage(store, MissingItem.INVALID).enrich(request, deadline_ns=10**12)
    assert [candidate.error is not None for candidate in found.candidates] == [False, True, False]
    error = found.candidates[1].error
    assert error is not None
    assert error.reason is Reason.ITEM_NOT_FOUND
    assert error.detail.startswith("candidates[1].item_id is not in the feature store")


async def test_a_store_that_is_down_makes_nothing_invalid(store: ScriptedStore) -> None:
    """Without an answer an item scores with defaults, whatever the option."""
    store.down = True
    request = search(Candidate("a", ""), user="u")
    found = await stage(store, MissingItem.INVALID).enrich(request, deadline_ns=10**12)
    assert found.candidates == (Candidate("a", "", defaulted=(TITLE,)),)
    assert found.user_features == {}


def test_entities_of_the_log_have_their_store() -> None:
    """Context belongs to a request, so it has no store."""
    assert {entity.value for entity in Entity} == {"item", "user", "context"}
