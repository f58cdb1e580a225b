"""What subjects that sort inputs into labels share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Stimulus
from explainer.encoding import round_off
from explainer.subjects import Subject


class ClassifierSubject(Subject):
    """A classifier; its outputs are the log-probabilities of its labels."""

    labels: tuple[str, ...]
    artifact_kind: ClassVar[str]

    def outputs(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return the labels."""
        return stimulus.labels

    def explained(self, stimulus: Stimulus, which: str) -> list[int]:
        """Return the predicted label, or all."""
        if which == "all":
            return list(range(len(stimulus.labels)))
        return [stimulus.labels.index(stimulus.predicted)]

    def classified(
        self,
        contents: Iterable[NDArray[Any]],
        truths: Sequence[str | None],
        sources: Sequence[Mapping[str, Any]],
        found: NDArray[np.float64],
    ) -> list[Stimulus]:
        """Make stimuli of contents as artifacts keep them, and log-probabilities (n, labels)."""
        return [
            Stimulus(
                kind=self.artifact_kind,
                content=content,
                truth=truth,
                labels=self.labels,
                log_probabilities=each,
                checkpoint_digest=self.digest,
                source=dict(source),
            )
            for content, truth, source, each in zip(
                contents, truths, sources, round_off(found), strict=True
            )
        ]
