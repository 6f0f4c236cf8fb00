"""A graph of the bundle in the very sessions that serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctr_bench.errors import BenchError
from ctr_service.backend.opening import sessions_opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.backend.sessions import Session
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.bundle.manifest import GraphVariant


class Choice(Protocol):
    """Names a variant; the manifest's default and its Triton targets do."""

    @property
    def graph(self) -> str: ...  # noqa: D102 -- as in the manifest

    @property
    def engine(self) -> str: ...  # noqa: D102 -- as in the manifest

    @property
    def precision(self) -> str: ...  # noqa: D102 -- as in the manifest


def variant_of(bundle: Bundle, choice: Choice) -> GraphVariant:
    """Return the variant of this name."""
    return bundle.manifest.variant(choice.graph, choice.engine, choice.precision)


def name_of(choice: Choice) -> str:
    """Return graph, engine and precision, as GetModel says them."""
    return f"{choice.graph}/{choice.engine}/{choice.precision}"


def triton_choice(bundle: Bundle, target: str) -> Choice:
    """Return what a Triton target of the bundle serves.

    Raises:
        BenchError: the bundle has no such target.
    """
    found = bundle.manifest.triton.get(target)
    if found is None:
        raise BenchError(f"{bundle.folder} has no triton/{target}: export it again")
    return found


def open_sessions(bundle: Bundle, choice: Choice, *, sessions: int, threads: int) -> list[Session]:
    """Load a graph into its engine, by the code that serves.

    Raises:
        BundleError: the engine cannot load it, or cannot run here.
    """
    opener = sessions_opener(choice.engine, choice.precision)
    found: Sequence[Session] = opener(
        bundle.path_of(variant_of(bundle, choice)), sessions=sessions, threads=threads
    )
    return list(found)
