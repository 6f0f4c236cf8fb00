"""The TF-IDF yardstick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctr_service.bundle.features import Entity
from ctr_train.baseline import INNER_SEED, INNER_SHARE, fit_baseline
from ctr_train.click_log import ClickLog
from ctr_train.metrics import auc, log_loss
from ctr_train.overlap import overlap_figures, trigrams, words
from ctr_train.split import split_by_group

WORDS = "red blue green black shoes shirt lamp chair table phone 红色 鞋子".split()  # noqa: SIM905 -- reads better


def made_log(rows: int = 600, *, seed: int = 0) -> ClickLog:
    """A log whose clicks follow common words, the user's segment and chance."""
    rng = np.random.default_rng(seed)
    query = [" ".join(rng.choice(WORDS, 2)) for _ in range(rows)]
    title = [" ".join(rng.choice(WORDS, 4)) for _ in range(rows)]
    segment = rng.choice(["often", "never"], rows)
    common = np.array(
        [len(set(words(a)) & set(words(b))) for a, b in zip(query, title, strict=True)]
    )
    chance = 1 / (1 + np.exp(1.5 - common - 2.0 * (segment == "often")))
    return ClickLog(
        query=query,
        title=title,
        item_id=[""] * rows,
        target=(rng.random(rows) < chance).astype(np.float64),
        weight=np.ones(rows),
        position=None,
        group=query,
        features={
            Entity.ITEM: {"price": [float(value) for value in rng.random(rows)]},
            Entity.USER: {"segment": [str(value) for value in segment]},
            Entity.CONTEXT: {"tags": [("a", "b") if row % 2 else None for row in range(rows)]},
        },
    )


@pytest.fixture(scope="module")
def train() -> ClickLog:
    """Rows to learn from."""
    return made_log()


def test_it_learns_overlap_and_features(train: ClickLog) -> None:
    """Common words and the user's segment both show in rows it has not seen."""
    test = made_log(seed=1)
    texts_alone = fit_baseline(train, use_features=False).predict(test)
    everything = fit_baseline(train).predict(test)
    assert auc(test.target, texts_alone) > 0.6
    assert auc(test.target, everything) > auc(test.target, texts_alone) + 0.1
    assert log_loss(test.target, everything) < log_loss(test.target, np.full(600, 0.5))


def test_it_never_looks_at_the_labels_it_predicts(train: ClickLog) -> None:
    """Predictions do not change when the labels of the judged rows do."""
    baseline = fit_baseline(train)
    test = made_log(seed=1)
    turned = replace(test, target=1 - test.target)
    np.testing.assert_array_equal(baseline.predict(test), baseline.predict(turned))


def test_a_rate_counts_as_its_clicks_and_non_clicks() -> None:
    """Rows of equal text with counts, or expanded to single impressions, give equal figures."""
    single = made_log(300)
    rows = np.arange(300)
    doubled = single.take(np.concatenate([rows, rows]))
    doubled = replace(doubled, target=np.concatenate([single.target, 1 - single.target]))
    halves = replace(single, target=np.full(300, 0.5), weight=np.full(300, 2.0))
    test = made_log(seed=2)
    chances = fit_baseline(halves).predict(test)
    assert chances.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(fit_baseline(doubled).predict(test), chances, atol=0.02)


def test_empty_queries_and_no_features_are_fine(train: ClickLog) -> None:
    """A log of titles alone has a yardstick too."""
    titles = replace(
        train, query=[""] * len(train), group=train.title, features={e: {} for e in Entity}
    )
    chances = fit_baseline(titles).predict(titles)
    assert ((chances > 0) & (chances < 1)).all()


def test_features_alone_are_fine(train: ClickLog) -> None:
    """Without any text the features still count."""
    silent = replace(train, query=[""] * len(train), title=[""] * len(train), group=train.title)
    assert auc(silent.target, fit_baseline(silent).predict(silent)) > 0.6


def test_words_of_chinese_are_characters() -> None:
    """No space stands between them, and overlap must still be seen."""
    assert words("红色Shoes 2双") == ["红", "色", "shoes", "2", "双"]
    assert overlap_figures(["红鞋"], ["鞋子红"])[0, :6].tolist() == [2, 1, 2 / 3, 2 / 3, 2, 3]


def test_trigrams_match_parts_of_words() -> None:
    """`shelf` and `shelving` share `she` and `hel`."""
    assert set(trigrams("Shelf")) & set(trigrams("shelving")) == {"she", "hel"}
    assert trigrams("ab") == []


def test_the_strength_is_chosen_on_many_groups_of_an_outer_split() -> None:
    """Split off by the very seed that the baseline is given, a training split still splits well."""
    log = made_log(2_000)
    train = log.take(split_by_group(log.group, seed=5).train)
    inner = split_by_group(train.group, seed=INNER_SEED + 5, test_share=INNER_SHARE)
    assert len(inner.test) > 0.1 * len(train)
    assert len(split_by_group(train.group, seed=5, test_share=INNER_SHARE).test) < 0.01 * len(train)
