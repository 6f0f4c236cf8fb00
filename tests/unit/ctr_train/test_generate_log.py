"""The generated log: the same for a seed, biased by position as it says, not solved by words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_train.generate.catalogue import DEPARTMENTS, KINDS, build_catalogue
from ctr_train.generate.examination import MEASURED, examination
from ctr_train.generate.figures import attraction_ece, bayes_figures
from ctr_train.generate.log_frame import LogParameters, generate_frame
from ctr_train.generate.searches import MAX_CANDIDATES, MIN_CANDIDATES, words
from ctr_train.generate.writer import to_csv

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

RIGHT_KIND = 0.1
"""Any product of the kind that a query means is more attractive than this, any other one less."""

SMALL_DIGEST = "1c2abf72c5a54e2ba2a27a2072bfd5c5d2b94a5a170883774a19bf11af8cc7c8"


def log_of(seed: int, searches: int) -> pd.DataFrame:
    """A log of the default shape."""
    return generate_frame(np.random.default_rng(seed), LogParameters(searches=searches))


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """A log that is large enough for its frequencies to be told."""
    return log_of(seed=3, searches=1500)


@pytest.fixture(scope="module")
def shared_words(log: pd.DataFrame) -> NDArray[np.int64]:
    """How many words query and title share, a row."""
    pairs = zip(log["query"], log["item_title"], strict=True)
    return np.array([len(words(query) & words(title)) for query, title in pairs])


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two runs with one seed write the same CSV; another seed writes another one."""
    first, second, other = (to_csv(log_of(seed, 20)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """The digest of a small log is fixed: a change to it changes the demo's figures."""
    digest = hashlib.sha256(to_csv(log_of(7, 30)).encode()).hexdigest()
    assert digest == SMALL_DIGEST


def test_clicks_follow_examination_times_attraction(log: pd.DataFrame) -> None:
    """At fixed attraction, clicks fall with the position as the examination curve says."""
    for position, looked in enumerate(MEASURED, start=1):
        rows = log[log["position"] == position]
        chance = looked * rows["true_attraction"]
        deviation = np.sqrt((chance * (1 - chance)).sum())
        assert abs(rows["label"].sum() - chance.sum()) < 4 * deviation, position


def test_deep_positions_are_looked_at_less_and_less() -> None:
    """Beyond the measured ten the curve starts at its last figure and only falls, above 0."""
    deep = examination(np.arange(10, MAX_CANDIDATES + 1))
    assert deep[0] == MEASURED[-1]
    assert (np.diff(deep) < 0).all()
    assert deep[-1] > 0


def test_lists_hold_16_to_100_products_and_most_are_short(log: pd.DataFrame) -> None:
    """Every search shows 16 to 100 different products at positions 1, 2, 3 ..."""
    searches = log.groupby("search_id", sort=False)
    lengths = searches.size()
    assert lengths.min() == MIN_CANDIDATES
    assert 60 < lengths.max() <= MAX_CANDIDATES
    assert lengths.median() < lengths.mean() < 30
    assert (searches["item_id"].nunique() == lengths).all()
    assert (searches["position"].max() == lengths).all()
    assert not log.duplicated(["search_id", "position"]).any()


def test_a_query_is_searched_a_few_times_at_most(log: pd.DataFrame) -> None:
    """A split by query holds out queries that were never trained on."""
    searches = log.groupby("query")["search_id"].nunique()
    assert len(searches) > 0.8 * log["search_id"].nunique()
    assert searches.max() <= 6


def test_many_relevant_products_share_no_word_with_the_query(
    log: pd.DataFrame, shared_words: NDArray[np.int64]
) -> None:
    """Relevance is not word overlap: synonyms, paraphrases and uses lead to the products."""
    relevant = log["true_attraction"].to_numpy() > RIGHT_KIND
    assert (shared_words[relevant] == 0).mean() > 0.35


def test_many_irrelevant_products_share_a_word_with_the_query(
    log: pd.DataFrame, shared_words: NDArray[np.int64]
) -> None:
    """Word overlap misleads: a keyword index brings in products of another kind."""
    relevant = log["true_attraction"].to_numpy() > RIGHT_KIND
    assert (shared_words[~relevant] > 0).mean() > 0.1


def test_the_ranker_is_better_than_chance_and_far_from_perfect(log: pd.DataFrame) -> None:
    """Relevant products stand higher, yet both sorts stand everywhere: bias can be told apart."""
    relevant = log["true_attraction"] > RIGHT_KIND
    first, tenth = (relevant[log["position"] == position].mean() for position in (1, 10))
    assert first > tenth + 0.05
    assert 0.2 < tenth < first < 0.95


def test_price_means_something_else_to_each_segment(log: pd.DataFrame) -> None:
    """Savers are drawn to low prices and premium users to high ones; regular users to neither."""
    relevant = log[log["true_attraction"] > RIGHT_KIND]
    slopes = {
        segment: rows["true_attraction"].corr(rows["item_price"].rank())
        for segment, rows in relevant.groupby("user_segment")
    }
    assert slopes["saver"] < -0.2
    assert abs(slopes["regular"]) < 0.1
    assert slopes["premium"] > 0.2


def test_the_best_possible_auc_is_known_and_not_trivial(log: pd.DataFrame) -> None:
    """Bayes AUC lies between 0.70 and 0.85, and no model beats the true attraction."""
    figures = bayes_figures(log)
    assert 0.70 < figures["bayes_auc"] < 0.85
    assert figures["bayes_normalised_entropy"] < 0.95
    blurred = log.assign(true_attraction=(log["true_attraction"] > RIGHT_KIND) * 0.5)
    assert bayes_figures(blurred)["bayes_auc"] < figures["bayes_auc"]


def test_calibration_is_judged_against_the_truth() -> None:
    """A prediction that is right on average in each bin has no error; one 0.1 too high has 0.1."""
    truth = np.linspace(0.1, 0.8, 300)
    assert attraction_ece(truth, truth) < 1e-12
    assert attraction_ece(truth + 0.1, truth) == pytest.approx(0.1)


def test_kinds_are_told_apart_by_their_words() -> None:
    """No phrase asks for two kinds, and no noun names two."""
    asks = [ask for kind in KINDS for ask in kind.asks]
    nouns = [noun for kind in KINDS for noun in kind.nouns]
    assert len(asks) == len(set(asks))
    assert len(nouns) == len(set(nouns))


def test_the_catalogue_covers_every_kind_and_department() -> None:
    """Each kind has as many products as asked for, priced within its range."""
    catalogue = build_catalogue(np.random.default_rng(0), items_a_kind=5)
    assert np.bincount(catalogue.kind).tolist() == [5] * len(KINDS)
    assert set(catalogue.department.tolist()) == set(range(len(DEPARTMENTS)))
    for index, price in zip(catalogue.kind, catalogue.price, strict=True):
        assert KINDS[index].low_price <= price <= KINDS[index].high_price
