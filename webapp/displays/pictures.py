"""Pictures that are too large to be part of a page: files named by the digest of their content.

A page with a picture of 28 by 28 pixels is smaller and comes sooner with the picture in it. One of
224 by 224 pixels, which a page shows several times, made a page of 1.7 MB. Such a picture has an
address of its own that says nothing but what its bytes are, so a browser may keep it for good.
"""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explainer.artifact import sha256, write_atomically
from webapp.displays.image import Projection

LARGEST_INSIDE = 12_000  # characters of a data URI: what a first round trip carries beside a page
START = "data:image/png;base64,"


def outside(root: Path, shown: Projection) -> Projection:
    """The same, with the digest of each large picture in its place. root: the artifact folder.

    Raises ArtifactError where a picture cannot be written.
    """

    def move(picture: str) -> str:
        if len(picture) <= LARGEST_INSIDE:
            return picture
        data = base64.b64decode(picture.removeprefix(START))
        digest = sha256(data)
        file = path(root, digest)
        if not file.exists():
            write_atomically(file, data)
        return digest

    return replace(
        shown,
        picture=move(shown.picture),
        heat=None if shown.heat is None else move(shown.heat),
        classes=tuple(replace(each, heat=move(each.heat)) for each in shown.classes),
        concepts=tuple(
            replace(each, pictures=None if each.pictures is None else move(each.pictures))
            for each in shown.concepts
        ),
    )


def path(root: Path, digest: str) -> Path:
    """Where the picture with this digest lies."""
    return root / "pictures" / digest[:2] / f"{digest}.png"


def source(address: Callable[[str], str]) -> Callable[[str], str]:
    """What a template writes for a picture: itself, or the address of its digest."""
    return lambda picture: picture if picture.startswith(START) else address(picture)
