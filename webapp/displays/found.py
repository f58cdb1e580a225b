"""What else a method found out, which stands beside an explanation: prototypes, a stand-in."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import ArtifactError, Explanation, Store


def details(store: Store, digest: str, explanation: Explanation) -> Mapping[str, Any]:
    """What the run found out; of a control what the run of its source did, so both look alike.

    Raises ArtifactError where the run's record is missing.
    """
    return store.read_run(explanation.job.parameters.get("of", digest)).details


def prototypes(found: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """Pictures (concepts, n, height, width[, 3]) as explainer.methods.senn packs them.

    None where the checkpoint has none. Raises ArtifactError where they are damaged.
    """
    packed = found.get("prototypes", {})
    if "zlib" not in packed:
        return None
    try:
        raw = zlib.decompress(base64.b64decode(packed["zlib"], validate=True))
        return np.frombuffer(raw, np.uint8).reshape(packed["shape"])
    except (binascii.Error, zlib.error, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"prototypes cannot be read ({error})") from error


def fidelity(found: Mapping[str, Any]) -> float | None:
    """R2 of the simpler function that was explained in the model's place, on held-out windows."""
    return found["fidelity"]["r2"] if "surrogate" in found else None
