"""Workloads as they are written and drawn: sizes, shares, warm and cold, both protocols."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.answers import Counts
from ctr_bench.built import Wire, build
from ctr_bench.catalogue import Catalogue
from ctr_bench.errors import BenchError
from ctr_bench.lengths import EstimatedLengths
from ctr_bench.open_inference import read_infer, serialise_infer
from ctr_bench.searches import FeatureNames, Search
from ctr_bench.sources import Drawn, Listed, Synthetic
from ctr_bench.workload_text import parse_priorities, parse_range, parse_sizes, parse_source
from ctr_client.messages import Item

TITLES = ("red lamp large", "steel drill kit 18", "oak shelf", "blue outdoor speaker x")
NAMES = FeatureNames(item={"price": "number"}, user={"segment": "text"})
LENGTHS = EstimatedLengths()


def synthetic(cold: float = 0.0, *, pool: int = 100, sizes: str = "4") -> Synthetic:
    """A source over a few titles."""
    return Synthetic(Catalogue(TITLES, "here"), parse_sizes(sizes), pool=pool, cold=cold)


def test_list_sizes_are_drawn_as_they_are_written() -> None:
    """One size, a range, and sizes by share."""
    rng = np.random.default_rng(0)
    assert set(parse_sizes("16").draw(50, rng).tolist()) == {16}
    ranged = parse_sizes("3..5").draw(3_000, rng)
    assert set(ranged.tolist()) == {3, 4, 5}
    shared = Counter(parse_sizes("16=3,64=1").draw(4_000, rng).tolist())
    assert shared[16] / 4_000 == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("text", ["0", "1..2000", "x", "16=-1", "5..3", "", "x=1", "16=y"])
def test_list_sizes_that_are_none_are_refused(text: str) -> None:
    """The option is named, with what may stand there."""
    with pytest.raises(BenchError, match="--candidates"):
        parse_sizes(text)


def test_sources_ranges_and_priorities_are_parsed_or_refused() -> None:
    """A file belongs to csv and log alone; a range does not fall; a priority is known."""
    assert parse_source("synthetic") == ("synthetic", None)
    kind, path = parse_source("log:a.jsonl")
    assert (kind, str(path)) == ("log", "a.jsonl")
    assert parse_range("10..45", "--pair-tokens") == (10, 45)
    assert parse_priorities("interactive=0.9,bulk=0.1") == {1: 0.9, 2: 0.1}
    for wrong in ("csv", "synthetic:x", "kafka:x"):
        with pytest.raises(BenchError, match="--workload"):
            parse_source(wrong)
    with pytest.raises(BenchError, match="--pair-tokens"):
        parse_range("45..10", "--pair-tokens")
    with pytest.raises(BenchError, match="--priority"):
        parse_priorities("urgent")


def test_warm_searches_repeat_by_zipf_and_cold_ones_come_once() -> None:
    """A share of the requests has a query of its own; the others follow the law over the pool."""
    drawn = synthetic(cold=0.25).draw(8_000, NAMES, LENGTHS, seed=1)
    times = Counter(drawn.order.tolist())
    cold = [index for index in times if index >= 100]
    assert len(cold) / 8_000 == pytest.approx(0.25, abs=0.03)
    assert all(times[index] == 1 for index in cold)
    assert len({drawn.searches[index].query for index in cold}) == len(cold)
    assert times[0] / times[1] == pytest.approx(2, rel=0.3)


def test_the_same_seed_draws_the_same_requests() -> None:
    """Another seed draws others."""
    first, second, other = (
        synthetic(0.5).draw(50, NAMES, LENGTHS, seed=seed) for seed in (3, 3, 4)
    )
    assert first.searches == second.searches
    assert first.order.tolist() == second.order.tolist()
    assert first.searches != other.searches


def test_built_requests_carry_model_priorities_and_features() -> None:
    """The bytes are ctr.v1's, and each message has its items, tokens and priority beside it."""
    drawn = synthetic(sizes="2..3").draw(40, NAMES, LENGTHS, seed=0)
    wire = Wire("ctr.v1", model="clicks", priorities={pb.PRIORITY_BULK: 1.0})
    payloads, facts = build(drawn, wire, LENGTHS, np.arange(40), seed=0)
    for raw, size in zip(payloads.messages, payloads.candidates.tolist(), strict=True):
        message = pb.PredictClicksRequest.FromString(raw)
        assert len(message.candidates) == size
        assert (message.model.name, message.priority) == ("clicks", pb.PRIORITY_BULK)
        assert message.user.features["segment"].text
        assert message.candidates[0].features["price"].number
    assert payloads.tokens is not None
    assert (payloads.tokens >= 10 * payloads.candidates).all()
    assert facts["tokens_are"] == "estimated"
    assert 2 <= float(str(facts["candidates_mean"])) <= 3


def test_a_log_is_sent_in_its_order_and_from_the_first_again() -> None:
    """Five requests of two searches; a priority of the log's own is kept."""
    searches = [Search("a", [Item("1", "x")], priority=1), Search("b", [Item("1", "y")])]
    drawn = Listed(searches, {}).draw(5, NAMES, LENGTHS, 0)
    assert drawn.order.tolist() == [0, 1, 0, 1, 0]
    payloads, _ = build(drawn, Wire("ctr.v1", priorities={2: 1.0}), LENGTHS, np.arange(5), 0)
    assert payloads.priority is not None
    assert payloads.priority.tolist() == [1, 2]


def test_a_search_in_open_inference_has_its_tensors_and_parameters() -> None:
    """Query, titles, ids and features as BYTES; the rest as parameters."""
    search = Search("q", [Item("1", "x", features={"price": 2.5}), Item("2", "ü")], {"age": 3.0})
    raw = serialise_infer(search, model="m")
    request = service_pb2.ModelInferRequest.FromString(raw)
    shapes = {tensor.name: list(tensor.shape) for tensor in request.inputs}
    assert shapes == {"query": [1], "title": [2], "item_id": [2], "features": [2]}
    assert request.raw_input_contents[1] == b"\x01\x00\x00\x00x\x02\x00\x00\x00\xc3\xbc"
    assert request.parameters["user_features"].string_param == '{"age": 3.0}'
    assert request.model_name == "m"


def test_an_answer_in_open_inference_is_counted_by_its_status_tensor() -> None:
    """Statuses as ours gives them; a server without them has scored what it has rows for."""
    response = service_pb2.ModelInferResponse(model_version="7")
    response.outputs.add(name="score", datatype="FP32", shape=[3])
    response.raw_output_contents.append(b"\0" * 12)
    assert read_infer(response.SerializeToString()).counts == Counts(3, 0, 0, 0)
    response.outputs.add(name="status", datatype="BYTES", shape=[3])
    statuses = (b"SCORED", b"FALLBACK", b"INVALID")
    packed = b"".join(len(s).to_bytes(4, "little") + s for s in statuses)
    response.raw_output_contents.append(packed)
    response.parameters["degraded"].bool_param = True
    answer = read_infer(response.SerializeToString())
    assert answer.counts == Counts(1, 1, 1, 0)
    assert (answer.degraded, answer.version) == (True, "7")


def test_estimated_lengths_count_words_and_letters_beyond_ascii() -> None:
    """A long word is several tokens, each Chinese character one."""
    assert LENGTHS.tokens("red lamp") == 2
    assert LENGTHS.tokens("refurbished") == 2
    assert LENGTHS.tokens("红灯 x") == 3


def test_one_message_serves_every_request_of_a_drawn_order() -> None:
    """A search that repeats is serialised once."""
    searches = [Search("a", [Item("1", "x")])]
    drawn = Drawn(searches, np.zeros(1_000, np.int32))
    payloads, facts = build(drawn, Wire("ctr.v1"), LENGTHS, np.arange(1_000), 0)
    assert len(payloads.messages) == facts["distinct"] == 1
