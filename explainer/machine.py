"""What the numbers are computed on."""

from importlib.metadata import version
from platform import python_version

import torch


class DeviceError(Exception):
    """The device asked for is not there."""


def pick(device: str) -> str:
    """Return `device`, or for "auto" the GPU where there is one. Raises DeviceError."""
    there = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    if device == "auto":
        return there[-1]
    if device not in there:
        raise DeviceError(f"no device {device!r} here; there is {' and '.join(there)}")
    return device


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python and of some packages."""
    return {"python": python_version(), **{name: version(name) for name in packages}}
