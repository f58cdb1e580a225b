"""How good an explanation is, beside it: `credence/metrics/1`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from explainer.artifact.fields import expect_schema
from explainer.artifact.fields import field as required
from explainer.encoding import ArtifactError, Json

METRICS_SCHEMA = "credence/metrics/1"

Curve = dict[str, list[float]]


@dataclass(frozen=True)
class Measures:
    """What was measured of one explanation; never part of its digest.

    metrics: name -> number; of a random attribution, `random_<name>`; under a mask that the method
    did not use, `<name>_other_mask`. curves: name -> {shares, deletion, insertion}, lists of one
    length. asked: the groups of metrics that were asked for (explainer.metrics.phase), so that none
    is measured twice. reasons: why a group gave nothing, by its name. What measuring took:
    evaluations and seconds.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    evaluations: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Measures") -> "Measures":
        """Both."""
        return Measures(
            {**self.metrics, **other.metrics},
            {**self.curves, **other.curves},
            tuple(sorted({*self.asked, *other.asked})),
            {**self.reasons, **other.reasons},
            self.evaluations + other.evaluations,
            round(self.seconds + other.seconds, 3),
        )

    def to_json(self) -> Json:
        """Return the file's JSON object."""
        return {
            "schema": METRICS_SCHEMA,
            "metrics": dict(self.metrics),
            "curves": dict(self.curves),
            "asked": list(self.asked),
            "reasons": dict(self.reasons),
            "evaluations": self.evaluations,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Validate and build. Raises ArtifactError naming the first bad field."""
        expect_schema(data, METRICS_SCHEMA)
        found = cls(
            metrics=required(data, "metrics", dict),
            curves=required(data, "curves", dict),
            asked=tuple(required(data, "asked", list)),
            reasons=required(data, "reasons", dict),
            evaluations=required(data, "evaluations", int),
            seconds=float(data.get("seconds", 0.0)),
        )
        for name, value in found.metrics.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ArtifactError(f"metrics.{name} is no number")
        for name, curve in found.curves.items():
            lengths = {len(required(curve, k, list)) for k in ("shares", "deletion", "insertion")}
            if len(lengths) > 1:
                raise ArtifactError(f"the parts of curves.{name} differ in length")
        return found
