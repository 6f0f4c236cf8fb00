"""Server-side apply: who owns what, and what happens when two want it."""

from __future__ import annotations

from typing import Any

import pytest

from ctr_rehearsal.api.applying import APPLY, UPDATE, Manager, applied, updated
from ctr_rehearsal.api.kinds import DEPLOYMENT
from ctr_rehearsal.api.ownership import from_fields, paths_of, to_fields
from ctr_rehearsal.errors import ApiError


def manager(name: str, operation: str = APPLY) -> Manager:
    """Whoever writes."""
    return Manager(name, operation, "2026-01-01T00:00:00Z")


def deployment(**spec: object) -> dict[str, Any]:
    """A small Deployment."""
    return {"metadata": {"name": "d", "namespace": "n"}, "spec": spec}


def containers(**images: str) -> list[dict[str, Any]]:
    """Containers by name."""
    return [{"name": name, "image": image} for name, image in images.items()]


def test_what_a_manager_no_longer_wants_goes() -> None:
    """Fields, and items of a list with all that is theirs, leave the object with the manifest."""
    gone = dict.fromkeys("bcdefghijklmnop", "1")  # sets of paths come in no set order
    first = deployment(replicas=2, containers=containers(a="1", **gone))
    thing = applied(DEPLOYMENT, None, first, manager("ops"), force=False)
    second = deployment(containers=containers(a="2"))
    thing = applied(DEPLOYMENT, thing, second, manager("ops"), force=False)
    assert thing["spec"] == {"containers": containers(a="2")}


def test_what_another_owns_is_a_conflict_that_names_it() -> None:
    """Two managers with different values: refused, with who and where."""
    thing = applied(DEPLOYMENT, None, deployment(replicas=2), manager("ops"), force=False)
    with pytest.raises(ApiError, match=r'"ops".*\.spec\.replicas') as caught:
        applied(DEPLOYMENT, thing, deployment(replicas=3), manager("hpa"), force=False)
    assert caught.value.status == 409


def test_force_takes_it_over_and_the_other_no_longer_removes_it() -> None:
    """With --force-conflicts the field changes hands."""
    thing = applied(DEPLOYMENT, None, deployment(replicas=2, a=1), manager("ops"), force=False)
    thing = applied(DEPLOYMENT, thing, deployment(replicas=3), manager("hpa"), force=True)
    thing = applied(DEPLOYMENT, thing, deployment(a=1), manager("ops"), force=False)
    assert thing["spec"] == {"replicas": 3, "a": 1}


def test_equal_values_are_owned_together() -> None:
    """Nobody conflicts by wanting what is there already."""
    thing = applied(DEPLOYMENT, None, deployment(replicas=2), manager("ops"), force=False)
    thing = applied(DEPLOYMENT, thing, deployment(replicas=2), manager("hpa"), force=False)
    thing = applied(DEPLOYMENT, thing, deployment(), manager("ops"), force=False)
    assert thing["spec"]["replicas"] == 2


def test_an_update_owns_what_it_changed() -> None:
    """A scale by hand makes the next apply of another number a conflict."""
    thing = applied(DEPLOYMENT, None, deployment(replicas=2), manager("ops"), force=False)
    scaled = {**thing, "spec": {"replicas": 5}}
    thing = updated(thing, scaled, manager("kubectl", UPDATE))
    with pytest.raises(ApiError, match='"kubectl"'):
        applied(DEPLOYMENT, thing, deployment(replicas=2), manager("ops"), force=False)


def test_owned_fields_survive_being_written_down() -> None:
    """The field managedFields holds the very paths that were owned."""
    paths = set(paths_of(deployment(containers=containers(a="1", b="2"), empty={}, replicas=1)))
    assert from_fields(to_fields(paths)) == paths
