"""The file formats between explainer and webapp: stimuli, explanations, and the store they lie in.

A stimulus (`credence/stimulus/1`) and an explanation (`credence/explanation/1`) are one file each,
`<2 hex>/<digest>.json.gz`: canonical JSON (sorted keys, no spaces, UTF-8, no NaN), gzipped with no
time. The digest is the SHA-256 of that JSON, so a file's name says what its content must be, and
equal content is one file. What a run cost, which versions ran it and every metric stand beside an
explanation in `<digest>.run.json` (`credence/run/1`), so that they never change its digest.
`jobs/<2 hex>/<job key>` holds the digest which that job gave.

This module needs numpy at most: the web server reads artifacts without torch.
"""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from explainer.encoding import (
    ArtifactError,
    Json,
    canonical_json,
    decode_array,
    encode_array,
    sha256,
    write_atomically,
)

__all__ = [
    "ArtifactError",
    "Continuation",
    "Explanation",
    "Forecast",
    "Job",
    "Run",
    "Stimulus",
    "Store",
    "canonical_json",
    "sha256",
    "write_atomically",
]

STIMULUS_SCHEMA = "credence/stimulus/1"
EXPLANATION_SCHEMA = "credence/explanation/1"
RUN_SCHEMA = "credence/run/1"
KINDS = ("image", "series", "text")
LARGEST_JSON = 256 * 2**20

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
            name: decode_array(_field(data, name, dict), f"forecast.{name}")
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
            tuple(_field(data, "tokens", list)),
            decode_array(_field(data, "log_probabilities", dict), "continuation.log_probabilities"),
            decode_array(_field(data, "entropies", dict), "continuation.entropies"),
        )
        if not found.log_probabilities.shape == found.entropies.shape == (len(found.tokens),):
            raise ArtifactError("the parts of continuation differ in length")
        return found


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
        _expect_schema(data, STIMULUS_SCHEMA)
        stimulus = cls(
            kind=_field(data, "kind", str),
            content=decode_array(_field(data, "content", dict), "content"),
            truth=data.get("truth"),
            labels=tuple(_field(data, "labels", list)),
            log_probabilities=decode_array(
                _field(data, "log_probabilities", dict), "log_probabilities"
            ),
            checkpoint_digest=_field(data, "checkpoint_digest", str),
            source=_field(data, "source", dict),
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
        _expect_schema(data, EXPLANATION_SCHEMA)
        job = _field(data, "job", dict)
        errors = data.get("standard_errors")
        explanation = cls(
            job=Job(
                stimulus_digest=_field(job, "stimulus_digest", str),
                checkpoint_digest=_field(job, "checkpoint_digest", str),
                method=_field(job, "method", str),
                parameters=_field(job, "parameters", dict),
                seed=_field(job, "seed", int),
            ),
            kind=_field(data, "kind", str),
            players=tuple(tuple(player) for player in _field(data, "players", list)),
            outputs=tuple(_field(data, "outputs", list)),
            value_function=_field(data, "value_function", str),
            values=decode_array(_field(data, "values", dict), "values"),
            base_values=decode_array(_field(data, "base_values", dict), "base_values"),
            full_values=decode_array(_field(data, "full_values", dict), "full_values"),
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


@dataclass(frozen=True)
class Run:
    """What one explanation cost and how good it is; never part of its digest.

    seconds: wall time of this job. metrics: name -> number. details: what else a method found out
    (a rule, a surrogate's fidelity), as JSON.
    """

    seconds: float
    evaluations: int
    device: str
    versions: Mapping[str, str]
    metrics: Mapping[str, float]
    details: Json = field(default_factory=dict)


Artifact = TypeVar("Artifact", Stimulus, Explanation)
Value = TypeVar("Value")


class Store:
    """A folder of artifacts. Writing is atomic, reading checks the digest."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which is created by the first write."""
        self.root = root

    def path(self, digest: str) -> Path:
        """Where the artifact with this digest lies."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ArtifactError(f"{digest!r} is not a digest: 64 lower-case hex digits expected")
        return self.root / digest[:2] / f"{digest}.json.gz"

    def write(self, artifact: Any) -> str:
        """Write an artifact unless it is there already; return its digest.

        artifact: a Stimulus, an Explanation, or what explain() made, which has one as `artifact`.
        Raises ArtifactError when the disk is full or the folder cannot be written; no partial
        file is left.
        """
        data = canonical_json(getattr(artifact, "artifact", artifact).to_json())
        digest = sha256(data)
        path = self.path(digest)
        if not self._intact(path, digest):
            write_atomically(path, gzip.compress(data, mtime=0))
        return digest

    def read_stimulus(self, digest: str) -> Stimulus:
        """Read a stimulus. Raises ArtifactError where it is missing or damaged."""
        return self._parse(digest, Stimulus)

    def read_explanation(self, digest: str) -> Explanation:
        """Read an explanation. Raises ArtifactError where it is missing or damaged."""
        return self._parse(digest, Explanation)

    def write_result(self, explanation: Explanation, run: Run) -> str:
        """Write an explanation, its run beside it, and mark its job done; return the digest."""
        digest = self.write(explanation)
        record = {
            "schema": RUN_SCHEMA,
            "digest": digest,
            "seconds": run.seconds,
            "evaluations": run.evaluations,
            "device": run.device,
            "versions": dict(run.versions),
            "metrics": dict(run.metrics),
            "details": run.details,
        }
        write_atomically(self._run_path(digest), canonical_json(record))
        write_atomically(self._job_path(explanation.job.key), digest.encode())
        return digest

    def read_run(self, digest: str) -> Run:
        """Read what stands beside an explanation. Raises ArtifactError where it is missing."""
        path = self._run_path(digest)
        try:
            data = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{path}: no readable run record ({error}); {_AGAIN}") from error
        _expect_schema(data, RUN_SCHEMA)
        return Run(
            seconds=data["seconds"],
            evaluations=data["evaluations"],
            device=data["device"],
            versions=data["versions"],
            metrics=data["metrics"],
            details=data.get("details", {}),
        )

    def find(self, job: Job) -> str | None:
        """Return the digest of a finished job whose artifact is intact, else None."""
        try:
            digest = self._job_path(job.key).read_text()
        except FileNotFoundError:
            return None
        try:
            intact = self._intact(self.path(digest), digest)
        except ArtifactError:
            return None
        return digest if intact and self._run_path(digest).exists() else None

    def _run_path(self, digest: str) -> Path:
        return self.path(digest).with_name(f"{digest}.run.json")

    def _job_path(self, key: str) -> Path:
        return self.root / "jobs" / key[:2] / key

    def _parse(self, digest: str, kind: type[Artifact]) -> Artifact:
        path = self.path(digest)
        try:
            return kind.from_json(json.loads(_read_checked(path, digest)))
        except (ArtifactError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path}: {error}; {_AGAIN}") from error

    @staticmethod
    def _intact(path: Path, digest: str) -> bool:
        try:
            _read_checked(path, digest)
        except ArtifactError:
            return False
        return True


_AGAIN = "run flask precompute for this study again to write it anew"


def _read_checked(path: Path, digest: str) -> bytes:
    try:
        with gzip.open(path) as file:
            data = file.read(LARGEST_JSON + 1)
    except FileNotFoundError as error:
        raise ArtifactError("no such artifact") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ArtifactError(f"the file is damaged ({error})") from error
    if len(data) > LARGEST_JSON:
        raise ArtifactError(f"the file holds more than {LARGEST_JSON} bytes")
    if sha256(data) != digest:
        raise ArtifactError("the content does not match the digest in its name")
    return data


def _expect_schema(data: Any, schema: str) -> None:
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        raise ArtifactError(f"schema is {found!r}, expected {schema!r}")


def _field(data: Mapping[str, Any], name: str, kind: type[Value]) -> Value:
    value = data.get(name)
    if not isinstance(value, kind):
        raise ArtifactError(f"{name} is missing or is not {kind.__name__}")
    return value
