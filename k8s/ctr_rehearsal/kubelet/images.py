"""What stands for a registry: image references, and what each is on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
            programs that read them.
    """

    entrypoint: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


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
