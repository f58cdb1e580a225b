"""The resume point: a training run's whole state, from which a killed run goes on."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from explainer.encoding import sha256, write_atomically

NAME = "training.pt"


class TrainingError(Exception):
    """Training cannot begin or go on; the message says why and what to change."""


class ResumePoint:
    """One file in the checkpoint's folder: the SHA-256 of what follows, a new line, torch's format.

    torch.load alone does not notice a changed number. `run` is what a run must have in common
    with the file to go on from it.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        """Belong to a run in `folder`; nothing is read or written yet."""
        self.folder = folder
        self.path = folder / NAME
        self.run = run

    def write(self, state: dict[str, Any]) -> None:
        """Replace the file in one step. Raises ArtifactError when the disk is full."""
        file = io.BytesIO()
        torch.save({"run": self.run, "state": state}, file)
        data = file.getvalue()
        write_atomically(self.path, sha256(data).encode() + b"\n" + data)

    def read(self) -> dict[str, Any] | None:
        """Return the state, or None without a file. Raises TrainingError when it is not ours."""
        try:
            digest, _, data = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be read ({error.strerror})") from error
        otherwise = f"delete {self.path} to start again, or use another --out"
        if digest != sha256(data).encode():
            raise TrainingError(f"{self.path} is damaged: {otherwise}")
        try:
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            run, state = found["run"], dict(found["state"])
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{self.path} is no resume point: {otherwise}") from error
        for name in {**run, **self.run}:
            there, here = run.get(name), self.run.get(name)
            if there != here:
                raise TrainingError(
                    f"{self.path} was left by another run: its {name} is {there}, here it is "
                    f"{here}; repeat that run, or {otherwise}"
                )
        return state

    def clear(self) -> None:
        """Remove the file, and what a kill in the middle of writing left beside it."""
        self.path.unlink(missing_ok=True)
        for left in self.folder.glob(".*.part"):
            left.unlink(missing_ok=True)
