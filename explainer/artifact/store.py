"""The folder that artifacts lie in."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any, TypeVar

from explainer.artifact.explanation import Explanation, Job
from explainer.artifact.fields import expect_schema
from explainer.artifact.measures import Measures
from explainer.artifact.run import RUN_SCHEMA, Run
from explainer.artifact.stimulus import Stimulus
from explainer.encoding import ArtifactError, canonical_json, sha256, write_atomically

LARGEST_JSON = 256 * 2**20

Artifact = TypeVar("Artifact", Stimulus, Explanation)


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
        expect_schema(data, RUN_SCHEMA)
        return Run(
            seconds=data["seconds"],
            evaluations=data["evaluations"],
            device=data["device"],
            versions=data["versions"],
            details=data.get("details", {}),
        )

    def write_measures(self, digest: str, measures: Measures) -> None:
        """Write what was measured of the explanation with this digest, in place of what was there.

        Raises ArtifactError.
        """
        record = {**measures.to_json(), "digest": digest}
        write_atomically(self._measures_path(digest), canonical_json(record))

    def read_measures(self, digest: str) -> Measures | None:
        """Read what was measured of an explanation; None where nothing was yet.

        Raises ArtifactError where the file is damaged.
        """
        path = self._measures_path(digest)
        try:
            return Measures.from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ArtifactError, AttributeError, OSError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path}: no readable metrics ({error}); {_AGAIN}") from error

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

    def _measures_path(self, digest: str) -> Path:
        return self.path(digest).with_name(f"{digest}.metrics.json")

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
