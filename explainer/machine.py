"""What the numbers are computed on."""

from importlib.metadata import version
from platform import python_version
from typing import Any

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


def keep_memory() -> None:
    """Let this process keep the memory of one batch for the next.

    glibc gives every large block back to the system when it is freed, and faults it in again for
    the next layer; once a block of nearly 32 MiB has been freed, it keeps smaller ones. Measured on
    one core: 1.4 instead of 2.4 ms an image.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def keep_float32() -> None:
    """Let this process compute float32 as such: cuDNN rounds to TF32 unless told not to."""
    cudnn: Any = torch.backends.cudnn
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = "ieee"


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python and of some packages."""
    return {"python": python_version(), **{name: version(name) for name in packages}}
