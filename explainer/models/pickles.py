"""Files of torch.save, read without executing what is in them.

A pickle is a program. All that it can build here are containers, tensors and stand-ins: whatever
else it names is never imported, only recorded, and a configuration is read out of the record. So a
checkpoint of PyTorch Lightning with OmegaConf's objects inside, which torch.load refuses with
`weights_only`, is read without omegaconf and without running its code.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from typing import IO, Any

import torch
from torch import Tensor

LARGEST_FILE = 4 * 2**30
STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
}
CONTAINERS: dict[tuple[str, str], Any] = {
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "set"): set,
    ("builtins", "int"): int,
    ("builtins", "long"): int,
    ("collections", "OrderedDict"): OrderedDict,
}


class PickleError(Exception):
    """A file is not one of torch.save, is cut off, or asks for what is not allowed."""


class Record:
    """What stands in for an object of a class that is not let in: its state, nothing that runs."""

    state: Any = None

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take anything; keep nothing."""

    def __setstate__(self, state: Any) -> None:
        """Keep the state as it is."""
        self.state = state


def read(file: IO[bytes]) -> Any:
    """Return what torch.save wrote, tensors on the CPU. Raises PickleError."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise PickleError(
            f"no whole file of torch.save ({error}); one from before PyTorch 1.6: save it again"
        ) from error
    except PickleError:
        raise
    except Exception as error:  # a hostile pickle can make the unpickler raise anything
        raise PickleError(f"its pickle cannot be read ({type(error).__name__}: {error})") from error


def plain(value: Any, depth: int = 0) -> Any:
    """A configuration as JSON values; records of OmegaConf give their content, others None."""
    if depth > 64:
        raise PickleError("its configuration is nested more than 64 deep")
    if isinstance(value, Record):
        state = value.state if isinstance(value.state, dict) else {}
        value = state.get("_content", state.get("_val"))
    if isinstance(value, dict):
        return {str(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth + 1) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else None


def _read(archive: zipfile.ZipFile) -> Any:
    entries = {info.filename: info for info in archive.infolist()}
    programs = [name for name in entries if name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise PickleError("no file of torch.save: it has no data.pkl")
    if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
        raise PickleError("holds compressed parts, which torch.save never writes")
    if sum(info.file_size for info in entries.values()) > LARGEST_FILE:
        raise PickleError(f"is larger than {LARGEST_FILE} bytes; no checkpoint is")
    root = programs[0].removesuffix("data.pkl")
    order = archive.read(f"{root}byteorder") if f"{root}byteorder" in entries else b"little"
    if order != b"little":
        raise PickleError("was written on a big-endian machine; save it again on another")
    return _Unpickler(io.BytesIO(archive.read(programs[0])), archive, f"{root}data/").load()


class _Unpickler(pickle.Unpickler):
    """Builds containers, tensors and records."""

    def __init__(self, program: io.BytesIO, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(program)
        self._archive, self._root = archive, root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a class; nothing is imported."""
        module = "builtins" if module == "__builtin__" else module
        if (module, name) in CONTAINERS:
            return CONTAINERS[module, name]
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if (module, name) == ("collections", "defaultdict"):
            return _defaultdict
        return type(name, (Record,), {})

    def persistent_load(self, pid: Any) -> Tensor:
        """Return a storage's elements in a row."""
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(key, str):
            raise PickleError("holds a storage of an unknown kind")
        if key not in self._storages:
            data = self._archive.read(self._root + key)
            size = torch.empty(0, dtype=dtype).element_size()
            if type(count) is not int or count < 0 or len(data) != count * size:
                raise PickleError(f"storage {key} holds {len(data)} bytes, not {count} x {size}")
            held = torch.frombuffer(bytearray(data), dtype=dtype) if data else None
            self._storages[key] = torch.empty(0, dtype=dtype) if held is None else held
        return self._storages[key]


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    """A tensor over a storage, no larger than it: expanded tensors could fill any memory."""
    if math.prod(size) > storage.numel():
        raise PickleError(f"a tensor of shape {tuple(size)} is larger than its storage")
    return storage.as_strided(size, stride, offset).clone()


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


def _defaultdict(*_: Any) -> dict[Any, Any]:
    return defaultdict(lambda: None)
