"""What can be asked of an explanation: groups of metrics, each measured at once and never twice."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Measures, Stimulus
from explainer.attribution import DECIMALS, play
from explainer.encoding import round_off
from explainer.jobs import Piece
from explainer.methods import MethodError
from explainer.metrics.agreement import rank_agreement, top_overlap
from explainer.metrics.measure import Known, main_output, measure
from explainer.metrics.stability import NEIGHBOURS, stability
from explainer.plan import LARGEST_SEED
from explainer.shapley.game import Ask, Found, NotFiniteError, Play
from explainer.subjects import Subject

Float64 = NDArray[np.float64]


class NotFiniteValuesError(MethodError):
    """What a method gives is NaN or infinite."""


@dataclass(frozen=True)
class Question:
    """An explanation that is there, and what is asked of it."""

    piece: Piece
    explanation: Explanation
    known: Known

    @property
    def stimulus(self) -> Stimulus:
        """What it explains."""
        return self.piece.prepared.stimulus(self.piece.row)


def removal(question: Question) -> Play[Measures]:
    """Removal, infidelity, faithfulness and sparsity, beside a random attribution's."""
    piece = question.piece
    if piece.recipe.method.words is not None:
        raise MethodError("it has words instead of values")
    made_by = piece.of or piece.recipe
    found, rows = yield from _counted(
        measure(
            piece.prepared.subject,
            question.stimulus,
            question.explanation,
            made_by.parameters.get("mask", "default"),
            mask_seed=made_by.seed,
            known=question.known,
        )
    )
    return replace(found, evaluations=rows)


def sensitivity(question: Question) -> Play[Measures]:
    """How far it moves when the input hardly does: local Lipschitz estimate, max-sensitivity."""
    again = _Again(question)
    found = yield from stability(
        question.stimulus, again.values, again.explain, question.explanation.job.seed
    )
    metrics = {"max_sensitivity": found.max_sensitivity, "lipschitz": found.lipschitz}
    return Measures(metrics, evaluations=again.evaluations)


def seeds(question: Question) -> Play[Measures]:
    """How alike the same method makes it by the next seed: ranks, and the top tenth."""
    again = _Again(question)
    again.seed = (again.seed + 1) % (LARGEST_SEED + 1)
    other = yield from again.explain(question.stimulus)
    metrics = {"seed_top_overlap": top_overlap(again.values, other)}
    agreed = rank_agreement(again.values, other)
    if agreed is not None:
        metrics["seed_agreement"] = agreed
    return Measures(metrics, evaluations=again.evaluations)


def randomised(question: Question) -> Play[Measures]:
    """How alike it is where the model never learnt anything: near 0 is what it should be.

    Source: Adebayo et al. 2018, arXiv:1810.03292 (all weights at once; ranks of values, and of
    absolute values).
    """
    again = _Again(question)
    again.subject = question.piece.prepared.randomised(again.seed)
    other = yield from again.explain(question.stimulus)
    agreed = {
        "randomised_agreement": rank_agreement(again.values, other),
        "randomised_agreement_absolute": rank_agreement(np.abs(again.values), np.abs(other)),
    }
    metrics = {name: value for name, value in agreed.items() if value is not None}
    return Measures(metrics, evaluations=again.evaluations)


GROUPS: dict[str, Callable[[Question], Play[Measures]]] = {
    "removal": removal,
    "sensitivity": sensitivity,
    "seeds": seeds,
    "randomised": randomised,
}
ALWAYS = ("removal",)
COSTLY = ("sensitivity", "seeds", "randomised")
# How many explanations each of these makes.
EXPLANATIONS = {"sensitivity": NEIGHBOURS, "seeds": 1, "randomised": 1}


def ask(question: Question, group: str) -> Play[Measures]:
    """Measure one group; where it does not apply there are no metrics, and a reason.

    Raises MethodError, naming the stimulus, where something is not finite.
    """
    with question.piece.named():
        try:
            found = yield from GROUPS[group](question)
        except (NotFiniteError, NotFiniteValuesError):
            raise
        except MethodError as error:
            return Measures(asked=(group,), reasons={group: str(error)})
        for name, value in found.metrics.items():
            if not np.isfinite(value):
                raise MethodError(f"the metric {name} is NaN or infinite")
    return replace(found, asked=(group,))


class _Again:
    """The same method again: on another input, by another seed, or of another model."""

    def __init__(self, question: Question) -> None:
        """Raises MethodError for a control, which no method made."""
        piece, explanation = question.piece, question.explanation
        if piece.of is not None:
            raise MethodError(
                f"a control is made from another explanation; this is measured of {piece.of.name}"
            )
        self._recipe, self._column = piece.recipe, main_output(question.stimulus, explanation)
        self.values: Float64 = explanation.values[:, self._column].astype(np.float64)
        self.subject: Subject = piece.prepared.subject
        self.seed, self.evaluations = piece.recipe.seed, 0

    def explain(self, stimulus: Stimulus) -> Play[Float64]:
        """The values (players,) of the output that is measured, as an artifact rounds them off."""
        parameters = dict(self._recipe.parameters)
        outputs = self.subject.explained(stimulus, parameters.pop("output"))
        found = yield from play(
            self._recipe.method,
            self.subject,
            stimulus,
            outputs=outputs,
            parameters=parameters,
            seed=self.seed,
        )
        self.evaluations += found.evaluations
        if found.values.shape[0] != len(self.values) or self._column >= found.values.shape[1]:
            raise MethodError(
                "its players or outputs are others each time, so none can be compared"
            )
        if not np.isfinite(found.values).all():
            raise NotFiniteValuesError("what the method gives is NaN or infinite")
        values: Float64 = round_off(found.values[:, self._column], DECIMALS).astype(np.float64)
        return values


def _counted(play: Play[Found]) -> Play[tuple[Found, int]]:
    """Play on, and return also how many rows the model read."""
    rows, answer = 0, None
    while True:
        try:
            asked: Ask = next(play) if answer is None else play.send(answer)
        except StopIteration as stop:
            return stop.value, rows
        answer = yield asked
        rows += len(asked.coalitions) * asked.game.repeats
