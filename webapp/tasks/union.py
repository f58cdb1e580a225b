"""What a block's `trial:` may say: a task by its name alone, or with its options."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from webapp.tasks.advice import Advice
from webapp.tasks.compare import Compare
from webapp.tasks.counterfactual_simulation import CounterfactualSimulation
from webapp.tasks.forward_simulation import ForwardSimulation
from webapp.tasks.highlight import Highlight
from webapp.tasks.name import NameTask
from webapp.tasks.rate import Rate
from webapp.tasks.read import Read


def _named(given: Any) -> Any:
    return {"task": given} if isinstance(given, str) else given


_Any = (
    Rate
    | Advice
    | ForwardSimulation
    | CounterfactualSimulation
    | Compare
    | Highlight
    | NameTask
    | Read
)
_Name = Literal["rate", "advice", "forward_simulation", "highlight", "read"]
Task = Annotated[
    Annotated[_Any, Field(discriminator="task")],
    BeforeValidator(_named, json_schema_input_type=_Name | _Any),
]
