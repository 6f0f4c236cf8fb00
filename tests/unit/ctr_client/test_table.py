"""The table counts cells, and steers no terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr.v1 import prediction_pb2 as pb
from ctr_client.table import cells_of, cut, plain, ranked, render


def scored(item_id: str, probability: float) -> pb.Prediction:
    """A prediction with a score."""
    return pb.Prediction(
        item_id=item_id,
        click_probability=probability,
        status=pb.PREDICTION_STATUS_SCORED,
        source=pb.PREDICTION_SOURCE_MODEL,
    )


INVALID = pb.Prediction(item_id="bad", status=pb.PREDICTION_STATUS_INVALID)
PRIOR = pb.Prediction(
    item_id="late",
    click_probability=0.3,
    status=pb.PREDICTION_STATUS_FALLBACK,
    source=pb.PREDICTION_SOURCE_PRIOR,
)


def test_the_best_come_first_and_the_unscored_last() -> None:
    """Probabilities fall, ties keep the request's order, items without one end the list."""
    lines = ranked(
        [INVALID, scored("a", 0.2), PRIOR, scored("b", 0.2), scored("zero", 0.0)],
        ["t0", "t1", "t2", "t3", "t4"],
    )
    assert [line.prediction.item_id for line in lines] == ["late", "a", "b", "zero", "bad"]
    assert [line.rank for line in lines] == [1, 2, 3, 4, 5]
    assert [line.title for line in lines] == ["t2", "t1", "t3", "t4", "t0"]


def test_a_table_lines_up_whatever_its_script() -> None:
    """Chinese titles and ids take two cells a character, and columns still line up."""
    lines = ranked([scored("红", 0.5), scored("ab", 0.25)], ["红色的杯子", "mug"])
    drawn = render(lines, 80).splitlines()
    assert drawn[0].split() == ["#", "p(click)", "status", "item", "title"]
    starts = [
        cells_of(row[: row.index(title)])
        for row, title in zip(drawn[1:], ["红色", "mug"], strict=True)
    ]
    assert starts == [cells_of(drawn[0][: drawn[0].index("title")])] * 2


def test_states_are_said_in_words() -> None:
    """A fallback says what stands in, and an invalid item has a dash."""
    drawn = render(ranked([PRIOR, INVALID], ["x", "y"]), 80)
    assert "fallback: prior" in drawn
    assert "-  invalid" in drawn


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_cut_text_fits(text: str, width_cells: int) -> None:
    """A cut text never takes more cells than it may; a text that fits is untouched."""
    shown = cut(plain(text), width_cells)
    assert cells_of(shown) <= width_cells
    if cells_of(plain(text)) <= width_cells:
        assert shown == plain(text)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5), st.integers(60, 120))
def test_a_row_is_one_line_no_wider_than_the_terminal(titles: list[str], width_cells: int) -> None:
    """Titles cannot break lines, send escape codes or overflow."""
    lines = ranked([scored(str(n), 0.5) for n in range(len(titles))], titles)
    drawn = render(lines, width_cells).split("\n")
    assert len(drawn) == len(titles) + 1
    assert all(cells_of(row) <= width_cells for row in drawn)
    assert not any("\x1b" in row or "\r" in row for row in drawn)
