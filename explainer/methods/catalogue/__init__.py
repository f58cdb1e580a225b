"""Every method by name, a file a family."""

from typing import Any

from explainer.methods import Method, MethodError
from explainer.methods.catalogue import (
    attention,
    controls,
    gradient,
    inside,
    perturbation,
    shapley,
)

FAMILIES = {
    "Shapley values": shapley.METHODS,
    "gradients": gradient.METHODS,
    "perturbation": perturbation.METHODS,
    "attention": attention.METHODS,
    "inside the model": inside.METHODS,
    "controls": controls.METHODS,
}
METHODS: dict[str, Method] = {
    method.name: method for family in FAMILIES.values() for method in family
}


def method(name: Any) -> Method:
    """Return a method by name. Raises MethodError listing the known ones."""
    if not isinstance(name, str) or name not in METHODS:
        raise MethodError(f"no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]
