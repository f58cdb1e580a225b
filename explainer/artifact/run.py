"""What stands beside an explanation: `credence/run/1`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from explainer.encoding import Json

RUN_SCHEMA = "credence/run/1"


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
