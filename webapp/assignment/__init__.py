"""Who sees what under which condition, in which order: pure functions of design, seed and counts.

Between-participants conditions are cells. A form says in which row of each Latin square a
participant stands and which block has which level; it is counterbalanced within cells. Stimuli and
their conditions within blocks follow from what people before have met.
"""

from webapp.assignment.conditions import Condition, combinations, condition_of, name_of
from webapp.assignment.design import BlockDesign, Trial, shares
from webapp.assignment.drawing import draw
from webapp.assignment.minimisation import minimising
from webapp.assignment.ordering import arranged, too_long
from webapp.assignment.places import digits, least_filled, least_form
from webapp.assignment.seeded import seeded
from webapp.assignment.sequence import GroupDesign, sequence, squares

__all__ = [
    "BlockDesign",
    "Condition",
    "GroupDesign",
    "Trial",
    "arranged",
    "combinations",
    "condition_of",
    "digits",
    "draw",
    "least_filled",
    "least_form",
    "minimising",
    "name_of",
    "seeded",
    "sequence",
    "shares",
    "squares",
    "too_long",
]
