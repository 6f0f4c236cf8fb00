"""The limits that training keeps are those of the wire."""

from __future__ import annotations

import re
from pathlib import Path

from ctr_train import limits

PROTO = Path(__file__).parents[3] / "proto/ctr/v1/prediction.proto"


def test_limits_are_those_that_the_proto_states() -> None:
    """The proto's head names every limit; a changed one must change here too."""
    head = re.sub(r"\s*//\s*", " ", PROTO.read_text().split("syntax =")[0])
    stated = re.search(
        r"query (\S+) characters; title (\S+); a text feature (\S+); an id (\S+); (\S+) features",
        head,
    )
    assert stated
    assert [int(number.replace(",", "")) for number in stated.groups()] == [
        limits.QUERY_CHARACTERS,
        limits.TITLE_CHARACTERS,
        limits.FEATURE_CHARACTERS,
        limits.ID_CHARACTERS,
        limits.FEATURES_AN_ENTITY,
    ]
    assert f"At most {limits.TEXTS_A_FEATURE} values" in PROTO.read_text()
