"""The yardstick: TF-IDF with overlap into a logistic regression, regularised by validation.

A fine-tuned model must beat what common words already say. The strength of regularisation is
chosen on held-out groups of the training rows, so that the yardstick is not a straw man.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # -- ships no types

from ctr_service.bundle.features import FeatureType
from ctr_train.metrics import log_loss
from ctr_train.overlap import overlap_figures, words
from ctr_train.schema import infer_schema
from ctr_train.split import split_by_group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctr_service.bundle.features import FeatureSchema
    from ctr_train.click_log import ClickLog

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Values of scikit-learn's C that are tried; the smaller, the stronger the regularisation."""
DEFAULT_STRENGTH = 0.1
"""Used where the inner rows are all of one class."""
MIN_ROWS_A_WORD = 2
INNER_SHARE = 0.2
"""Share of the training groups on which C is chosen."""
INNER_SEED = 1 << 40
"""Keys the inner split apart from the outer one: under one key the training groups' hashes all lie
beyond the inner test's share, and C would be chosen on a single group."""
MAX_ITERATIONS = 300


class Baseline:
    """A fitted baseline."""

    def __init__(self, inputs: _Inputs, model: LogisticRegression) -> None:
        self._inputs = inputs
        self._model = model

    @property
    def strength(self) -> float:
        """The C that validation chose."""
        return float(self._model.C)

    def predict(self, log: ClickLog) -> NDArray[np.float64]:
        """Return the click probability of each row, float64 [rows]; labels are not looked at."""
        chances: NDArray[np.float64] = self._model.predict_proba(self._inputs.matrix(log))[:, 1]
        return chances


def fit_baseline(train: ClickLog, *, use_features: bool = True, seed: int = 0) -> Baseline:
    """Fit on every row of `train`: TF-IDF cosine, overlap, TF-IDF bags and one-hot features.

    Args:
        train: rows to learn from; rates count as clicks and non-clicks of their weight.
        use_features: False leaves item, user and context features out: query and title alone.
        seed: of the inner split that chooses the regularisation.

    Raises:
        LogError: fewer than three groups.
    """
    inner = split_by_group(
        train.group, seed=INNER_SEED + seed, validation_share=0.01, test_share=INNER_SHARE
    )
    learnt = np.sort(np.concatenate([inner.train, inner.validation]))
    inputs, matrix = _Inputs.fit(train, use_features=use_features)
    strength = DEFAULT_STRENGTH
    if train.target[learnt].min() < train.target[learnt].max():
        strength = _best_strength(lambda c: _loss(matrix, train, learnt, inner.test, c))
    return Baseline(inputs, _regress(matrix, train, strength))


def _best_strength(loss_of: Callable[[float], float]) -> float:
    """Walk from strong to weak regularisation until the held-out loss rises."""
    best, best_loss = STRENGTHS[0], loss_of(STRENGTHS[0])
    for strength in STRENGTHS[1:]:
        loss = loss_of(strength)
        if loss > best_loss:
            break
        best, best_loss = strength, loss
    return best


def _loss(
    matrix: Any,  # noqa: ANN401 -- scipy ships no types
    log: ClickLog,
    learnt: NDArray[np.int64],
    judged: NDArray[np.int64],
    strength: float,
) -> float:
    model = _regress(matrix[learnt], log.take(learnt), strength)
    chances = model.predict_proba(matrix[judged])[:, 1]
    return log_loss(log.target[judged], chances, log.weight[judged])


def _regress(matrix: Any, log: ClickLog, strength: float) -> LogisticRegression:  # noqa: ANN401 -- scipy ships no types
    clicks, others = log.weight * log.target, log.weight * (1 - log.target)
    weight = np.concatenate([clicks, others])
    label = np.concatenate([np.ones(len(log)), np.zeros(len(log))])
    some = weight > 0
    # Mean weight 1 a row, so that C means the same whether a row is one impression or thousands.
    weight *= len(log) / weight.sum()
    rows = sparse.vstack([matrix, matrix], format="csr")[some]
    model = LogisticRegression(C=strength, solver="newton-cg", max_iter=MAX_ITERATIONS)
    # The matrix is sparse: more BLAS threads only spin, on a busy machine for minutes.
    with threadpool_limits(limits=1):
        return model.fit(rows, label[some], sample_weight=weight[some])


class _Inputs:
    """Rows -> sparse matrix. Vocabulary, scales and buckets come from the rows it is fitted on."""

    def __init__(self, log: ClickLog, *, use_features: bool) -> None:
        self._both = _Bag(log.query + log.title, words)
        self._query = _Bag(log.query, words, MIN_ROWS_A_WORD)
        self._title = _Bag(log.title, words, MIN_ROWS_A_WORD)
        self._schema = infer_schema(log) if use_features else None
        self._features = _Bag(self._feature_words(log), _as_is, MIN_ROWS_A_WORD)
        self._scale = StandardScaler()

    @classmethod
    def fit(cls, log: ClickLog, *, use_features: bool) -> tuple[_Inputs, Any]:
        """Return inputs fitted on a log and the matrix of that log; its labels are not used."""
        inputs = cls(log, use_features=use_features)
        figures = inputs._figures(log)
        inputs._scale.fit(figures)
        return inputs, inputs._join(log, figures)

    def matrix(self, log: ClickLog) -> Any:  # noqa: ANN401 -- scipy ships no types
        """Return [rows, columns] in CSR."""
        return self._join(log, self._figures(log))

    def _join(self, log: ClickLog, figures: NDArray[np.float64]) -> Any:  # noqa: ANN401 -- as above
        return sparse.hstack(
            [
                sparse.csr_matrix(self._scale.transform(figures)),
                self._query.matrix(log.query),
                self._title.matrix(log.title),
                self._features.matrix(self._feature_words(log)),
            ],
            format="csr",
        )

    def _figures(self, log: ClickLog) -> NDArray[np.float64]:
        asked, shown = self._both.matrix(log.query), self._both.matrix(log.title)
        cosine = np.asarray(asked.multiply(shown).sum(axis=1)).reshape(-1, 1)
        return np.hstack([cosine, overlap_figures(log.query, log.title)])

    def _feature_words(self, log: ClickLog) -> list[list[str]]:
        if self._schema is None:
            return [[] for _ in range(len(log))]
        return feature_words(log, self._schema)


def feature_words(log: ClickLog, schema: FeatureSchema) -> list[list[str]]:
    """Return a row's features as tokens: `item.price=3`, and each word of a text."""
    rows: list[list[str]] = [[] for _ in range(len(log))]
    for spec in schema.features:
        name = spec.qualified_name
        numeric = spec.type is FeatureType.NUMBER
        values = log.features.get(spec.entity, {}).get(spec.name, [None] * len(log))
        for tokens, value in zip(rows, values, strict=True):
            text = spec.render(value)
            tokens.append(f"{name}={text}")
            if not numeric:
                tokens.extend(f"{name}:{word}" for word in words(text))
    return rows


class _Bag:
    """TF-IDF of one text a row; no columns where the texts hold no words."""

    def __init__(
        self, texts: Sequence[Any], analyzer: Callable[[Any], list[str]], min_rows: int = 1
    ) -> None:
        counts = Counter(word for text in texts for word in set(analyzer(text)))
        kept = sorted(word for word, rows in counts.items() if rows >= min_rows)
        self._vectorizer: TfidfVectorizer | None = None
        if kept:
            self._vectorizer = TfidfVectorizer(
                analyzer=analyzer, sublinear_tf=True, vocabulary=kept
            ).fit(texts)

    def matrix(self, texts: Sequence[Any]) -> Any:  # noqa: ANN401 -- scipy ships no types
        """Return [rows, words] in CSR, each row of length 1 or 0."""
        if self._vectorizer is None:
            return sparse.csr_matrix((len(texts), 0))
        return self._vectorizer.transform(texts)


def _as_is(tokens: list[str]) -> list[str]:
    return tokens
