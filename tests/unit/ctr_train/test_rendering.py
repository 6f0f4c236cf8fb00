"""Claims about training text: it is, to the byte and the token, what serving sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr.v1 import prediction_pb2
from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.bundle.template import InputTemplate, Renderer, Segment, SegmentName
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder
from ctr_service.server.decode import Decoder, parse_message
from ctr_service.server.envelope import ENVELOPE
from ctr_service.types import Candidate, SearchRequest
from ctr_train.click_log import ClickLog
from ctr_train.log import read_log
from ctr_train.rendering import render_log
from ctr_train.schema import infer_schema
from tests.support.tiny_model import make_tiny_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.bundle.template import Segments
    from ctr_service.types import FeatureValue

    Features = dict[str, FeatureValue | None]

NAMES = (
    SegmentName.QUERY,
    SegmentName.TITLE,
    SegmentName.ITEM,
    SegmentName.USER,
    SegmentName.CONTEXT,
)
TEMPLATE = InputTemplate(
    segments=tuple(Segment(name=name, max_tokens=12) for name in NAMES),
    cls_id=2,
    sep_id=3,
    pad_id=0,
    separator_ids=(5,),
)
SCHEMA = FeatureSchema(
    features=(
        FeatureSpec(name="stars", entity=Entity.ITEM, type=FeatureType.NUMBER),
        FeatureSpec(name="price", entity=Entity.ITEM, type=FeatureType.NUMBER, edges=(1.5, 20.0)),
        FeatureSpec(name="brand", entity=Entity.ITEM, type=FeatureType.TEXT),
        FeatureSpec(name="segment", entity=Entity.USER, type=FeatureType.TEXT),
        FeatureSpec(name="hour", entity=Entity.CONTEXT, type=FeatureType.NUMBER),
    )
)
numbers = st.none() | st.integers(-(2**31), 2**31) | st.floats(-1e12, 1e12)
texts = st.none() | st.text(max_size=12)
items = st.fixed_dictionaries({"stars": numbers, "price": numbers, "brand": texts})
users = st.fixed_dictionaries({"segment": texts})


@given(query=st.text(max_size=20), title=st.text(max_size=20), item=items, user=users, hour=numbers)
def test_log_and_request_render_alike(
    query: str, title: str, item: Features, user: Features, hour: float | None
) -> None:
    """The same record gives the same bytes from a log row and from a request."""
    context: Features = {"hour": hour}
    log = _one_row(query, title, {Entity.ITEM: item, Entity.USER: user, Entity.CONTEXT: context})
    request = SearchRequest(
        request_id="r",
        query=query,
        candidates=(Candidate(item_id="i", title=title, features=_present(item)),),
        deadline_ns=0,
        user_features=_present(user),
        context_features=_present(context),
    )
    renderer = Renderer(TEMPLATE, SCHEMA)

    assert render_log(log, renderer) == [_served(request, renderer)]


def test_a_csv_row_and_a_wire_request_render_alike(tmp_path: Path) -> None:
    """A CSV `3`, a wire double 3.0 and a wire int64 3 are the same text to the model."""
    lines = ["query,item_title,item_stars,item_weight,user_segment,context_hour,label"]
    for row in range(40):
        weight = "" if row % 4 == 0 else f"{row * 0.3:.2f}"
        lines.append(f"lamp {row % 8},Lamp Nº {row},{row % 5},{weight},new,{row % 24},{row % 2}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = read_log(path)
    schema = infer_schema(log)
    renderer = Renderer(TEMPLATE, schema)
    wire = prediction_pb2.PredictClicksRequest(query="lamp 7")
    wire.user.features["segment"].text = "new"
    wire.context_features["hour"].number = 7.0
    candidate = wire.candidates.add(item_id="7", title="Lamp Nº 7")
    candidate.features["stars"].integer = 2
    candidate.features["weight"].number = 2.1
    received = parse_message(wire.SerializeToString(), ENVELOPE)
    request = Decoder(renderer).decode(received, request_id="r", deadline_ns=0)

    assert render_log(log.take([7]), renderer) == [_served(request, renderer)]


def test_token_ids_match_hugging_face_pair_encoding() -> None:
    """A row of query and title has the ids and token types of the tokenizer's own pair."""
    tokenizer = make_tiny_tokenizer()
    template = InputTemplate(
        segments=tuple(Segment(name=name, max_tokens=40) for name in NAMES[:2]),
        cls_id=tokenizer.convert_tokens_to_ids("[CLS]"),
        sep_id=tokenizer.convert_tokens_to_ids("[SEP]"),
        pad_id=tokenizer.convert_tokens_to_ids("[PAD]"),
    )
    builder = RowBuilder(tokenizer.backend_tokenizer, template, TokenCache(1 << 16))

    for pair in (("Red lamp", "a large red lamp, 60w"), ("", "drill"), ("2 x 4 hammer", "x")):
        (row,) = builder.build([pair]).rows
        expected = tokenizer(*pair, return_token_type_ids=True)
        assert row.ids.tolist() == expected["input_ids"]
        types = [0] * row.first_length + [1] * (row.length - row.first_length)
        assert types == expected["token_type_ids"]


def test_a_broken_renderer_would_be_seen() -> None:
    """The byte comparison above tells a row from one with another feature order."""
    log = _one_row("lamp", "red", {Entity.ITEM: {"stars": 3}, Entity.USER: {}, Entity.CONTEXT: {}})
    swapped = FeatureSchema(features=SCHEMA.features[::-1])

    assert render_log(log, Renderer(TEMPLATE, SCHEMA)) != render_log(
        log, Renderer(TEMPLATE, swapped)
    )


def _one_row(query: str, title: str, features: dict[Entity, Features]) -> ClickLog:
    return ClickLog(
        query=[query],
        title=[title],
        item_id=["i"],
        target=np.ones(1),
        weight=np.ones(1),
        position=None,
        group=["g"],
        features={
            entity: {name: [value] for name, value in values.items()}
            for entity, values in features.items()
        },
    )


def _present(features: Features) -> dict[str, FeatureValue]:
    return {name: value for name, value in features.items() if value is not None}


def _served(request: SearchRequest, renderer: Renderer) -> Segments:
    """Render as the gateway's predictor does."""
    shared = renderer.request(request.query, request.user_features, request.context_features)
    (candidate,) = request.candidates
    return renderer.row(shared, renderer.item(candidate.title, candidate.features))
