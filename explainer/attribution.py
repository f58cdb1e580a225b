"""From a method's name to its artifact."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from explainer.artifact import Explanation, Job, Stimulus
from explainer.encoding import round_off
from explainer.methods import Attribution, Method
from explainer.plan import FLOAT32
from explainer.precision import compared, reduced
from explainer.shapley.game import Play
from explainer.subjects import Subject

DECIMALS = 6  # below what float32 arithmetic is sure of


def play(
    method: Method,
    subject: Subject,
    stimulus: Stimulus,
    *,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Explain by a method, whether it asks for coalitions or not.

    Any method takes also the parameter `precision`, in which the subject's games are read.
    """
    if subject.kind not in method.kinds:
        raise subject.refuse(method.name)
    parameters = dict(parameters)
    precision = parameters.pop("precision", FLOAT32)
    reader = subject if precision == FLOAT32 else reduced(subject, precision)
    found = method.function(reader, stimulus, outputs, parameters, seed)
    if isinstance(found, Generator):
        if reader is not subject:
            found = compared(found, subject.scorer, precision)
        found = yield from found
    attribution: Attribution = found
    return attribution


def to_artifact(job: Job, kind: str, found: Attribution, outputs: Sequence[str]) -> Explanation:
    """Round an attribution off and make an explanation of it. kind: of the stimulus."""
    values, base, full = (
        round_off(array, DECIMALS) for array in (found.values, found.base_values, found.full_values)
    )
    errors = found.standard_errors
    sums = base.astype(np.float64) + values.sum(0, dtype=np.float64)
    gap = float(round(np.abs(sums - full).max(), DECIMALS)) if found.complete else None
    return Explanation(
        job=job,
        kind=kind,
        players=found.players,
        outputs=tuple(outputs) if found.names is None else found.names,
        value_function=found.value_function,
        values=values,
        base_values=base,
        full_values=full,
        standard_errors=None if errors is None else round_off(errors, DECIMALS),
        completeness_gap=gap,
    )
