"""What an explanation cost, beside it: `credence/run/1`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from explainer.encoding import Json

RUN_SCHEMA = "credence/run/1"


@dataclass(frozen=True)
class Run:
    """What one explanation cost; never part of its digest.

    seconds: wall time of this job. details: what else a method found out (a rule, a surrogate's
    fidelity), as JSON.
    """

    seconds: float
    evaluations: int
    device: str
    versions: Mapping[str, str]
    details: Json = field(default_factory=dict)
