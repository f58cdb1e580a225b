"""How many players an input has, told from a checkpoint's card, without torch."""

from collections.abc import Mapping
from math import ceil
from typing import Any

SEGMENTS = 7  # of a series, unless another size is asked for; as the subject has it


def count_players(card: Mapping[str, Any], parameters: Mapping[str, Any]) -> int | None:
    """How many players the inputs of a checkpoint have; None where each has its own number.

    parameters: a method's, whose `players` and `size` say how elements are grouped.
    """
    group, size = parameters.get("players"), parameters.get("size")
    if group is None or size is None:
        return None
    prepared, architecture = card["preprocessing"], card["architecture"]
    if prepared["kind"] == "image" and {"height", "width"} <= prepared.keys():
        return _image(prepared["height"], prepared["width"], group, size)
    if prepared["kind"] == "series" and "lag" in architecture:
        return _series(architecture["lag"], group, size)
    return None


def _image(height: int, width: int, group: str, size: int) -> int | None:
    counts = {
        "default": height * width,
        "each": height * width,
        "patches": ceil(height / size) * ceil(width / size),
        "runs": ceil(height * width / size),
    }
    return counts.get(group)


def _series(lag: int, group: str, size: int) -> int | None:
    if group == "each":
        return lag
    if group not in ("default", "segments"):
        return None
    return ceil(lag / (ceil(lag / SEGMENTS) if size == 1 else size))
