"""What stands for a registry: image references, and what each is on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Image:
    """One image.

    Attributes:
        entrypoint: what its ENTRYPOINT stands for; empty for an image of files alone.
        variables: its ENV.
        files: its content by path in the image -> place on this machine, for image volumes and for
            programs that read them. A copy keeps its name, so both must end alike.
        programs: a folder of its programs, first on PATH; None leaves those of this machine.
    """

    entrypoint: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    programs: Path | None = None

    def __post_init__(self) -> None:
        for path, place in self.files.items():
            if PurePosixPath(path).name != place.name:
                raise RehearsalError(
                    f"{path} of an image must be a folder of that name, not {place}"
                )


class ImageNotFoundError(Exception):
    """The registry has no such image; the message names it."""


class Registry:
    """Images by reference, tag or digest as a manifest writes it. More may come while it runs."""

    def __init__(self, images: Mapping[str, Image]) -> None:
        self._images = dict(images)

    def add(self, reference: str, image: Image) -> None:
        """Push an image."""
        self._images[reference] = image

    def pull(self, reference: str) -> Image:
        """Return an image.

        Raises:
            ImageNotFoundError: it is not there.
        """
        try:
            return self._images[reference]
        except KeyError:
            raise ImageNotFoundError(f'image "{reference}" not found in the registry') from None
