"""What every image must be: each claim is read from its Dockerfile."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.images import EXTRAS, IMAGES, ROOT, Stage, dockerfile

IMAGE = pytest.mark.parametrize("image", EXTRAS)
PINNED = "docker.io/library/python:${PYTHON_TAG}@${PYTHON_DIGEST}"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILD_STAGES = ("wheel", "installed", "sbom-maker", "sbom")


def last(image: str) -> Stage:
    """The stage that is the image."""
    return dockerfile(image).stages[-1]


def test_every_folder_with_a_dockerfile_is_an_image_of_these_tests() -> None:
    """A new image cannot come without the tests."""
    assert {path.parent.name for path in IMAGES.glob("*/Dockerfile")} == EXTRAS.keys()


@IMAGE
def test_hadolint_has_nothing_to_say(image: str) -> None:
    """The real hadolint finds nothing, and no line tells it to look away."""
    path = IMAGES / image / "Dockerfile"
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run(
        [hadolint, "--disable-ignore-pragma", path], check=False, capture_output=True, text=True
    )
    assert result.stdout + result.stderr == ""
    assert result.returncode == 0


@IMAGE
def test_bases_are_pinned_by_digest_arguments(image: str) -> None:
    """Each stage stands on the pinned Python, on an earlier stage, or on nothing."""
    file = dockerfile(image)
    arguments = dict(one.value.split("=", 1) for one in file.head)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", arguments["PYTHON_DIGEST"])
    assert arguments["PYTHON_TAG"].startswith("3.11.14-slim")
    earlier: set[str] = set()
    for stage in file.stages:
        assert stage.base in {PINNED, "scratch", *earlier}
        earlier.add(stage.name)
    assert [stage.name for stage in file.stages] == [*BUILD_STAGES, image]
    assert last(image).base == PINNED


@IMAGE
def test_what_is_installed_is_locked(image: str) -> None:
    """Every `pip install` asks for hashes and wheels alone, or for our wheel without an index."""
    installs = [
        command
        for stage in dockerfile(image).stages
        for value in stage.values("RUN")
        for command in value.split("&&")
        if re.search(r"\bpip\b.* install ", command)
    ]
    assert len(installs) == 4
    for command in installs:
        locked = {"--require-hashes", "--only-binary=:all:", "-r"} <= set(command.split())
        assert locked or {"--no-index", "--no-deps"} <= set(command.split())
    assert (
        f"k8s/images/{image}/requirements.txt"
        in dockerfile(image).stage("installed").values("COPY")[0]
    )
    assert not last(image).values("ADD")


@IMAGE
def test_the_process_is_nobody_and_hears_signals(image: str) -> None:
    """A numeric user that is not root; exec form, so that SIGTERM reaches the process itself."""
    stage = last(image)
    (user,) = stage.values("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    names = [one.name for one in stage.instructions]
    # Whatever is written into the image is written by root, so that the process cannot change it.
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in {"RUN", "COPY"})
    assert stage.words("ENTRYPOINT")[0] in PROJECT["scripts"]
    assert stage.words("CMD")
    assert not stage.values("HEALTHCHECK")
    assert not stage.values("STOPSIGNAL")


@IMAGE
def test_a_read_only_root_is_enough(image: str) -> None:
    """No bytecode is written, and a home is in /tmp; nothing declares a volume elsewhere."""
    environment = dockerfile(image).environment
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["PYTHONUNBUFFERED"] == "1"
    places = {value for name, value in environment.items() if name.endswith(("HOME", "DIR"))}
    assert all(place == "/tmp" or place.startswith("/tmp/") for place in places)  # noqa: S108 -- in the image
    assert not last(image).values("VOLUME")


@IMAGE
def test_labels_say_what_it_is(image: str) -> None:
    """The labels of the OCI's specification, with pyproject's version by default."""
    labels = dockerfile(image).labels
    named = {name.removeprefix("org.opencontainers.image.") for name in labels}
    assert named == {"title", "description", "version", "revision", "licenses", "base.name"}
    assert labels["org.opencontainers.image.title"] == f"ctr-serve {image}"
    assert f"VERSION={PROJECT['version']}" in last(image).values("ARG")


def test_the_images_are_built_alike() -> None:
    """The build stages of the three differ in the image's name and in torch's index alone."""

    def told(image: str) -> list[tuple[str, str]]:
        stages = [dockerfile(image).stage(name) for name in BUILD_STAGES]
        return [
            (one.name, one.value.replace(image, "IMAGE").replace(torch, ""))
            for stage in stages
            for one in stage.instructions
            if not one.value.startswith("TORCH_INDEX=")
        ]

    torch = '--extra-index-url "${TORCH_INDEX}" '
    assert told("gateway") == told("monitor") == told("exporter")
