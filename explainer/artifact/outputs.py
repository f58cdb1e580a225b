"""What a model says of a stimulus beyond labels: a forecast, or a text that goes on."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explainer.artifact.fields import field
from explainer.encoding import ArtifactError, Json, decode_array, encode_array

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Forecast:
    """What a model says of the steps after a series, in its units, each float32 (horizon,).

    naive: the last value repeated. actual: what came, where that is known.
    """

    values: Float32
    naive: Float32
    actual: Float32 | None

    def to_json(self) -> Json:
        """Return it as a JSON object."""
        return {
            "values": encode_array(self.values),
            "naive": encode_array(self.naive),
            "actual": None if self.actual is None else encode_array(self.actual),
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Validate and build. Raises ArtifactError."""
        arrays = {
            name: decode_array(field(data, name, dict), f"forecast.{name}")
            for name in ("values", "naive", "actual")
            if name != "actual" or data.get(name) is not None
        }
        if len({array.shape for array in arrays.values()}) > 1:
            raise ArtifactError("the parts of forecast differ in length")
        return cls(arrays["values"], arrays["naive"], arrays.get("actual"))


@dataclass(frozen=True)
class Continuation:
    """What a language model wrote after a text: tokens as text, which joined are the whole.

    log_probabilities, entropies: float32 (tokens,), of each token and of the distribution that it
    was drawn from, in nats.
    """

    tokens: tuple[str, ...]
    log_probabilities: Float32
    entropies: Float32

    def to_json(self) -> Json:
        """Return it as a JSON object."""
        return {
            "tokens": list(self.tokens),
            "log_probabilities": encode_array(self.log_probabilities),
            "entropies": encode_array(self.entropies),
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Validate and build. Raises ArtifactError."""
        found = cls(
            tuple(field(data, "tokens", list)),
            decode_array(field(data, "log_probabilities", dict), "continuation.log_probabilities"),
            decode_array(field(data, "entropies", dict), "continuation.entropies"),
        )
        if not found.log_probabilities.shape == found.entropies.shape == (len(found.tokens),):
            raise ArtifactError("the parts of continuation differ in length")
        return found
