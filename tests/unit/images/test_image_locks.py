"""The locks hold what pyproject's extras and constraints.txt say, without asking any registry."""

from __future__ import annotations

import tomllib
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.images import EXTRAS, IMAGES, ROOT, canonical, lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.support.images import Locked

ENVIRONMENT = {"python_version": "3.11", "python_full_version": "3.11.14", "extra": ""}
"""Of the images; the rest of a marker's environment is this Linux."""
NO_RELEASE_OF_OURS = {"setuptools"}
"""What `pip freeze` leaves out of constraints.txt."""
TOOLS = ("wheel", "sbom")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = {
    canonical(name): version.strip()
    for name, _, version in (
        line.partition("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}


def wanted(extras: Iterable[str]) -> list[Requirement]:
    """What pyproject says that the base install and these extras need, those of extras too."""
    optional = PYPROJECT["project"]["optional-dependencies"]
    found = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
    waiting, seen = list(extras), set[str]()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in optional[extra]:
            requirement = Requirement(line)
            if requirement.name == "ctr-serve":
                waiting += requirement.extras
            else:
                found.append(requirement)
    return found


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement's marker holds in the images, for any of the extras or none."""
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate(ENVIRONMENT | {"extra": e}) for e in (*extras, ""))


def unmet(roots: Iterable[Requirement], locked: Mapping[str, Locked]) -> set[str]:
    """Walk from requirements over installed metadata: a sentence for each that the lock fails.

    Also one for each entry that nothing needs.
    """
    said: set[str] = set()
    reached: set[str] = set()
    waiting = list(roots)
    walked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        reached.add(name)
        entry = locked.get(name)
        if entry is None:
            said.add(f"{requirement} is not locked")
            continue
        if not requirement.specifier.contains(Version(entry.version).public, prereleases=True):
            said.add(f"{requirement} is locked at {entry.version}")
        key = (name, frozenset(requirement.extras))
        if key not in walked:
            walked.add(key)
            needs = map(Requirement, metadata.requires(name) or [])
            waiting += [need for need in needs if applies(need, requirement.extras)]
    return said | {f"{name} is locked and nothing needs it" for name in locked.keys() - reached}


def off_constraints(locked: Mapping[str, Locked]) -> set[str]:
    """Entries at another version than constraints.txt has, or that it does not have."""
    return {
        f"{entry.name}=={entry.version}, not {CONSTRAINTS.get(entry.name)}"
        for entry in locked.values()
        if entry.name not in NO_RELEASE_OF_OURS
        and entry.name != "torch"
        and CONSTRAINTS.get(entry.name) != entry.version
    }


@pytest.mark.parametrize("image", EXTRAS)
def test_a_lock_is_what_the_extras_need(image: str) -> None:
    """Every requirement is met, its requirements' too, and nothing else is in the lock."""
    roots = [one for one in wanted(EXTRAS[image]) if applies(one, ())]
    assert unmet(roots, lock(image)) == set()


def test_the_tools_locks_are_what_is_asked_for() -> None:
    """The build backend and the bill's writer are locked with all that they need."""
    for tool in TOOLS:
        lines = (IMAGES / tool / "requirements.in").read_text().splitlines()
        roots = [Requirement(line) for line in lines if line and not line.startswith("#")]
        assert unmet(roots, lock(tool)) == set()
    backend = [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]
    assert {one.name for one in backend} <= lock("wheel").keys()


@pytest.mark.parametrize("folder", [*EXTRAS, *TOOLS])
def test_every_entry_has_hashes_and_the_version_that_ci_ran(folder: str) -> None:
    """Each has a sha256, and the version of constraints.txt."""
    locked = lock(folder)
    assert all(entry.hashes for entry in locked.values())
    assert off_constraints(locked) == set()


def test_torch_is_pyprojects_for_cpus() -> None:
    """The exporter's torch is the pinned release without CUDA: one wheel, one hash."""
    (pinned,) = [one for one in wanted({"export"}) if one.name == "torch"]
    torch = lock("exporter")["torch"]
    assert torch.version == f"{next(iter(pinned.specifier)).version}+cpu"
    assert torch.hashes == 1
    assert not [name for name in lock("exporter") if name.startswith(("nvidia-", "cuda-"))]


def test_the_gateway_and_the_monitor_hold_nothing_offline() -> None:
    """No torch, transformers or pandas in either lock; no engine in the monitor's."""
    offline = {"torch", "transformers", "pandas", "scikit-learn", "peft", "accelerate", "nncf"}
    assert not lock("gateway").keys() & offline
    assert {"onnxruntime", "openvino", "tokenizers"} <= lock("gateway").keys()
    engines = {"onnxruntime", "openvino", "tokenizers", "tritonclient"}
    assert not lock("monitor").keys() & (offline | engines)
    assert offline <= lock("exporter").keys()


def test_drift_is_found() -> None:
    """A lock that lacks, changes or adds an entry fails the walk, and one off CI's versions too."""
    roots = [one for one in wanted(EXTRAS["monitor"]) if applies(one, ())]
    locked = lock("monitor")
    aiohttp = locked["aiohttp"]
    lacking = {name: entry for name, entry in locked.items() if name != "yarl"}
    assert any("is not locked" in said for said in unmet(roots, lacking))
    changed = locked | {"aiohttp": type(aiohttp)("aiohttp", "2.0", 1)}
    assert any("locked at 2.0" in said for said in unmet(roots, changed))
    assert off_constraints(changed) == {f"aiohttp==2.0, not {aiohttp.version}"}
    more = locked | {"redis": type(aiohttp)("redis", "8.1.0", 1)}
    assert unmet(roots, more) == {"redis is locked and nothing needs it"}
