"""Whether a bundle is whole and would serve on this machine, with all that is wrong at once.

`load_bundle` stops at the first fault, which is right for a server that starts; whoever has to
repair a delivery wants the whole list.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.opening import sessions_opener
from ctr_service.backend.shapes import warm_tensors
from ctr_service.bundle.bundle import (
    DIGEST_FILE,
    MANIFEST_FILE,
    SEAL,
    TOKENIZER_FILE,
    digests_of,
)
from ctr_service.bundle.manifest import Manifest
from ctr_service.bundle.tokens import load_tokenizer
from ctr_service.errors import (
    BackendFailedError,
    BundleError,
    EngineUnavailableError,
    SettingsError,
)
from ctr_service.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_service.bundle.manifest import GraphVariant, TensorSpec
    from ctr_service.plan import ServingPlan, Wishes

INPUTS = {INPUT_IDS: ("int32", 2), LENGTHS: ("int32", 1), FIRST_LENGTHS: ("int32", 1)}
OUTPUTS = {LOGITS: ("float32", 1)}
"""Name -> dtype and dimensions: the one signature that the gateway speaks."""
MOST_NAMED = 5
"""So many stray files are named; the rest are counted."""


class Level(enum.Enum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: "manifest", "files", "tokenizer", "graph", "machine".
        subject: of what, such as "joint/onnxruntime/fp32"; empty for the whole bundle.
        said: a sentence.
    """

    level: Level
    check: str
    subject: str
    said: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that was looked at.

    Attributes:
        manifest: None when it cannot be read.
        plan: what would serve; None when nothing would.
    """

    folder: Path
    manifest: Manifest | None
    manifest_sha256: str
    plan: ServingPlan | None
    findings: tuple[Finding, ...]

    @property
    def serves(self) -> bool:
        """Whether a gateway with these wishes would start on it here."""
        return self.plan is not None and not any(f.level is Level.WRONG for f in self.findings)


def verify_bundle(folder: Path, wishes: Wishes, *, cpus: int, cpu: str) -> Verified:
    """Compare manifest and files, read the tokenizer, and run a row through every graph.

    Args:
        folder: the bundle.
        wishes: which graph shall serve; the bundle's default without one.
        cpus: how many this process may use.
        cpu: this processor's name, as `cpu_name` gives it.
    """
    try:
        raw = SEAL.read(folder)
        manifest = SEAL.parse(raw, Manifest)
    except (BundleError, OSError) as error:
        return Verified(folder, None, "", None, (Finding(Level.WRONG, "manifest", "", f"{error}"),))
    digest = hashlib.sha256(raw).hexdigest()
    broken = dict(_broken_files(folder, manifest))
    findings = [
        Finding(Level.OK, "manifest", "", f"matches its own digest, sha256 {digest[:12]}"),
        *_files(folder, manifest, broken),
        *_tokenizer(folder, manifest, broken),
    ]
    try:
        plan = make_plan(manifest, wishes, cpus)
    except SettingsError as error:
        findings.append(Finding(Level.WRONG, "machine", "", str(error)))
        return Verified(folder, manifest, digest, None, tuple(findings))
    findings += _graphs(folder, manifest, plan, broken)
    findings += _machine(manifest, plan, cpu)
    return Verified(folder, manifest, digest, plan, tuple(findings))


def _broken_files(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield name and sentence of each file that is missing, changed or elsewhere."""
    for name, digest in dict(digests_of(manifest)).items():
        try:
            SEAL.check(folder, [(name, digest)])
        except (BundleError, OSError) as error:
            yield name, str(error)


def _files(folder: Path, manifest: Manifest, broken: dict[str, str]) -> Iterator[Finding]:
    named = dict(digests_of(manifest))
    for name, said in broken.items():
        yield Finding(Level.WRONG, "files", name, said)
    if not broken:
        yield Finding(Level.OK, "files", "", f"all {len(named)} match the manifest's digests")
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    strays = sorted(here - named.keys() - {MANIFEST_FILE, DIGEST_FILE})
    if strays:
        shown = ", ".join(strays[:MOST_NAMED]) + (", ..." if len(strays) > MOST_NAMED else "")
        said = f"{len(strays)} that the manifest does not name, and nothing reads: {shown}"
        yield Finding(Level.NOTE, "files", "", said)


def _tokenizer(folder: Path, manifest: Manifest, broken: dict[str, str]) -> Iterator[Finding]:
    if TOKENIZER_FILE in broken:
        return
    try:
        size = load_tokenizer(folder / TOKENIZER_FILE).get_vocab_size()
    except BundleError as error:
        yield Finding(Level.WRONG, "tokenizer", "", str(error))
        return
    template = manifest.template
    ids = (template.cls_id, template.sep_id, template.pad_id, *template.separator_ids)
    if max(ids) >= size:
        said = f"the template names token {max(ids)}; the tokenizer has {size}"
        yield Finding(Level.WRONG, "tokenizer", "", said)
        return
    yield Finding(Level.OK, "tokenizer", "", f"{size:,} tokens, the template's among them")


def _graphs(
    folder: Path, manifest: Manifest, plan: ServingPlan, broken: dict[str, str]
) -> Iterator[Finding]:
    for graph, engines in manifest.graphs.items():
        for engine, precisions in engines.items():
            for precision, variant in precisions.items():
                name = f"{graph}/{engine}/{precision}"
                if broken.keys() & {variant.file, *variant.extra_files}:
                    yield Finding(Level.WRONG, "graph", name, "its files are not whole")
                    continue
                serves = (graph, engine, precision) == (plan.graph, plan.engine, plan.precision)
                yield _graph(folder, name, (engine, precision), variant, serves=serves)


def _graph(
    folder: Path, name: str, run_by: tuple[str, str], variant: GraphVariant, *, serves: bool
) -> Finding:
    """Load one graph and run one row through it."""
    declared = (_shapes(variant.inputs), _shapes(variant.outputs))
    if declared != (INPUTS, OUTPUTS):
        said = f"its signature is {declared}; the gateway speaks {(INPUTS, OUTPUTS)}"
        return Finding(Level.WRONG, "graph", name, said)
    tensors = warm_tensors(1, 8)
    try:
        opened = sessions_opener(*run_by)(folder / variant.file, sessions=1, threads=1)
        logits = opened[0].run(tensors).get(LOGITS)
    except EngineUnavailableError as error:
        return Finding(Level.WRONG if serves else Level.NOTE, "graph", name, f"{error}")
    except (BundleError, BackendFailedError) as error:
        return Finding(Level.WRONG, "graph", name, str(error))
    if logits is None or logits.shape != (1,) or logits.dtype.name != OUTPUTS[LOGITS][0]:
        gave = "no logits" if logits is None else f"{logits.dtype} {list(logits.shape)}"
        said = f"it gave {gave} for one row, not float32 [1]"
        return Finding(Level.WRONG, "graph", name, said)
    return Finding(Level.OK, "graph", name, "loads and scores" + (", and serves" if serves else ""))


def _machine(manifest: Manifest, plan: ServingPlan, cpu: str) -> Iterator[Finding]:
    measured = manifest.default.cpu
    if measured == cpu:
        said = "the processor on which the default graph was chosen"
        yield Finding(Level.OK, "machine", "", said)
    else:
        said = (
            f"the default graph was the fastest on {measured}; this is {cpu}. "
            "`ctr-export compare` measures here"
        )
        yield Finding(Level.NOTE, "machine", "", said)
    wished = plan.layout.sessions * plan.layout.threads_a_session
    if wished > plan.cpus:
        said = (
            f"the layout wants {wished} CPUs and this process may use {plan.cpus}: it would run "
            f"{plan.sessions} sessions of {plan.threads_a_session} threads"
        )
        yield Finding(Level.NOTE, "machine", "", said)


def _shapes(specs: tuple[TensorSpec, ...]) -> dict[str, tuple[str, int]]:
    return {spec.name: (spec.dtype, len(spec.shape)) for spec in specs}
