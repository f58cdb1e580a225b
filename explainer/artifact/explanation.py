"""One job and its result: `credence/explanation/1`."""

from dataclasses import dataclass
from typing import Self

from explainer.artifact.fields import expect_schema, field
from explainer.artifact.outputs import Float32
from explainer.encoding import (
    ArtifactError,
    Json,
    canonical_json,
    decode_array,
    encode_array,
    sha256,
)

EXPLANATION_SCHEMA = "credence/explanation/1"


@dataclass(frozen=True)
class Job:
    """What identifies one explanation before it is computed: stimulus x method x parameters.

    parameters: JSON values only; everything that changes the result is in here.
    """

    stimulus_digest: str
    checkpoint_digest: str
    method: str
    parameters: Json
    seed: int

    @property
    def key(self) -> str:
        """SHA-256 of the job; two runs with the same key are the same work."""
        return sha256(canonical_json(self.to_json()))

    def to_json(self) -> Json:
        """Return the job as a JSON object."""
        return {
            "stimulus_digest": self.stimulus_digest,
            "checkpoint_digest": self.checkpoint_digest,
            "method": self.method,
            "parameters": self.parameters,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Explanation:
    """One job's result.

    players: for each player what it is: an image's pixel indices (row-major, in true order), a
    text's [start, end) character span, a series' [start, end) time span. outputs: the labels or
    tokens explained. values (players, outputs), base_values (outputs,), full_values (outputs,)
    float32, in the unit of the value function; standard_errors like values, where the estimator
    has them. completeness_gap: largest |base + sum of values - full| over outputs, null where the
    method defines none. value_function: what masking means, by name.
    """

    job: Job
    kind: str
    players: tuple[tuple[int, ...], ...]
    outputs: tuple[str, ...]
    value_function: str
    values: Float32
    base_values: Float32
    full_values: Float32
    standard_errors: Float32 | None
    completeness_gap: float | None

    def to_json(self) -> Json:
        """Return the artifact's JSON object. Raises ArtifactError where an array is not finite."""
        errors = self.standard_errors
        return {
            "schema": EXPLANATION_SCHEMA,
            "job": self.job.to_json(),
            "job_key": self.job.key,
            "kind": self.kind,
            "players": [list(player) for player in self.players],
            "outputs": list(self.outputs),
            "value_function": self.value_function,
            "values": encode_array(self.values),
            "base_values": encode_array(self.base_values),
            "full_values": encode_array(self.full_values),
            "standard_errors": None if errors is None else encode_array(errors),
            "completeness_gap": self.completeness_gap,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Validate and build. Raises ArtifactError naming the first bad field."""
        expect_schema(data, EXPLANATION_SCHEMA)
        job = field(data, "job", dict)
        errors = data.get("standard_errors")
        explanation = cls(
            job=Job(
                stimulus_digest=field(job, "stimulus_digest", str),
                checkpoint_digest=field(job, "checkpoint_digest", str),
                method=field(job, "method", str),
                parameters=field(job, "parameters", dict),
                seed=field(job, "seed", int),
            ),
            kind=field(data, "kind", str),
            players=tuple(tuple(player) for player in field(data, "players", list)),
            outputs=tuple(field(data, "outputs", list)),
            value_function=field(data, "value_function", str),
            values=decode_array(field(data, "values", dict), "values"),
            base_values=decode_array(field(data, "base_values", dict), "base_values"),
            full_values=decode_array(field(data, "full_values", dict), "full_values"),
            standard_errors=None if errors is None else decode_array(errors, "standard_errors"),
            completeness_gap=data.get("completeness_gap"),
        )
        if data.get("job_key") != explanation.job.key:
            raise ArtifactError("job_key is not the SHA-256 of the job")
        players, outputs = len(explanation.players), len(explanation.outputs)
        if explanation.values.shape != (players, outputs):
            raise ArtifactError(
                f"values has shape {explanation.values.shape}, expected {(players, outputs)}"
            )
        for name in ("base_values", "full_values"):
            if getattr(explanation, name).shape != (outputs,):
                raise ArtifactError(f"{name} does not have one value for each output")
        return explanation
