"""What the numbers are computed on."""

from importlib.metadata import version
from platform import python_version

import torch


def pick(device: str) -> str:
    """Return `device`, or for "auto" the GPU where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python and of some packages."""
    return {"python": python_version(), **{name: version(name) for name in packages}}
