"""With what parameters a gallery shows each method: few enough players to see, and to wait for."""

from typing import Any

from explainer.methods import Method
from explainer.methods.catalogue import METHODS

PREFIX = "catalogue "  # no name that a study may give
OF = "partition"  # what the controls are made from
ACROSS, FEW = 7, 3  # patches along a picture's side, and for methods that try all coalitions
ALL_COALITIONS = ("exact", "interactions")
# Each pixel: the tree's, the gradient's and the window's methods have no trouble with many players.
PATCHES = (
    "adjusted",
    "permutation",
    "kernel",
    "leverage",
    "owen",
    "lime",
    "leave_one_out",
    *ALL_COALITIONS,
)
BUDGETS: dict[str, dict[str, int]] = {
    "kernel": {"evaluations": 2048},
    "leverage": {"evaluations": 2048},
}


def catalogue(kind: str, shape: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Entries of a plan for every method that applies to a kind; shape: the content's."""
    return {
        PREFIX + method.name: _control(method) if method.control else _real(method, kind, shape)
        for method in METHODS.values()
        if kind in method.kinds
    }


def _control(method: Method) -> dict[str, Any]:
    return {"method": method.name, "of": PREFIX + OF, "seed": 0}


def _real(method: Method, kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(BUDGETS.get(method.name, {}))
    if kind == "image" and method.name in PATCHES:
        pieces = FEW if method.name in ALL_COALITIONS else ACROSS
        parameters |= {"players": "patches", "size": -(-max(shape[:2]) // pieces)}
    return {"method": method.name, "parameters": parameters, "output": "predicted", "seed": 0}
