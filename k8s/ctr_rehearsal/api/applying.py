"""Server-side apply: a manager says what it wants, owns it, and may not take what is another's.

Simpler than a cluster's in two ways, both on the strict side: a field belongs to whoever wrote it
last with another value (plain updates own what they changed), and lists merge by one key alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_rehearsal.api.ownership import ITSELF, from_fields, paths_of, remove, to_fields
from ctr_rehearsal.api.strategic import strategic_merge
from ctr_rehearsal.errors import ApiError
from ctr_rehearsal.objects import name_of

if TYPE_CHECKING:
    from ctr_rehearsal.api.kinds import Kind
    from ctr_rehearsal.api.ownership import Path
    from ctr_rehearsal.objects import Object

APPLY, UPDATE = "Apply", "Update"


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes: the field manager that a request names, and how it writes."""

    name: str
    operation: str
    time: str


def applied(
    kind: Kind, thing: Object | None, wanted: Object, manager: Manager, *, force: bool
) -> Object:
    """Return an object after a server-side apply.

    Args:
        kind: of both.
        thing: what stands; None creates it.
        wanted: all that the manager wants to own.
        manager: who applies.
        force: take fields over from others.

    Raises:
        ApiError: 409 with the fields that others own at other values.
    """
    standing = thing or {"metadata": {}}
    owners = _owners(standing)
    leaves = paths_of(wanted)
    now = paths_of(standing)
    before = owners.pop((manager.name, APPLY), set())
    taken: dict[tuple[str, str], set[Path]] = {}
    for key, paths in owners.items():
        clash = {p for p in paths & leaves.keys() if p in now and now[p] != leaves[p]}
        if clash:
            taken[key] = clash
    if taken and not force:
        raise _conflict(kind, wanted, taken)
    for key, clash in taken.items():
        owners[key] -= clash
    others = set().union(*owners.values()) if owners else set()
    result = copy.deepcopy(standing)
    for path in sorted(before - leaves.keys() - others, key=_depth, reverse=True):
        remove(result, path)
    merged = strategic_merge(result, {k: v for k, v in wanted.items() if k != "status"})
    owners[manager.name, APPLY] = set(leaves)
    return _with_owners(merged, owners, manager)


def updated(old: Object | None, new: Object, manager: Manager) -> Object:
    """Return `new` with its changed fields owned by who wrote them by another way than apply."""
    before, now = paths_of(old or {"metadata": {}}), paths_of(new)
    changed = {path for path, value in now.items() if path not in before or before[path] != value}
    owners = _owners(new)
    for key in owners:
        owners[key] = {p for p in owners[key] if p in now and (p not in changed)}
    owners.setdefault((manager.name, manager.operation), set()).update(changed)
    return _with_owners(new, owners, manager)


def _depth(path: Path) -> tuple[int, bool]:
    """Sort an item before its own fields: without the field that is its key nobody finds it."""
    return len(path), path[-1] == ITSELF


def _owners(thing: Object) -> dict[tuple[str, str], set[Path]]:
    return {
        (entry["manager"], entry["operation"]): from_fields(entry.get("fieldsV1") or {})
        for entry in thing["metadata"].get("managedFields") or ()
        if not entry.get("subresource")
    }


def _with_owners(
    thing: Object, owners: dict[tuple[str, str], set[Path]], manager: Manager
) -> Object:
    result = copy.deepcopy(thing)
    times = {
        (entry["manager"], entry["operation"]): entry.get("time")
        for entry in result["metadata"].get("managedFields") or ()
    }
    times[manager.name, manager.operation] = manager.time
    result["metadata"]["managedFields"] = [
        {
            "manager": name,
            "operation": operation,
            "apiVersion": thing.get("apiVersion"),
            "time": times.get((name, operation)) or manager.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields(sorted(paths, key=repr)),
        }
        for (name, operation), paths in owners.items()
        if paths
    ]
    return result


def _conflict(kind: Kind, wanted: Object, taken: dict[tuple[str, str], set[Path]]) -> ApiError:
    told = "; ".join(
        f'conflict with "{name}": ' + ", ".join(sorted(_dotted(path) for path in paths))
        for (name, _), paths in taken.items()
    )
    return ApiError(
        *(409, "Conflict"), f'Apply failed on {kind.qualified} "{name_of(wanted)}": {told}'
    )


def _dotted(path: Path) -> str:
    return "".join(
        f".{step[1]}" if step[0] == "f" else f'[{step[1]}="{step[2]}"]'
        for step in path
        if step != (".",)
    )
