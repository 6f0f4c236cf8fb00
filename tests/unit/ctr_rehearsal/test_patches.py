"""Patches of all kinds, as kubectl sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctr_rehearsal.api.kinds import DEPLOYMENT, GRPC_ROUTE
from ctr_rehearsal.api.patches import JSON, MERGE, STRATEGIC, patched
from ctr_rehearsal.api.strategic import strategic_merge
from ctr_rehearsal.errors import ApiError

CONTAINERS: dict[str, Any] = {
    "containers": [
        {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}], "args": ["one", "two"]},
        {"name": "b", "image": "b:1", "ports": [{"containerPort": 1, "name": "p"}]},
    ]
}


def test_a_container_is_found_by_its_name() -> None:
    """`kubectl set image` changes one container and leaves the other alone."""
    patch = {"containers": [{"name": "b", "image": "b:2"}]}
    merged = strategic_merge(CONTAINERS, patch)
    assert [one["image"] for one in merged["containers"]] == ["a:1", "b:2"]
    assert merged["containers"][1]["ports"] == [{"containerPort": 1, "name": "p"}]


def test_a_list_without_a_key_is_exchanged() -> None:
    """Arguments are no set: the new list takes the place of the old one."""
    merged = strategic_merge(CONTAINERS, {"containers": [{"name": "a", "args": ["three"]}]})
    assert merged["containers"][0]["args"] == ["three"]


def test_null_and_delete_take_things_away() -> None:
    """A null takes a field, `$patch: delete` an item of a list."""
    patch = {
        "containers": [{"name": "a", "image": None}, {"name": "b", "$patch": "delete"}],
    }
    [only] = strategic_merge(CONTAINERS, patch)["containers"]
    assert only["name"] == "a"
    assert "image" not in only


def test_the_order_that_a_patch_sets_holds() -> None:
    """An apply sends `$setElementOrder` along; nothing of it stays in the object."""
    patch = {
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "a", "image": "a:2"}],
    }
    merged = strategic_merge(CONTAINERS, patch)
    assert [one["name"] for one in merged["containers"]] == ["b", "a"]
    assert set(merged) == {"containers"}


def test_retain_keys_drops_the_others() -> None:
    """A strategy of another type does not keep the fields of the old one."""
    standing = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert strategic_merge(standing, patch) == {"strategy": {"type": "Recreate"}}


def test_an_unknown_directive_is_refused() -> None:
    """What the emulator does not know is not half done."""
    with pytest.raises(ApiError, match=r"\$setSomething") as caught:
        strategic_merge({}, {"$setSomething/x": []})
    assert caught.value.status == 501


def test_a_patch_leaves_what_it_was_applied_to() -> None:
    """Objects are shared: a patch makes a new one."""
    before = json.dumps(CONTAINERS)
    strategic_merge(
        CONTAINERS, {"containers": [{"name": "a", "env": [{"name": "X", "value": "2"}]}]}
    )
    assert json.dumps(CONTAINERS) == before


def test_a_custom_resource_takes_no_strategic_patch() -> None:
    """As a cluster: 415, and kubectl says to use another type."""
    with pytest.raises(ApiError) as caught:
        patched(GRPC_ROUTE, {}, STRATEGIC, b"{}")
    assert caught.value.status == 415


def test_json_and_merge_patches_do_what_their_rfcs_say() -> None:
    """A JSON patch goes by path; a merge patch exchanges lists."""
    thing = {"spec": {"rules": [{"weight": 95}, {"weight": 5}]}}
    by_path = json.dumps([{"op": "replace", "path": "/spec/rules/1/weight", "value": 0}]).encode()
    assert patched(GRPC_ROUTE, thing, JSON, by_path)["spec"]["rules"][1] == {"weight": 0}
    merge = b'{"spec": {"rules": [{"weight": 1}]}}'
    assert patched(DEPLOYMENT, thing, MERGE, merge) == {"spec": {"rules": [{"weight": 1}]}}


@pytest.mark.parametrize("body", [b"{", b'[{"op": "replace", "path": "/no/such", "value": 1}]'])
def test_a_patch_that_does_not_fit_is_a_refusal(body: bytes) -> None:
    """Neither broken JSON nor a path that is not there ends the server."""
    with pytest.raises(ApiError):
        patched(DEPLOYMENT, {}, JSON, body)
