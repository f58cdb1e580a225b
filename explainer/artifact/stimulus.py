"""One model input with what the model made of it: `credence/stimulus/1`."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explainer.artifact.fields import expect_schema, field
from explainer.artifact.outputs import Continuation, Float32, Forecast
from explainer.encoding import ArtifactError, Json, decode_array, encode_array

STIMULUS_SCHEMA = "credence/stimulus/1"
KINDS = ("image", "series", "text")


@dataclass(frozen=True)
class Stimulus:
    """One model input with the model's output and, where known, the truth.

    content: an image is uint8 (height, width) or (height, width, 3), a series float32 (length,
    channels), a text uint8 UTF-8 (bytes,). log_probabilities: float32 (labels,), natural logarithm;
    without labels the output is a forecast (of a series) or a continuation (of a text). source:
    where the input came from, for example {"data_sha256": ..., "index": 17}.
    """

    kind: str
    content: NDArray[Any]
    truth: str | None
    labels: tuple[str, ...]
    log_probabilities: Float32
    checkpoint_digest: str
    source: Json
    forecast: Forecast | None = None
    continuation: Continuation | None = None

    @property
    def text(self) -> str:
        """The content of a text."""
        return self.content.tobytes().decode()

    @property
    def predicted(self) -> str:
        """The label with the highest probability, the text that goes on, or the last forecast."""
        if self.forecast is not None:
            return f"{self.forecast.values[-1]:.2f}"
        if self.continuation is not None:
            return "".join(self.continuation.tokens)
        return self.labels[int(self.log_probabilities.argmax())]

    @property
    def model_correct(self) -> bool | None:
        """Whether the prediction is the truth; None where the truth is unknown.

        A forecast counts as right where its mean absolute error is below that of the last value.
        """
        if self.forecast is not None:
            actual = self.forecast.actual
            if actual is None:
                return None
            model, naive = (
                float(np.abs(each - actual).mean())
                for each in (self.forecast.values, self.forecast.naive)
            )
            return model < naive
        return None if self.truth is None else self.predicted == self.truth

    def to_json(self) -> Json:
        """Return the artifact's JSON object."""
        outputs = {"forecast": self.forecast, "continuation": self.continuation}
        return {
            **{name: each.to_json() for name, each in outputs.items() if each is not None},
            "schema": STIMULUS_SCHEMA,
            "kind": self.kind,
            "content": encode_array(self.content),
            "truth": self.truth,
            "labels": list(self.labels),
            "log_probabilities": encode_array(self.log_probabilities),
            "predicted": self.predicted,
            "model_correct": self.model_correct,
            "checkpoint_digest": self.checkpoint_digest,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Validate and build. Raises ArtifactError naming the first bad field."""
        expect_schema(data, STIMULUS_SCHEMA)
        stimulus = cls(
            kind=field(data, "kind", str),
            content=decode_array(field(data, "content", dict), "content"),
            truth=data.get("truth"),
            labels=tuple(field(data, "labels", list)),
            log_probabilities=decode_array(
                field(data, "log_probabilities", dict), "log_probabilities"
            ),
            checkpoint_digest=field(data, "checkpoint_digest", str),
            source=field(data, "source", dict),
            forecast=Forecast.from_json(data["forecast"]) if "forecast" in data else None,
            continuation=(
                Continuation.from_json(data["continuation"]) if "continuation" in data else None
            ),
        )
        if stimulus.kind not in KINDS:
            raise ArtifactError(f"kind is {stimulus.kind!r}, expected one of {', '.join(KINDS)}")
        if stimulus.log_probabilities.shape != (len(stimulus.labels),):
            raise ArtifactError("log_probabilities and labels differ in length")
        return stimulus
