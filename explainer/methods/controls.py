"""Controls: explanations that look real and are wrong on purpose.

Their completeness gap is null: their values were not made for this stimulus.
"""

from dataclasses import replace

import numpy as np

from explainer.artifact import Explanation, Job


def mismatched(source: Explanation, job: Job) -> Explanation:
    """Another stimulus's explanation, whole, under this stimulus's job."""
    return replace(source, job=job, completeness_gap=None)


def shuffled(source: Explanation, job: Job) -> Explanation:
    """The stimulus's own explanation with the values dealt to the players by the job's seed."""
    random = np.random.default_rng([job.seed, int(job.stimulus_digest, 16)])
    order = random.permutation(len(source.players))
    errors = source.standard_errors
    return replace(
        source,
        job=job,
        values=source.values[order],
        standard_errors=None if errors is None else errors[order],
        completeness_gap=None,
    )
