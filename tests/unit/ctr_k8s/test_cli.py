"""`ctr-k8s` as people call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from ctr_k8s import layout
from ctr_k8s.cli import main
from ctr_k8s.combinations import Combination
from ctr_k8s.errors import ManifestError
from ctr_k8s.kustomize import render
from ctr_k8s.placeholders import placeholders
from ctr_k8s.policy import MUST_HAVES
from tests.support.k8s_renderings import MANIFESTS, ROOT, fresh, renderings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*arguments: str, given: str | None = None) -> Result:
    """Call it in this process."""
    return CliRunner().invoke(main, list(arguments), input=given)


def stream(combination: str) -> str:
    """One combination as kubectl would print it."""
    return yaml.safe_dump_all(renderings()[combination])


SMALL = "always: []\naxes: {}\noverlays: [{name: local}]\n"


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in the repository's root, with a table of one combination."""
    monkeypatch.chdir(ROOT)
    table = tmp_path / "combinations.yaml"
    table.write_text(SMALL)
    monkeypatch.setattr(layout, "TABLE", table)


@pytest.mark.usefixtures("in_root")
def test_render_leaves_each_combination_in_its_folder(tmp_path: Path) -> None:
    """The output names folder, objects and parts; the file holds what kubectl said."""
    done = run("render", "--out", str(tmp_path))
    assert done.exit_code == 0
    assert "objects of overlays/local" in done.output
    written = (tmp_path / "local" / "rendered.yaml").read_text()
    assert tuple(yaml.safe_load_all(written)) == renderings()["local"]


@pytest.mark.usefixtures("in_root")
def test_check_says_what_it_looked_at(tmp_path: Path) -> None:
    """The last line counts combinations, versions and must-haves."""
    done = run("check", "--out", str(tmp_path))
    assert done.exit_code == 0
    assert "1 combinations" in done.output
    assert f"all {len(MUST_HAVES)} must-haves" in done.output


def test_validate_takes_stdin() -> None:
    """`kubectl kustomize ... | ctr-k8s validate -` passes what is right."""
    done = run("validate", "-", given=stream("production"))
    assert (done.exit_code, done.output.count("as they must be")) == (0, 1)


def test_validate_names_what_is_wrong() -> None:
    """A schema's and a must-have's fault are a line each, with object, place and id."""
    documents = fresh("local")
    deployment = next(one for one in documents if one["kind"] == "Deployment")
    deployment["spec"]["replica"] = 3
    deployment["spec"]["template"]["spec"]["containers"][0].pop("lifecycle")
    done = run("validate", "-", given=yaml.safe_dump_all(documents))
    assert done.exit_code == 1
    assert "Kubernetes 1.31: Deployment/ctr-service: spec: " in done.output
    assert "[pre-stop]" in done.output


def test_placeholders_are_refused_when_asked() -> None:
    """Digests of zeros and names of nobody's do not reach a cluster unnoticed."""
    done = run("validate", "-", "--no-placeholders", given=stream("production"))
    assert done.exit_code == 1
    for words in (
        "a digest of zeros",
        "registry of nobody's",
        "address range",
        "containers[0].image",
    ):
        assert words in done.output


def test_what_was_set_is_no_placeholder() -> None:
    """A real digest in a real registry, and real addresses, pass."""
    text = yaml.safe_dump_all(renderings()["production-canary"])
    for old, new in (
        ("0" * 64, "1f" * 32),
        ("registry.example", "registry.internal"),
        ("192.0.2.0/24", "10.1.2.0/24"),
        ("ctr.example", "ctr.internal"),
    ):
        text = text.replace(old, new)
    assert placeholders(yaml.safe_load_all(text)) == ()


@pytest.mark.parametrize(
    ("text", "words"), [("a: {", "no YAML"), ("kind: Pod\nmetadata: {name: x}", "no apiVersion")]
)
def test_what_is_no_manifest_is_a_sentence(text: str, words: str) -> None:
    """A broken file ends with one line, not with a traceback."""
    done = run("validate", "-", given=text)
    assert done.exit_code == 1
    assert words in done.output
    assert isinstance(done.exception, SystemExit)


def test_kubectls_refusal_is_told(tmp_path: Path) -> None:
    """A component that is not there ends the rendering with kubectl's own words."""
    with pytest.raises(ManifestError, match="nowhere"):
        render(Combination("x", "base", ("nowhere",)), MANIFESTS, tmp_path / "x")


def test_must_haves_are_a_table() -> None:
    """Each is a line: id, sentence."""
    done = run("must-haves")
    assert [line.split()[0] for line in done.output.splitlines()] == [one.id for one in MUST_HAVES]
